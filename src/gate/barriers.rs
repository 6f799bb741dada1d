//! The barriers of a configuration, each with its driver.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::inbox::{Inbox, Message};
use crate::barrier::gpio::{self, GpioRelay, KernelChip, LineName};
use crate::barrier::modbus;
use crate::barrier::{self, BarrierEvent, Barriers, CameraRelay, Outcome, Sink};
use crate::camera::mqtt::Link;
use crate::clock::Clock;
use crate::config;
use crate::lane::number::LedgerId;
use crate::lane::session::LaneId;
use crate::park::event::Event;
use crate::serial::PortSettings;

/// Starts every driver. None of them is waited for: what cannot be used yet is an alarm.
///
/// # Errors
/// When the system gives no thread.
pub fn start(
    lanes: &[config::Lane],
    link: Option<&Arc<Link>>,
    clock: &Clock,
    inbox: &Inbox,
) -> io::Result<Barriers> {
    let mut barriers = Barriers::default();
    let mut ports: BTreeMap<&Path, (&PortSettings, Vec<modbus::Settings>)> = BTreeMap::new();
    let sink = sink(inbox.clone());
    for lane in lanes {
        let id = LaneId(lane.id.clone());
        match &lane.barrier {
            config::Barrier::Camera { output, pulse_ms } => {
                // There is one where a lane's camera has a relay.
                let Some(link) = link else { continue };
                let relay = CameraRelay {
                    link: Arc::clone(link),
                    camera_id: lane.camera.device_id.clone(),
                    output: *output,
                    pulse_ms: u16::try_from(*pulse_ms).unwrap_or(u16::MAX),
                };
                barriers.set(id, Box::new(relay));
            }
            config::Barrier::Gpio(gpio) => {
                let settings = gpio_settings(id.clone(), gpio);
                let chip = Arc::new(KernelChip);
                let relay = GpioRelay::start(&settings, chip, clock.clone(), sink.clone())?;
                barriers.set(id, Box::new(relay));
            }
            config::Barrier::Modbus(modbus) => {
                let port = ports.entry(&modbus.port.path);
                let (_, relays) = port.or_insert((&modbus.port, Vec::new()));
                relays.push(modbus::Settings {
                    lane: id,
                    unit: modbus.unit,
                    coil: modbus.coil,
                    pulse: Duration::from_millis(modbus.pulse_ms),
                });
            }
        }
    }
    for (port, relays) in ports.into_values() {
        for (lane, relay) in modbus::start(port, relays, clock.clone(), &sink)? {
            barriers.set(lane, Box::new(relay));
        }
    }
    Ok(barriers)
}

/// What a driver tells the park, if it is one of this ledger's raises or an input.
pub fn event(told: BarrierEvent, ledger: LedgerId) -> Option<Event> {
    match told {
        BarrierEvent::Raised {
            lane,
            command_id,
            outcome,
        } => {
            let raise = barrier::raise_of(ledger, &command_id)?;
            Some(match outcome {
                Outcome::Driven => Event::RaiseAnswered {
                    lane,
                    raise,
                    driven: true,
                },
                Outcome::NotDriven { why } | Outcome::Uncertain { why } => {
                    Event::RaiseNotSent { lane, raise, why }
                }
            })
        }
        BarrierEvent::ArmUp { lane } => Some(Event::ArmUp { lane }),
        BarrierEvent::ClosingLoop { lane, occupied } => Some(Event::ClosingLoop { lane, occupied }),
        BarrierEvent::Alarm(_) => None,
    }
}

/// Runs on the drivers' threads: never waits.
fn sink(inbox: Inbox) -> Sink {
    Arc::new(move |event| {
        let message = match event {
            BarrierEvent::Alarm(alarm) => Message::Alarm(alarm),
            event => Message::Barrier(event),
        };
        if !inbox.offer(message) {
            tracing::error!("the inbox is full; what a barrier said was dropped");
        }
    })
}

fn gpio_settings(lane: LaneId, gpio: &config::Gpio) -> gpio::Settings {
    let line = |name: &LineName, active_low| gpio::Line {
        chip: gpio.chip.clone(),
        name: name.clone(),
        active_low,
    };
    let optional =
        |name: &Option<LineName>, active_low| name.as_ref().map(|name| line(name, active_low));
    gpio::Settings {
        lane,
        relay: line(&gpio.line, gpio.active_low),
        pulse: Duration::from_millis(gpio.pulse_ms),
        arm_up: optional(&gpio.arm_up_line, gpio.arm_up_active_low),
        closing: optional(&gpio.loop_line, gpio.loop_active_low),
        debounce: Duration::from_millis(gpio.debounce_ms),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_relay_that_was_driven_proves_its_raise() {
        let ledger = LedgerId::from_random(1);
        let lane = || LaneId("in-1".into());
        let told = |outcome, of| {
            let told = BarrierEvent::Raised {
                lane: lane(),
                command_id: barrier::command_id(of, 3, 1),
                outcome,
            };
            event(told, ledger)
        };
        let driven = Event::RaiseAnswered {
            lane: lane(),
            raise: 3,
            driven: true,
        };
        assert_eq!(told(Outcome::Driven, ledger), Some(driven));
        assert_eq!(told(Outcome::Driven, LedgerId::from_random(2)), None);
        let why = || "it does not answer".to_owned();
        for outcome in [
            Outcome::NotDriven { why: why() },
            Outcome::Uncertain { why: why() },
        ] {
            let doubted = Event::RaiseNotSent {
                lane: lane(),
                raise: 3,
                why: why(),
            };
            assert_eq!(told(outcome, ledger), Some(doubted));
        }
    }
}
