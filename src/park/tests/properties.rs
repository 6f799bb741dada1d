//! For any sequence of events: the ledger is the state, a deadline is met and never asked for twice,
//! and the sums balance.

use proptest::prelude::*;

use super::world::*;
use crate::charges::answer::{
    Answer, ParkingEntry, Parties, Refusal, ServiceState, TradeState, Transaction,
};
use crate::charges::book::Book;
use crate::charges::charge::{ChargeState, StaffReason};
use crate::charges::queue::{Call, Request, UnsentCall};
use crate::lane::exit::{NearMatch, NoEntry};
use crate::lane::number::LedgerId;
use crate::lane::places::{PlaceRules, WhenFull};
use crate::lane::reading::{PlateRead, ReadWarning, Trigger};
use crate::lane::time::{BootId, Moment, Now, Wall};
use crate::park::Park;
use crate::park::event::Event;
use crate::park::record::Record;
use crate::park::step::{Command, Step};
use crate::simulation::wire;

pub(super) const PLATES: [&str; 5] = ["粤B10001", "粤B10007", "苏E6P398", "京A7K2M5", "川AD12345"];
/// A turn that is wanted at once may be followed by so many more.
const TICKS_MAX: u32 = 8;

/// What happens: its kind, what it is about, how it comes out, and how long after the last.
type Happening = (u8, u8, u8, u32);

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_fold_of_the_records_is_the_state_after_every_step(
        variant in 0_u8..32,
        happenings in prop::collection::vec((0_u8..33, any::<u8>(), any::<u8>(), 0_u32..400_000), 1..80),
    ) {
        let mut twins = Twins::new(variant);
        for happening in happenings {
            twins.happen(happening);
        }
    }
}

/// A park, and another that only ever sees the first one's records.
pub(super) struct Twins {
    pub(super) live: Park,
    fold: Park,
    pub(super) now: Now,
    steps: u64,
    reads: u64,
    calls: Vec<Request>,
    raises: Vec<(String, u64)>,
}

impl Twins {
    fn new(variant: u8) -> Self {
        let mut rules = rules();
        rules.exit.advance = variant & 1 == 0;
        rules.entry.wait_for_wechat_ms = if variant & 2 == 0 { 0 } else { 1_500 };
        if variant & 4 != 0 {
            rules.exit.near_match = NearMatch::Auto;
        }
        if variant & 8 != 0 {
            rules.exit.no_entry = NoEntry::Open;
            rules.guard.at_exit = crate::lane::guard::WhenGuarded::Open;
        }
        if variant & 16 != 0 {
            rules.entry.places = Some(PlaceRules {
                count: 2,
                when_full: WhenFull::Hold,
                permits_when_full: WhenFull::Open,
            });
            rules.lists.permits.insert(number(PLATES[3]));
            rules.lists.blocked.insert(number(PLATES[2]));
            rules.exit.exposure_limit_fen = 600;
        }
        let park = Park::new(LedgerId(7), rules);
        let now = Now {
            moment: Moment(100_000),
            wall: BEGINNING,
            trusted: true,
            boot: BootId(1),
        };
        let mut twins = Self {
            fold: park.clone(),
            live: park,
            now,
            steps: 0,
            reads: 0,
            calls: Vec::new(),
            raises: Vec::new(),
        };
        twins.step(started());
        twins
    }

    fn happen(&mut self, (kind, about, how, after_ms): Happening) {
        let quick = u64::from(after_ms) / if how & 1 == 0 { 100 } else { 1 };
        self.advance(quick);
        match kind {
            0..=3 => {
                let read = self.reading(about, how);
                self.step(plate_read(IN, read));
            }
            4..=8 => {
                let read = self.reading(about, how);
                self.step(plate_read(OUT, read));
            }
            9..=15 => self.answer(about, how),
            16 => {
                let occupied = how & 2 == 0;
                let lane = lane_id(if about & 1 == 0 { IN } else { OUT });
                self.step(Event::ClosingLoop { lane, occupied });
            }
            17 => self.answer_raise(about, how),
            18 => self.attend(about, how),
            19 => self.advance(u64::from(after_ms) * 40),
            20 => {
                self.now.trusted = how & 2 == 0;
                self.step(Event::Tick);
            }
            21 => self.store(how),
            22 => self.restart(how),
            24 => self.ask_for_a_retry(about),
            25 => self.ask_for_a_charge(about),
            26 => self.decide_a_review(about, how),
            27 => self.finish_arrears(about, how),
            28 => self.name_a_plate(about, how),
            29 => self.correct(about, how),
            30 => self.end_a_stay(about, how),
            31 => self.count_the_cars(about),
            32 => self.pay(about, how),
            _ => {
                let lane = lane_id(if about & 1 == 0 { IN } else { OUT });
                let sent_at = Some(self.now.wall);
                self.step(Event::CameraAlive { lane, sent_at });
            }
        }
    }

    /// Time passes; whoever asked for a turn gets one when it is due.
    fn advance(&mut self, ms: u64) {
        let end = self.now.moment.after_ms(ms);
        while let Some(at) = self.live.wake_at().filter(|at| *at <= end) {
            self.set_moment(at.max(self.now.moment));
            self.step(Event::Tick);
        }
        self.set_moment(end);
    }

