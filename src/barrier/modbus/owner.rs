//! Who owns a port: opens it, carries out raises, and lets go of every coil.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::super::condition::Condition;
use super::super::{BarrierEvent, Outcome, RaiseOrder, Sink};
use super::Settings;
use super::line::{CallFault, Line};
use crate::clock::Clock;
use crate::serial::PortSettings;

/// Waits before a port is opened again; they double from the first to the last.
const FIRST_WAIT: Duration = Duration::from_millis(100);
const LAST_WAIT: Duration = Duration::from_secs(2);
/// A port that was open for so long was a good one.
const PROVEN_AFTER: Duration = Duration::from_secs(5);
/// A relay that rests is looked at so often, so that a silent one is known before its car comes.
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// A coil that is not known to be off is written off so often.
const OFF_EVERY: Duration = Duration::from_secs(2);
/// At the end, for all coils of a port.
const FAREWELL_WITHIN: Duration = Duration::from_secs(2);
/// Reading is harmless and is repeated.
const READS: u32 = 3;
/// A raise is read back with a car waiting and perhaps another relay's pulse ending.
const READS_BACK: u32 = 2;
/// The second one only after the coil was read as off.
const WRITES_ON: u32 = 2;
const WRITES_OFF: u32 = 3;

/// Which relay of a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place(pub usize);

pub(super) struct Owner {
    port: PortSettings,
    relays: Vec<Relay>,
    orders: mpsc::Receiver<(Place, RaiseOrder)>,
    clock: Clock,
    condition: Arc<Condition>,
    sink: Sink,
}

struct Relay {
    settings: Settings,
    condition: Arc<Condition>,
    /// When the coil is to be written off; None while it is known to be off.
    off_at: Option<Instant>,
    /// It was written off in vain, and nothing happened to it since.
    off_in_vain: bool,
    look_at: Instant,
}

/// How serving a port ended.
enum Ended {
    /// Nobody needs it any more.
    Unneeded,
    Lost(io::Error),
}

impl Owner {
    pub fn new(
        port: PortSettings,
        relays: impl Iterator<Item = (Settings, Arc<Condition>)>,
        orders: mpsc::Receiver<(Place, RaiseOrder)>,
        clock: Clock,
        condition: Arc<Condition>,
        sink: Sink,
    ) -> Self {
        let now = Instant::now();
        let relays = relays.map(|(settings, condition)| Relay {
            settings,
            condition,
            off_at: Some(now),
            off_in_vain: false,
            look_at: now,
        });
        Self {
            port,
            relays: relays.collect(),
            orders,
            clock,
            condition,
            sink,
        }
    }

    /// Runs until nobody needs it.
    pub async fn run(mut self) {
        let mut wait = FIRST_WAIT;
        loop {
            let path = self.port.path.display();
            let fault = match self.port.open() {
                Ok(stream) => {
                    tracing::info!(port = %path, baud = self.port.baud, "the barriers' port is open");
                    let text = format!("{path} is open again");
                    self.condition.ready(&text);
                    let since = Instant::now();
                    let line = Line::new(stream, self.port.baud);
                    match self.serve(&line).await {
                        Ended::Unneeded => return,
                        Ended::Lost(error) => {
                            if since.elapsed() >= PROVEN_AFTER {
                                wait = FIRST_WAIT;
                            }
                            let path = self.port.path.display();
                            format!("{path} was lost ({error}); is the adapter plugged in?")
                        }
                    }
                }
                Err(fault) => fault.to_string(),
            };
            self.condition.failed(fault.clone());
            if self.refuse_for(wait, &fault).await {
                return;
            }
            wait = wait.saturating_mul(2).min(LAST_WAIT);
        }
    }

    async fn serve(&mut self, line: &Line) -> Ended {
        // Whatever was before, a pulse of a daemon that was killed included.
        let now = Instant::now();
        for relay in &mut self.relays {
            (relay.off_at, relay.off_in_vain) = (Some(now), false);
        }
        match self.serve_until_lost(line).await {
            Ok(()) => {
                // Nobody waits for a board that does not answer.
                let _ = timeout(FAREWELL_WITHIN, self.all_off(line)).await;
                Ended::Unneeded
            }
            Err(error) => Ended::Lost(error),
        }
    }

