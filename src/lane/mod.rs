//! The rules of a lane: readings, stays, prices, who may pass. Pure: no clock, no I/O, no randomness.

pub mod near;
pub mod number;
pub mod plate;
pub mod reading;
pub mod tariff;
pub mod time;
