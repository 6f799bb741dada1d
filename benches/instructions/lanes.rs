//! An entry lane and an exit lane, and WeChat's answers to what they ask.

use std::cell::Cell;
use std::path::Path;
use std::rc::Rc;

use parkgate::charges::answer::{
    Answer, Heard, Paid, ParkingEntry, Parties, ServiceState, TradeState, Transaction,
};
use parkgate::charges::queue::{Call, Request};
use parkgate::clock::Clock;
use parkgate::config::Config;
use parkgate::gate::ears::Ears;
use parkgate::gate::journal::{JournalError, LedgerJournal};
use parkgate::gate::rows;
use parkgate::gate::rules::rules;
use parkgate::gate::turn::{Journal, Turner};
use parkgate::lane::number::LedgerId;
use parkgate::lane::session::LaneId;
use parkgate::lane::tariff::Tariff;
use parkgate::lane::time::{BootId, Moment, Now, Wall};
use parkgate::park::Park;
use parkgate::park::event::Event;
use parkgate::park::step::Command;
use parkgate::store::index::{Batch, HistoryRows, Index, Level, Page, Prefix, Truth, TruthError};
use parkgate::store::ledger::{Identity, Ledger, Options};
use parkgate::store::record::Record as Stored;
use serde_json::Value;

use crate::Outcome;
use crate::cars::Cars;
use crate::measured::{
    Camera, Left, Message, Parts, answer_to_charge, reading_at_charged_exit, reading_at_entry,
    reading_at_free_exit,
};

const CONFIG: &str = include_str!("../../firmware-config/parkgate.toml");
const TARIFF: &str = include_str!("../../firmware-config/tariff.toml");
const ENTRY: usize = 0;
const EXIT: usize = 1;
/// 2026-03-02T08:00:00+08:00.
const BEGINNING: Wall = Wall(1_772_409_600_000);
/// Between one car and the next, and between two signs of life of a camera.
const APART_MS: u64 = 10_000;
const REMEMBERED_MS: u64 = 10 * 60_000;
/// Between a command and its answer.
const ANSWERED_AFTER_MS: u64 = 200;

/// What is told to the index after each commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behind {
    Nothing,
    /// The rows are made and dropped.
    Rows,
    /// They go to sled.
    Index,
}

/// The lanes and all that they need.
pub struct Lanes {
    parts: Parts,
    may_checkpoint: Rc<Cell<bool>>,
    cars: Cars,
    now: Now,
    behind: Behind,
    index: Option<Index>,
}

/// The ledger, whose checkpoints come between what is counted: they belong to no event.
pub struct Kept {
    journal: LedgerJournal,
    may_checkpoint: Rc<Cell<bool>>,
}

impl Journal for Kept {
    type Error = JournalError;

    fn commit(&mut self, records: &[Stored]) -> Result<u64, JournalError> {
        self.journal.commit(records)
    }

    fn wants_checkpoint(&self) -> bool {
        self.may_checkpoint.get() && self.journal.wants_checkpoint()
    }

    fn checkpoint(&mut self, state: &[Stored]) -> Result<u64, JournalError> {
        self.journal.checkpoint(state)
    }
}

impl Lanes {
    /// Over a new store in `folder`.
    pub fn open(folder: &Path, cars: Cars, behind: Behind) -> Outcome<Self> {
        let text = CONFIG.replace("advance = false", "advance = true");
        let config = Config::parse(&text, "parkgate.toml")?;
        let rules = rules(&config, Tariff::from_toml(TARIFF, "tariff.toml")?);
        let now = Now {
            moment: Moment(3_600_000),
            wall: BEGINNING,
            trusted: true,
            boot: BootId(7),
        };
        let identity = Identity {
            site: config.site.id.clone(),
            box_id: config.site.box_id.clone(),
        };
        std::fs::create_dir(folder)?;
        let dir = folder.join("ledger");
        let (ledger, _) = Ledger::open(&dir, &identity, &Options::default(), 1)?;
        ledger.settle();
        let id = ledger.id();
        let may_checkpoint = Rc::new(Cell::new(true));
        let kept = Kept {
            journal: LedgerJournal::open(dir, identity, ledger),
            may_checkpoint: Rc::clone(&may_checkpoint),
        };
        let camera = |lane: &parkgate::config::Lane| Camera {
            serial: lane.camera.device_id.clone(),
            lane: LaneId(lane.id.clone()),
        };
        let index = (behind == Behind::Index).then(|| {
            // The real one asks the kernel's vDSO, which is not there under Valgrind.
            let clock = Clock::manual(now);
            let truth = Beginning(id);
            Index::spawn(folder.join("index"), clock, truth, |_| {})
        });
        let mut lanes = Self {
            parts: Parts {
                ears: Ears::new(&config.lanes, id, now.moment),
                turner: Turner::new(Park::new(id, rules), kept),
                cameras: config.lanes.iter().map(camera).collect(),
            },
            may_checkpoint,
            cars,
            now,
            behind,
            index: index.transpose()?,
        };
        let started = Event::Started {
            version: "0".to_owned(),
            rules_changed: true,
            possibly_lost: 0,
            skip: 0,
        };
        lanes.happens(started)?;
        Ok(lanes)
    }

