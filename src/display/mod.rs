//! Displays and voice boards on RS485, directly or through a camera.

pub mod olm;
