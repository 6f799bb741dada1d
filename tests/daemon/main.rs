//! The daemon as a process, against a real broker and the WeChat simulator.

mod accounts;
mod bench;
mod broker;
mod camera;
mod daemon;
mod reading;
mod wait;

mod passage;
mod power;

/// How long cars stay.
mod stay {
    use std::time::Duration;

    /// Long enough to cost something.
    pub const CHARGED: Duration = Duration::from_millis(2_300);
}