    async fn serve_until_lost(&mut self, line: &Line) -> io::Result<()> {
        loop {
            let due = self.relays.iter().map(Relay::due_at).min();
            let due_at = due.unwrap_or_else(|| Instant::now() + LOOK_EVERY);
            tokio::select! {
                // The end of a pulse before the beginning of the next.
                biased;
                () = sleep_until(due_at) => self.do_what_is_due(line).await?,
                order = self.orders.recv() => match order {
                    Some((place, order)) => self.raise(line, place, &order).await?,
                    None => return Ok(()),
                },
                error = line.lost() => return Err(error),
            }
        }
    }

    async fn do_what_is_due(&mut self, line: &Line) -> io::Result<()> {
        let now = Instant::now();
        let due = self
            .relays
            .iter_mut()
            .filter(|relay| relay.due_at() <= now)
            .min_by_key(|relay| relay.due_at());
        match due {
            Some(relay) if relay.off_at.is_some() => relay.switch_off(line).await,
            Some(relay) => relay.look(line).await,
            None => Ok(()),
        }
    }

    async fn all_off(&mut self, line: &Line) -> io::Result<()> {
        for relay in &mut self.relays {
            relay.switch_off(line).await?;
        }
        Ok(())
    }

    async fn raise(&mut self, line: &Line, place: Place, order: &RaiseOrder) -> io::Result<()> {
        let Some(relay) = self.relays.get_mut(place.0) else {
            return Ok(());
        };
        let clock = self.clock.clone();
        let is_late = || clock.now().moment > order.valid_until;
        let (outcome, lost) = relay.switch_on(line, is_late).await;
        tell(&self.sink, relay, order, outcome);
        lost.map_or(Ok(()), Err)
    }

    /// Waits, but not while a car does: after its order the port is tried again at once. True: nobody
    /// needs it any more.
    async fn refuse_for(&mut self, wait: Duration, fault: &str) -> bool {
        tokio::select! {
            () = sleep(wait) => false,
            order = self.orders.recv() => match order {
                Some((place, order)) => {
                    if let Some(relay) = self.relays.get(place.0) {
                        let why = fault.to_owned();
                        tell(&self.sink, relay, &order, Outcome::NotDriven { why });
                    }
                    false
                }
                None => true,
            },
        }
    }
}

impl Relay {
    fn due_at(&self) -> Instant {
        self.off_at.unwrap_or(self.look_at)
    }

    /// Writes the coil on and proves it; with the outcome, the fault that cost the port.
    async fn switch_on(
        &mut self,
        line: &Line,
        is_late: impl Fn() -> bool,
    ) -> (Outcome, Option<io::Error>) {
        let Settings {
            unit, coil, pulse, ..
        } = self.settings;
        let not_driven = |why: &str| {
            (
                Outcome::NotDriven {
                    why: why.to_owned(),
                },
                None,
            )
        };
        for written in 1..=WRITES_ON {
            if is_late() {
                return not_driven("its time had passed before its port was free");
            }
            // Whatever becomes of it, the coil is off afterwards.
            self.off_at = Some(Instant::now() + pulse);
            self.off_in_vain = false;
            let answer = line.write(unit, coil, true).await;
            match answer {
                Err(CallFault::Lost(error)) => return self.lost_port(error),
                Err(CallFault::Refused(code)) => {
                    let why = format!("the board refuses to drive it: {code}");
                    self.failed(&format!("refuses to be driven ({code})"));
                    return (Outcome::NotDriven { why }, None);
                }
                Ok(()) | Err(CallFault::Silent | CallFault::Garbled) => {}
            }
            match (answer, line.read(unit, coil, READS_BACK).await) {
                (_, Ok(true)) => {
                    self.off_at = Some(Instant::now() + pulse);
                    return (Outcome::Driven, None);
                }
                (Ok(()), Ok(false)) => {
                    self.failed("takes commands and does not switch its coil on");
                    return not_driven("the board took the command, and its coil is off");
                }
                // It did not hear; this is no repetition in the dark.
                (Err(_), Ok(false)) if written < WRITES_ON => {}
                (Err(_), Ok(false)) => return not_driven("the board did not hear it, twice"),
                (_, Err(CallFault::Lost(error))) => return self.lost_port(error),
                (_, Err(fault)) => {
                    self.failed(&unanswered(&fault));
                    let why = format!("its coil cannot be read back: {fault}");
                    return (Outcome::Uncertain { why }, None);
                }
            }
        }
        not_driven("the board did not hear it")
    }

