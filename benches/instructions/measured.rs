//! What is counted, each by the name of its function. The words keep functions apart that the
//! linker would otherwise make one.

use std::hint::black_box;

use parkgate::barrier;
use parkgate::camera::vz_mqtt::{Layout, Outgoing, OutputValue, VzCommand, decode, encode};
use parkgate::charges::queue::Call;
use parkgate::gate::ears::Ears;
use parkgate::gate::turn::{Outcome, Turner};
use parkgate::lane::session::LaneId;
use parkgate::lane::time::Now;
use parkgate::park::event::Event;
use parkgate::park::step::Command;

use crate::lanes::Kept;

/// What may leave the box once a turn is on disk.
pub struct Left {
    pub opens: Vec<Outgoing>,
    pub calls: Vec<Call>,
    pub outcome: Outcome,
}

/// A lane's camera as the configuration names it.
pub struct Camera {
    pub serial: String,
    pub lane: LaneId,
}

/// The parts of the loop that an event passes through.
pub struct Parts {
    pub ears: Ears,
    pub turner: Turner<Kept>,
    pub cameras: Vec<Camera>,
}

/// A message as the broker delivers it.
pub struct Message {
    pub topic: String,
    pub payload: Vec<u8>,
}

#[inline(never)]
pub fn reading_at_entry(parts: &mut Parts, message: &Message, now: Now) -> Left {
    black_box("entry");
    parts.message(message, now)
}

#[inline(never)]
pub fn reading_at_free_exit(parts: &mut Parts, message: &Message, now: Now) -> Left {
    black_box("free exit");
    parts.message(message, now)
}

#[inline(never)]
pub fn reading_at_charged_exit(parts: &mut Parts, message: &Message, now: Now) -> Left {
    black_box("charged exit");
    parts.message(message, now)
}

#[inline(never)]
pub fn answer_to_charge(parts: &mut Parts, event: Event, now: Now) -> Left {
    parts.turn(vec![event], now)
}

impl Parts {
    /// As the loop takes a message in.
    pub fn message(&mut self, message: &Message, now: Now) -> Left {
        let heard = decode(&message.topic, &message.payload, false, now);
        self.ears.heard(&heard.camera_id, now.moment);
        let events = self.ears.event(heard).into_iter().collect();
        self.turn(events, now)
    }

    /// As the loop turns.
    pub fn turn(&mut self, events: Vec<Event>, now: Now) -> Left {
        let outcome = self.turner.turn(events, now);
        let (mut opens, mut calls) = (Vec::new(), Vec::new());
        for command in outcome.taken.iter().flat_map(|taken| &taken.step.commands) {
            match command {
                Command::RaiseBarrier {
                    lane, raise, issue, ..
                } => opens.extend(self.open(lane, *raise, *issue, now)),
                Command::Call(call) => calls.push(call.clone()),
            }
        }
        Left {
            opens,
            calls,
            outcome,
        }
    }

    fn open(&self, lane: &LaneId, raise: u64, issue: u8, now: Now) -> Option<Outgoing> {
        let camera = self.cameras.iter().find(|camera| camera.lane == *lane)?;
        let command = VzCommand::GpioOut {
            io: 0,
            value: OutputValue::Pulse,
            delay_ms: 500,
        };
        let id = barrier::command_id(self.turner.park().ledger(), raise, issue);
        let layout = Layout::default();
        Some(encode(layout, &camera.serial, &command, &id, now.wall))
    }
}
