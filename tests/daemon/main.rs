//! The daemon as a process, against a real broker and the WeChat simulator.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "all of this is test; clippy sees that only of functions marked #[test]"
)]

mod accounts;
mod bench;
mod broker;
mod camera;
mod daemon;
mod reading;
mod wait;

mod broker_loss;
mod clock;
mod commands;
mod damage;
mod forgery;
mod frozen;
mod merchant;
mod obstacles;
mod outage;
mod passage;
mod payment;
mod readings;
mod rubbish;
mod rush;
mod secrecy;
mod several;
mod starting;
mod systemd;
mod tls;
mod topics;

/// How long cars stay.
mod stay {
    use std::time::Duration;

    /// Long enough to cost something.
    pub const CHARGED: Duration = Duration::from_millis(2_300);
}
