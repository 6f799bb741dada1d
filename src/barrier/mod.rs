//! Barriers: how a raise reaches the arm. A raise is sent now or not at all.

use std::collections::BTreeMap;

use crate::camera::mqtt::Link;
use crate::camera::vz_mqtt::{OutputValue, VzCommand};
use crate::lane::number::LedgerId;
use crate::lane::session::LaneId;
use crate::lane::time::Moment;

/// One way to raise an arm.
pub trait Barrier: Send {
    /// Pulses the relay once. Returns at once; what the relay did comes back as an event.
    ///
    /// # Errors
    /// When the command did not leave this box; it will not leave later either.
    fn raise(&self, order: &RaiseOrder) -> Result<(), String>;
}

/// A raise on its way to the arm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RaiseOrder {
    /// Names the raise in the reply.
    pub command_id: String,
    /// Worth nothing afterwards.
    pub valid_until: Moment,
}

/// The relay output of a VZ camera.
pub struct CameraRelay {
    pub link: std::sync::Arc<Link>,
    pub camera_id: String,
    /// From 0.
    pub output: u8,
    /// Length of the pulse, milliseconds.
    pub pulse_ms: u16,
}

impl Barrier for CameraRelay {
    fn raise(&self, order: &RaiseOrder) -> Result<(), String> {
        let command = VzCommand::GpioOut {
            io: self.output,
            value: OutputValue::Pulse,
            delay_ms: self.pulse_ms,
        };
        let id = order.command_id.clone();
        self.link
            .send(&self.camera_id, &command, id, order.valid_until)
            .map_err(|not_sent| not_sent.to_string())
    }
}

/// The barriers of this box, by lane.
#[derive(Default)]
pub struct Barriers(BTreeMap<LaneId, Box<dyn Barrier>>);

impl Barriers {
    /// The barrier of a lane.
    pub fn set(&mut self, lane: LaneId, barrier: Box<dyn Barrier>) {
        self.0.insert(lane, barrier);
    }

    /// See [`Barrier::raise`].
    ///
    /// # Errors
    /// As there.
    pub fn raise(&self, lane: &LaneId, order: &RaiseOrder) -> Result<(), String> {
        match self.0.get(lane) {
            Some(barrier) => barrier.raise(order),
            None => Err(format!("lane {lane} has no barrier")),
        }
    }
}

/// `{ledger}-{raise}-{issue}`: comes back in the camera's reply.
pub fn command_id(ledger: LedgerId, raise: u64, issue: u8) -> String {
    format!("{ledger}-{raise}-{issue}")
}

/// The raise that a reply names, if it is one of this ledger's.
pub fn raise_of(ledger: LedgerId, command_id: &str) -> Option<u64> {
    let rest = command_id.strip_prefix(&format!("{ledger}-"))?;
    let (raise, _issue) = rest.split_once('-')?;
    raise.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_names_its_raise_and_nobody_elses() {
        let (ours, others) = (LedgerId::from_random(1), LedgerId::from_random(2));
        assert_eq!(raise_of(ours, &command_id(ours, 17, 2)), Some(17));
        assert_eq!(raise_of(ours, &command_id(others, 17, 1)), None);
        assert_eq!(raise_of(ours, "c-7f31"), None);
    }
}
