//! The gate: the only place that knows everybody.

pub mod inbox;
pub mod turn;