    /// A car comes in, its barrier answers, and WeChat takes its entry. Returns its plate.
    pub fn enter(&mut self) -> Outcome<String> {
        let plate = self.cars.another();
        self.wait(APART_MS)?;
        let message = self.message(ENTRY, &plate);
        let left = self.counted(|parts, now| reading_at_entry(parts, &message, now));
        self.opened(left)?;
        Ok(plate)
    }

    /// It leaves within the free time.
    pub fn leave_free(&mut self, plate: &str) -> Outcome<()> {
        let message = self.message(EXIT, plate);
        let left = self.counted(|parts, now| reading_at_free_exit(parts, &message, now));
        self.opened(left)
    }

    /// It leaves and pays.
    pub fn leave_charged(&mut self, plate: &str) -> Outcome<()> {
        let message = self.message(EXIT, plate);
        let left = self.counted(|parts, now| reading_at_charged_exit(parts, &message, now));
        self.write_behind(&left);
        let [call] = left.calls.as_slice() else {
            return Err(format!("{} calls for one charge", left.calls.len()).into());
        };
        let answer = answer(call)?;
        self.pass(ANSWERED_AFTER_MS);
        let left = self.counted(|parts, now| answer_to_charge(parts, answer, now));
        self.opened(left)
    }

    /// Time passes. The cameras give signs of life as far back as they are remembered.
    pub fn wait(&mut self, ms: u64) -> Outcome<()> {
        let mut left_ms = ms.min(REMEMBERED_MS);
        self.pass(ms - left_ms);
        while left_ms > 0 {
            let step_ms = left_ms.min(APART_MS);
            self.pass(step_ms);
            for camera in [ENTRY, EXIT] {
                let lane = self.parts.cameras[camera].lane.clone();
                let sent_at = Some(self.now.wall.floor_to_second());
                self.happens(Event::CameraAlive { lane, sent_at })?;
            }
            left_ms -= step_ms;
        }
        Ok(())
    }

    /// Lets the index end its work.
    pub fn close(self) -> Outcome<()> {
        self.index.map_or(Ok(()), Index::close)?;
        Ok(())
    }

    fn pass(&mut self, ms: u64) {
        self.now.moment = self.now.moment.after_ms(ms);
        self.now.wall = self.now.wall.plus_ms(i64::try_from(ms).unwrap_or(0));
    }

    fn message(&mut self, camera: usize, plate: &str) -> Message {
        let serial = &self.parts.cameras[camera].serial;
        Message {
            topic: format!("device/{serial}/message/up/ivs_result"),
            payload: self.cars.message(serial, plate, self.now.wall),
        }
    }

    fn counted(&mut self, work: impl FnOnce(&mut Parts, Now) -> Left) -> Left {
        self.may_checkpoint.set(false);
        let left = work(&mut self.parts, self.now);
        self.may_checkpoint.set(true);
        left
    }

    /// What came of a car that was let through, until nothing is open any more.
    fn opened(&mut self, left: Left) -> Outcome<()> {
        if left.opens.len() != 1 {
            return Err(format!("{} open commands for one car", left.opens.len()).into());
        }
        self.write_behind(&left);
        self.pass(ANSWERED_AFTER_MS);
        let commands = left
            .outcome
            .taken
            .iter()
            .flat_map(|taken| &taken.step.commands);
        let raises = commands.filter_map(|command| match command {
            Command::RaiseBarrier { lane, raise, .. } => Some((lane.clone(), *raise)),
            Command::Call(_) => None,
        });
        for (lane, raise) in raises {
            self.happens(Event::RaiseAnswered {
                lane,
                raise,
                driven: true,
            })?;
        }
        for call in &left.calls {
            self.happens(answer(call)?)?;
        }
        Ok(())
    }

