//! The rules of a lane: readings, stays, prices, who may pass. Pure: no clock, no I/O, no randomness.

pub mod alarm;
pub mod entry;
pub mod exit;
pub mod freshness;
pub mod guard;
pub mod listing;
pub mod near;
pub mod number;
pub mod packing;
pub mod places;
pub mod plate;
pub mod raise;
pub mod reading;
pub mod service;
pub mod session;
pub mod shelf;
pub mod tariff;
pub mod time;