    /// Writes the coil off until it is read as off; if it is not, again in a while.
    async fn switch_off(&mut self, line: &Line) -> io::Result<()> {
        let Settings { unit, coil, .. } = self.settings;
        // One that is known not to obey does not cost the others their time.
        let times = match self.off_in_vain {
            true => 1,
            false => WRITES_OFF,
        };
        let mut seen = Err(CallFault::Silent);
        for _ in 0..times {
            let written = line.write(unit, coil, false).await;
            if let Err(CallFault::Lost(error)) = written {
                return Err(error);
            }
            seen = match (written, times) {
                (Err(fault @ CallFault::Silent), 1) => Err(fault),
                _ => line.read(unit, coil, 1).await,
            };
            match seen {
                Err(CallFault::Lost(error)) => return Err(error),
                Ok(false) => {
                    self.is_off();
                    return Ok(());
                }
                Ok(true) | Err(_) => {}
            }
        }
        match seen {
            Ok(_) => self.failed(
                "stays on although it is written off: the arm may be held up; switch the board off \
                 and have it looked at",
            ),
            Err(fault) => self.failed(&unanswered(&fault)),
        }
        self.off_in_vain = true;
        self.off_at = Some(Instant::now() + OFF_EVERY);
        Ok(())
    }

    /// A relay that rests should answer, and be off.
    async fn look(&mut self, line: &Line) -> io::Result<()> {
        let Settings { unit, coil, .. } = self.settings;
        match line.read(unit, coil, READS).await {
            Ok(false) => self.is_off(),
            Err(CallFault::Lost(error)) => return Err(error),
            Ok(true) => {
                tracing::warn!(
                    lane = %self.settings.lane,
                    "the barrier's coil was on without a raise; it is switched off"
                );
                self.switch_off(line).await?;
            }
            Err(_) => self.switch_off(line).await?,
        }
        Ok(())
    }

    fn is_off(&mut self) {
        self.off_at = None;
        self.off_in_vain = false;
        self.look_at = Instant::now() + LOOK_EVERY;
        let lane = &self.settings.lane;
        self.condition
            .ready(&format!("the relay of lane {lane} answers, and is off"));
    }

    /// `what` goes on after the name of the relay.
    fn failed(&self, what: &str) {
        let Settings {
            lane, unit, coil, ..
        } = &self.settings;
        let relay = format!("the relay of lane {lane}, coil {coil} of board {unit},");
        self.condition.failed(format!("{relay} {what}"));
    }

    fn lost_port(&self, error: io::Error) -> (Outcome, Option<io::Error>) {
        let why = "the port was lost while it was told".to_owned();
        (Outcome::Uncertain { why }, Some(error))
    }
}

fn unanswered(fault: &CallFault) -> String {
    match fault {
        CallFault::Silent => "does not answer; check the board's power, address and baud, and \
                              whether A and B are swapped"
            .to_owned(),
        CallFault::Garbled => {
            "answers, and it cannot be read; check baud, parity, termination, and \
                               that no two boards have one address"
                .to_owned()
        }
        CallFault::Refused(code) => {
            format!("refuses ({code}); check the coil's number, and that the board can be read")
        }
        CallFault::Lost(_) => "is behind a port that was lost".to_owned(),
    }
}

fn tell(sink: &Sink, relay: &Relay, order: &RaiseOrder, outcome: Outcome) {
    sink(BarrierEvent::Raised {
        lane: relay.settings.lane.clone(),
        command_id: order.command_id.clone(),
        outcome,
    });
}