    fn set_moment(&mut self, moment: Moment) {
        let passed = i64::try_from(moment.since_ms(self.now.moment)).unwrap();
        self.now.wall = self.now.wall.plus_ms(passed);
        self.now.moment = moment;
    }

    pub(super) fn step(&mut self, event: Event) {
        self.decide(&event);
        for ticks in 0.. {
            match self.live.wake_at() {
                Some(at) if at <= self.now.moment => {
                    assert!(
                        ticks < TICKS_MAX,
                        "asked for turns without end after {event:?}"
                    );
                    self.decide(&Event::Tick);
                }
                _ => break,
            }
        }
    }

    fn decide(&mut self, event: &Event) {
        let before = self.live.queue().book().clone();
        let step = self.live.decide(event, self.now);
        self.check_moves(event, &before, &step);
        self.steps += 1;
        self.remember(&step);
        for record in &step.records {
            let stored = record.to_stored();
            let read = Record::from_stored(&stored).expect("what was written can be read");
            assert_eq!(read, *record);
            self.fold.replay(&read);
        }
        if step.records.is_empty() && !self.steps.is_multiple_of(16) {
            return;
        }
        let state = self.live.snapshot();
        assert_eq!(self.fold.snapshot(), state, "after {event:?}");
        if self.steps.is_multiple_of(7) {
            self.checkpoint(Record::Checkpoint(Box::new(state)));
        }
        self.check_sums();
    }

    /// Whatever happens, and whoever asks: nothing that WeChat may have goes to the staff without
    /// WeChat's word, and nothing in doubt is filed before it is queried (DESIGN 3.5).
    fn check_moves(&self, event: &Event, before: &Book, step: &Step) {
        let is_answer = matches!(
            event,
            Event::ChargeAnswered { .. } | Event::QueryAnswered { .. }
        );
        for charge in before.charges() {
            let trade_no = &charge.claim.trade_no;
            let may_be_at_wechat =
                charge.is_under_way() || matches!(charge.state, ChargeState::Accepted { .. });
            if !may_be_at_wechat || is_answer {
                continue;
            }
            if let Some(now) = self.live.queue().book().on_desk(trade_no) {
                let unsettled = ChargeState::HandedToStaff(StaffReason::Unsettled);
                assert_eq!(
                    now.state, unsettled,
                    "after {event:?} from {:?}",
                    charge.state
                );
            }
            // Harmless: the same bytes, as an unsigned answer said that WeChat has not got them.
            if charge.state == ChargeState::ToRepeat {
                continue;
            }
            let is_filed = step.commands.iter().any(|command| {
                matches!(command, Command::Call(Call { request: Request::Charge { trade_no: filed, .. }, .. }) if filed == trade_no)
            });
            assert!(
                !is_filed,
                "{trade_no} filed after {event:?} from {:?}",
                charge.state
            );
        }
        let Some(Ok(_)) = step.reply else { return };
        let mut heads = step.records.iter().take(2);
        assert!(
            heads.any(|record| matches!(record, Record::StepTaken(_))),
            "what a person was told is done is on record"
        );
    }

    fn remember(&mut self, step: &Step) {
        for command in &step.commands {
            match command {
                Command::Call(call) => self.calls.push(call.request.clone()),
                Command::RaiseBarrier { lane, raise, .. } => {
                    self.raises.push((lane.0.clone(), *raise));
                }
            }
        }
    }

    fn checkpoint(&self, checkpoint: Record) {
        let read = Record::from_stored(&checkpoint.to_stored()).expect("a checkpoint can be read");
        let mut park = Park::new(LedgerId(7), self.live.rules().clone());
        park.replay(&read);
        assert_eq!(park.snapshot(), self.live.snapshot());
    }

    fn check_sums(&self) {
        let book = self.live.queue().book();
        let totals = book.totals();
        let queued: u64 = book.charges().map(|charge| charge.fee_fen()).sum();
        let desk: u64 = book.desk().map(|charge| charge.fee_fen()).sum();
        let parts = totals.settled.fen + totals.handed_to_staff.fen + totals.withdrawn.fen;
        assert_eq!(totals.opened.fen, parts + queued);
        let done = totals.collected.fen + totals.written_off.fen + totals.replaced.fen;
        assert_eq!(totals.handed_to_staff.fen, desk + done);
    }

    fn reading(&mut self, about: u8, how: u8) -> PlateRead {
        self.reads += 1;
        let plate = PLATES[usize::from(about) % PLATES.len()];
        let mut read =
            PlateRead::by_hand(number(plate), Some(crate::lane::plate::PlateColor::Blue));
        read.record_id = Some((self.reads % 50).to_string());
        read.confidence_permille = [Some(950), Some(500), None, Some(900)][usize::from(how) % 4];
        read.captured_at = Some(self.now.wall);
        match how / 4 {
            0 => read.plate = None,
            1 => read.color = None,
            2 => read.replay = true,
            3 => {
                read.replay = true;
                read.captured_at = Some(Wall(self.now.wall.0 - 3_600_000));
            }
            4 => read.trigger = Some(Trigger::TurnedBack),
            5 => read.warnings = vec![ReadWarning::FakePlate],
            6 => read.sent_at = Some(Wall(self.now.wall.0 - 60_000)),
            7 => read.retained = true,
            _ => {}
        }
        read
    }

