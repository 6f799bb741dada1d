//! The daemon as a process, against a real broker and the WeChat simulator.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "all of this is test; clippy sees that only of functions marked #[test]"
)]

mod accounts;
mod bench;
#[expect(dead_code, reason = "the driver's own tests make it fail in more ways")]
#[path = "../../src/barrier/modbus/tests/board.rs"]
mod board;
mod broker;
mod camera;
mod daemon;
#[path = "../power/device.rs"]
mod device;
#[path = "../power/disk.rs"]
mod disk;
mod driver;
#[path = "../../src/wechat/tests/identity.rs"]
mod identity;
mod reading;
mod shift;
mod small_disk;
#[path = "../../src/camera/serial/tests/terminal.rs"]
mod terminal;
mod wait;

mod afterwards;
mod asking;
mod bills;
mod broker_loss;
mod by_code;
mod callbacks;
mod clock;
mod commands;
mod cuts;
mod damage;
mod deciding;
mod disks;
mod erasure;
mod failing_medium;
mod favours;
mod forgery;
mod frozen;
mod idle;
mod interactive;
mod merchant;
mod obstacles;
mod outage;
mod partner;
mod passage;
mod payment;
mod preparing;
mod prices;
mod readings;
mod relay;
mod rubbish;
mod rush;
mod secrecy;
mod serial;
mod several;
mod starting;
mod systemd;
mod tls;
mod topics;
mod zones;

/// How long cars stay.
mod stay {
    use std::time::Duration;

    /// Long enough to cost something.
    pub const CHARGED: Duration = Duration::from_millis(2_300);
}
