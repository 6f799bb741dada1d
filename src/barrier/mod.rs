//! Barriers: how a raise reaches the arm. A raise is sent now or not at all.
//!
//! A driver pulses its relay and lets go of it by itself, whatever happens in between. What it says
//! of a relay is not what the arm does: only a limit switch or a loop shows that.

mod camera;
mod condition;
pub mod gpio;
pub mod modbus;
#[cfg(test)]
mod told;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use crate::lane::alarm::Alarm;
use crate::lane::number::LedgerId;
use crate::lane::session::LaneId;
use crate::lane::time::Moment;

pub use camera::CameraRelay;

/// One way to raise an arm.
pub trait Barrier: Send {
    /// Pulses the relay once. Returns at once; what the relay did comes back as an event.
    ///
    /// # Errors
    /// When the command did not leave this box; it will not leave later either.
    fn raise(&self, order: &RaiseOrder) -> Result<(), String>;

    /// How it is doing, for people.
    fn state(&self) -> State;

    /// Whether an order goes through the lane's camera. A silent one is then told nothing: the
    /// command might wait somewhere and raise the arm long after its car has gone.
    fn needs_camera(&self) -> bool {
        false
    }
}

/// A raise on its way to the arm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RaiseOrder {
    /// Names the raise in the reply.
    pub command_id: String,
    /// Worth nothing afterwards.
    pub valid_until: Moment,
}

/// What a driver reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BarrierEvent {
    /// What became of an order that [`Barrier::raise`] took.
    Raised {
        lane: LaneId,
        command_id: String,
        outcome: Outcome,
    },
    /// The arm's upper limit switch closed.
    ArmUp { lane: LaneId },
    /// The loop under the arm became occupied or free.
    ClosingLoop { lane: LaneId, occupied: bool },
    /// The driver cannot do its work, or can again.
    Alarm(Alarm),
}

/// What became of an order, as far as its driver can tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The relay was driven.
    Driven,
    /// It was not.
    NotDriven { why: String },
    /// It may have been.
    Uncertain { why: String },
}

/// Who is told what drivers report. It is called from their own threads and must not block.
pub type Sink = Arc<dyn Fn(BarrierEvent) + Send + Sync>;

/// How a barrier's driver is doing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct State {
    /// As the configuration names it.
    pub driver: &'static str,
    /// Which line or relay.
    pub device: String,
    #[serde(flatten)]
    pub health: Health,
}

/// Whether a driver can do its work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "health", content = "fault")]
pub enum Health {
    /// It has not found out yet.
    Starting,
    Ready,
    /// It cannot; why, and what to do.
    Failed(String),
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

    /// See [`Barrier::needs_camera`].
    pub fn needs_camera(&self, lane: &LaneId) -> bool {
        self.0
            .get(lane)
            .is_some_and(|barrier| barrier.needs_camera())
    }

    /// How each of them is doing.
    pub fn states(&self) -> Vec<(&LaneId, State)> {
        let all = self.0.iter();
        all.map(|(lane, barrier)| (lane, barrier.state())).collect()
    }
}

/// `{ledger}-{raise}-{issue}`: comes back in the driver's reply.
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

    #[test]
    fn a_state_is_told_with_its_fault_beside_it() {
        let state = |health| State {
            driver: "gpio",
            device: "BARRIER_OUT1".into(),
            health,
        };
        let json = |health| serde_json::to_value(state(health)).unwrap();
        assert_eq!(json(Health::Ready)["health"], "ready");
        let failed = json(Health::Failed("in use".into()));
        assert_eq!(
            failed,
            serde_json::json!({
                "driver": "gpio", "device": "BARRIER_OUT1", "health": "failed", "fault": "in use"
            })
        );
    }
}