    /// To one of the last calls, or to one that was never made.
    fn answer(&mut self, about: u8, how: u8) {
        let back = usize::from(about) % 3 + 1;
        let Some(at) = self.calls.len().checked_sub(back) else {
            return self.step(wire::query_answered("T0", Answer::Lost("silence".into())));
        };
        match self.calls[at].clone() {
            Request::NotifyEntry { session, body } => {
                let sent: serde_json::Value = serde_json::from_str(&body).unwrap();
                let text = |key: &str| sent[key].as_str().unwrap().to_owned();
                let made = ParkingEntry {
                    parking_id: format!("0100{}", text("out_parking_no")),
                    out_parking_no: text("out_parking_no"),
                    plate_number: if how & 128 == 0 {
                        text("plate_number")
                    } else {
                        "?".into()
                    },
                    sub_mchid: None,
                    state: match how & 64 {
                        0 => ServiceState::Normal,
                        _ => ServiceState::Blocked("OVERDUE".into()),
                    },
                };
                self.step(wire::entry_answered(&session.0, answer_with(made, how)));
            }
            Request::Charge { trade_no, .. } => {
                let order = self.order(&trade_no, how);
                self.step(wire::charge_answered(&trade_no, answer_with(order, how)));
            }
            Request::Query { trade_no, .. } => {
                let order = self.order(&trade_no, how);
                self.step(wire::query_answered(&trade_no, answer_with(order, how)));
            }
            // Nobody asks for one here.
            Request::Refund { .. }
            | Request::QueryRefund { .. }
            | Request::Spot { .. }
            | Request::QuerySpot { .. }
            | Request::CloseSpot { .. } => {}
        }
    }

    fn order(&self, trade_no: &str, how: u8) -> Transaction {
        let charge = self.live.queue().book().charge(trade_no);
        let fee_fen = charge.map_or(0, |charge| charge.fee_fen());
        Transaction {
            paid: Default::default(),
            out_trade_no: trade_no.to_owned(),
            parties: Parties::default(),
            state: match how / 16 % 5 {
                0 => TradeState::PayFail,
                1 => TradeState::Success,
                2 => TradeState::Other("DEDUCTING".into()),
                _ => TradeState::Accepted,
            },
            total_fen: Some(fee_fen + u64::from(how == 255)),
            parking_id: None,
            plate_number: None,
            plate_color: None,
            transaction_id: None,
            bank_type: None,
            description: None,
        }
    }

    fn answer_raise(&mut self, about: u8, how: u8) {
        let back = usize::from(about) % 3 + 1;
        let Some(at) = self.raises.len().checked_sub(back) else {
            return;
        };
        let (lane, raise) = self.raises[at].clone();
        let lane = lane_id(&lane);
        self.step(match how % 4 {
            0 => Event::ArmUp { lane },
            1 => Event::RaiseNotSent {
                lane,
                raise,
                why: "not connected".into(),
            },
            other => Event::RaiseAnswered {
                lane,
                raise,
                driven: other == 2,
            },
        });
    }

    /// The store fails under the last call, or recovers.
    fn store(&mut self, how: u8) {
        if how & 2 == 0 {
            return self.step(Event::StoreRecovered);
        }
        let call = self.calls.last().filter(|_| how & 4 == 0);
        let calls: Vec<UnsentCall> = call.map(Request::unsent).into_iter().collect();
        let raise = self.raises.last().filter(|_| how & 8 == 0);
        let raises = raise.map(|(lane, raise)| (lane_id(lane), *raise));
        self.step(Event::StoreFailed {
            raises: raises.into_iter().collect(),
            calls,
        });
    }

    /// The fold goes on as the live one, in this boot or the next.
    fn restart(&mut self, how: u8) {
        self.live = self.fold.clone();
        if how & 2 == 0 {
            self.now.boot = BootId(self.now.boot.0 + 1);
            self.now.moment = Moment(1_000);
            self.now.trusted = how & 4 == 0;
        }
        self.calls.clear();
        self.step(started());
    }
}

fn answer_with<T>(value: T, how: u8) -> Answer<T> {
    let refused = |status, code: &str| {
        Answer::Refused(Refusal {
            status,
            code: code.into(),
            message: String::new(),
            proven: how & 32 != 0,
        })
    };
    match how % 16 {
        0 => refused(400, "INVALID_REQUEST"),
        1 => refused(404, "ORDER_NOT_EXIST"),
        2 if how & 64 != 0 => refused(401, "SIGN_ERROR"),
        3 => Answer::Throttled {
            retry_after_ms: Some(30_000),
        },
        4 => Answer::NotSent("no network".into()),
        5..=7 => Answer::Lost("silence".into()),
        _ => Answer::Verified(value),
    }
}