    /// An event that is not counted, and whatever follows from it.
    fn happens(&mut self, event: Event) -> Outcome<()> {
        let mut events = vec![event];
        while !events.is_empty() {
            let left = self.parts.turn(events, self.now);
            self.write_behind(&left);
            events = left.calls.iter().map(answer).collect::<Outcome<_>>()?;
            let wake_at = self.parts.turner.wake_at();
            if events.is_empty() && wake_at.is_some_and(|at| at <= self.now.moment) {
                events.push(Event::Tick);
            }
        }
        Ok(())
    }

    #[inline(never)]
    fn write_behind(&self, left: &Left) {
        if self.behind == Behind::Nothing {
            return;
        }
        for committed in left.outcome.committed() {
            let (first_seq, last_seq) = (committed.first_seq(), committed.last_seq);
            let park = self.parts.turner.park();
            let changes = rows::changes(first_seq, &committed.records, park);
            if let Some(index) = &self.index {
                index.apply(Batch { last_seq, changes });
            }
        }
    }
}

/// WeChat's yes to a call.
fn answer(call: &Call) -> Outcome<Event> {
    let text = |body: &Value, at: &str| {
        let text = body.pointer(at).and_then(Value::as_str);
        text.map(str::to_owned)
            .ok_or(format!("a body without {at}"))
    };
    Ok(match &call.request {
        Request::NotifyEntry { session, body } => {
            let body = serde_json::from_str(body)?;
            Event::EntryAnswered {
                session: session.clone(),
                heard: verified(ParkingEntry {
                    parking_id: format!("5K8264ILTKCH16CQ{}", session.0),
                    out_parking_no: text(&body, "/out_parking_no")?,
                    plate_number: text(&body, "/plate_number")?,
                    sub_mchid: None,
                    state: ServiceState::Normal,
                }),
            }
        }
        Request::Charge { trade_no, body } => {
            let body: Value = serde_json::from_str(body)?;
            Event::ChargeAnswered {
                trade_no: trade_no.clone(),
                heard: verified(Transaction {
                    out_trade_no: trade_no.clone(),
                    parties: Parties::default(),
                    state: TradeState::Success,
                    total_fen: body.pointer("/amount/total").and_then(Value::as_u64),
                    paid: Paid::default(),
                    parking_id: Some(text(&body, "/parking_info/parking_id")?),
                    plate_number: Some(text(&body, "/parking_info/plate_number")?),
                    plate_color: None,
                    transaction_id: Some("1217752501201407033233368018".to_owned()),
                    bank_type: Some("OTHERS".to_owned()),
                    description: None,
                }),
            }
        }
        Request::Query { trade_no, .. } => return Err(format!("{trade_no} is asked about").into()),
        Request::Refund {
            refund_no: number, ..
        }
        | Request::QueryRefund {
            refund_no: number, ..
        }
        | Request::Spot { number, .. }
        | Request::QuerySpot { number, .. }
        | Request::CloseSpot { number, .. } => {
            return Err(format!("{number} is none of this").into());
        }
    })
}

fn verified<T>(answered: T) -> Heard<T> {
    Heard {
        answer: Answer::Verified(answered),
        request_id: Some("08F78AA5B606100518D0B4A4B10128A2C802209DFE06".to_owned()),
        skew_ms: Some(120),
    }
}

/// A ledger that begins: its index is written from its first commit on.
struct Beginning(LedgerId);

impl Truth for Beginning {
    fn level(&mut self, _: &dyn Fn() -> bool) -> Result<Level, TruthError> {
        let (ledger, last_seq) = (self.0, 0);
        Ok(Level { ledger, last_seq })
    }

    fn derived(
        &mut self,
        _: Option<(Prefix, &[u8])>,
        _: &dyn Fn() -> bool,
    ) -> Result<Page, TruthError> {
        Ok(Page {
            last_seq: 0,
            rows: Vec::new(),
            next: None,
        })
    }

    fn history(&mut self, _: u64) -> Result<HistoryRows<'_>, TruthError> {
        Ok(Box::new(std::iter::empty()))
    }
}
