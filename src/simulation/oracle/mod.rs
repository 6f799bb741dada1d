//! What must hold, whatever goes wrong: each rule with a name, most of them checked after every event.
//!
//! The oracle has a model of its own, made from what reached the disk, from what went over the wire and
//! from what it saw in the street. It shares no decision with the core: it prices, compares plates and
//! counts time by itself.

mod bills;
mod charge;
mod charges;
mod codes;
mod favours;
mod model;
mod payments;
mod price;
mod raises;
mod refunds;
mod rest;
mod reviews;
mod stays;
mod street;
mod ways;
mod zones;

use std::collections::{BTreeMap, BTreeSet};

use super::camera::Cameras;
use super::clock::Clock;
use super::machine::Machine;
use super::vehicles::Vehicles;
use crate::charges::charge::Claim;
use crate::charges::queue::{CONCURRENCY_MAX, Request};
use crate::lane::alarm::Alarm;
use crate::lane::number::NumberKey;
use crate::lane::session::LaneId;
use crate::lane::time::Now;
use crate::park::event::Event;
use crate::park::record::Record;
use crate::park::rules::Rules;
use crate::park::step::Command;
use crate::sim::wechat::Simulator;

use self::model::Model;
pub use self::ways::Way;

/// Readings that the park remembers at most.
const SEEN_MAX: usize = 4096;

macro_rules! rules {
    ($($rule:ident $name:literal,)*) => {
        /// What must hold.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Rule { $($rule,)* }

        impl Rule {
            pub const ALL: &[Self] = &[$(Self::$rule,)*];

            /// As docs/simulation.md calls it.
            pub fn name(self) -> &'static str {
                match self { $(Self::$rule => $name,)* }
            }
        }
    };
}

rules! {
    RaiseHasAReason "no-raise-without-a-reason-on-disk",
    ReasonIsTrue "the-reason-to-raise-is-true",
    RaiseIsFresh "no-raise-is-carried-out-late",
    OnlyLiveReadingsRaise "only-a-live-reading-raises",
    OneChargeAStay "one-charge-a-stay",
    FrozenNeverChanges "what-was-sent-never-changes",
    NumbersAreNew "no-number-is-given-out-twice",
    StatesMoveForward "no-state-moves-backwards",
    QueueLosesNothing "nothing-leaves-the-queue-unfinished",
    OneChannel "only-one-channel-takes-the-money",
    OneAmountDue "one-amount-due-over-all-channels",
    APersonSaidSo "a-person-gets-what-they-said",
    CorrectionIsOfWhatIsFiled "only-what-wechat-took-is-corrected",
    WechatAgrees "what-is-recorded-is-what-wechat-did",
    OnlyVerifiedAnswersCount "only-a-verified-answer-counts",
    FeeIsTheModels "the-fee-is-the-models",
    GuardedIsNotFiled "what-is-doubtful-is-not-filed",
    NearMatchIsAsked "a-near-match-is-asked-about",
    ExposureIsLimited "the-sum-at-risk-is-limited",
    OlderChargeFirst "the-older-charge-goes-first",
    NothingSignedWithoutATime "nothing-is-signed-without-a-trusted-time",
    WechatNeverComplains "wechat-never-complains",
    NobodyPaysForAnother "nobody-pays-for-another",
    PaidOnce "no-money-counts-twice",
    RefundWithinCharge "no-more-goes-back-than-was-charged",
    NoticeCountsOnce "a-notice-counts-once",
    NoticeOnDiskFirst "a-notice-is-on-disk-before-its-answer",
    ListsHold "a-listed-plate-is-treated-as-listed",
    CarsAreCounted "the-cars-are-counted",
    SumsBalance "the-sums-balance",
    FoldIsTheState "the-ledger-is-the-state",
    LimitsHold "every-limit-holds",
    NoPlateInAlarms "no-plate-in-an-alarm",
    NoPanic "nothing-panics",
    NobodyIsTrapped "nobody-is-trapped",
    QueueDrains "the-queue-drains",
    BooksAgree "both-books-agree",
    BillsAgree "the-bills-agree-with-the-ledger",
    ComesToRest "it-comes-to-rest",
}

/// A rule that did not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    pub rule: Rule,
    pub what: String,
}

pub type Verdict = Result<(), Violation>;

/// Fails with `rule` unless `holds`.
pub fn hold(holds: bool, rule: Rule, what: impl FnOnce() -> String) -> Verdict {
    match holds {
        true => Ok(()),
        false => Err(Violation { rule, what: what() }),
    }
}

/// What the oracle may look at beside what it is told.
pub struct View<'a> {
    pub clock: &'a Clock,
    pub cameras: &'a Cameras,
    pub vehicles: &'a Vehicles,
    pub simulator: &'a Simulator,
}

impl<'a> View<'a> {
    pub fn of(
        clock: &'a Clock,
        cameras: &'a Cameras,
        vehicles: &'a Vehicles,
        simulator: &'a Simulator,
    ) -> Self {
        Self {
            clock,
            cameras,
            vehicles,
            simulator,
        }
    }
}

/// Of a camera, and what the box learns its clock by.
struct SignOfLife {
    at: u64,
    took_ms: u64,
}

pub struct Oracle {
    rules: Rules,
    model: Model,
    /// Answers that WeChat really gave, of the very thing that was asked about.
    genuine: Vec<Event>,
    /// Bodies as they first left, by what they name.
    sent: BTreeMap<String, Vec<u8>>,
    /// Numbers of stays that ever reached a disk.
    numbers: BTreeSet<String>,
    /// Orders that were judged already.
    orders: usize,
    /// Signs of life since the start, by lane.
    alive: BTreeMap<String, Vec<SignOfLife>>,
}

impl Oracle {
    pub fn new(rules: Rules) -> Self {
        Self {
            rules,
            model: Model::default(),
            genuine: Vec::new(),
            sent: BTreeMap::new(),
            numbers: BTreeSet::new(),
            orders: 0,
            alive: BTreeMap::new(),
        }
    }

    /// The box has never heard of its cameras.
    pub fn forget_signs_of_life(&mut self) {
        self.alive.clear();
    }

    /// A camera gave a sign of life at `at`, which it had sent so long before.
    pub fn note_alive(&mut self, lane: &LaneId, at: u64, took_ms: u64) {
        let heard = self.alive.entry(lane.0.clone()).or_default();
        heard.push(SignOfLife { at, took_ms });
    }

    /// WeChat really said so.
    pub fn note_genuine(&mut self, event: &Event) {
        self.genuine.push(event.clone());
    }

    /// The box goes on over other records than it had: an old copy, or none.
    pub fn relearn(&mut self, records: &[Record]) {
        self.model = Model::default();
        for record in records {
            self.model.apply(record);
        }
    }

    /// These have reached the disk, in this order.
    pub fn learn(&mut self, records: &[Record], view: &View<'_>) -> Verdict {
        for record in records {
            match record {
                Record::RulesChanged(rules) => {
                    self.rules = (**rules).clone();
                    self.model.tariffs.push(rules.tariff.clone());
                }
                Record::Lane(lane) => self.judge_lane(lane, view)?,
                Record::Money(money) => self.judge_money(money, view)?,
                Record::StepTaken(_) => self.judge_taken_down()?,
                Record::Checkpoint(_)
                | Record::Meanwhile(_)
                | Record::Mind(_)
                | Record::PartOfState(_)
                | Record::PartOfMind(_)
                | Record::PayloadsErased(_)
                | Record::Unknown { .. } => {}
            }
            self.model.apply(record);
        }
        self.judge_taken_down()
    }

    /// About to be carried out.
    pub fn judge_command(&self, command: &Command, now: Now, store_down: bool) -> Verdict {
        match command {
            // No command lowers. One that did would have to be named here, and judged.
            Command::RaiseBarrier { lane, raise, .. } => {
                let is_known = self.model.raises.contains_key(&(lane.clone(), *raise));
                hold(is_known || store_down, Rule::RaiseHasAReason, || {
                    format!("raise {raise} of {lane} is commanded and not on disk")
                })
            }
            Command::Call(call) => {
                hold(now.trusted, Rule::NothingSignedWithoutATime, || {
                    format!("{:?} goes while the clock is not trusted", call.request)
                })?;
                self.judge_call(&call.request)
            }
        }
    }

    /// An arm was told to rise by a command of that run, worth something until then.
    pub fn judge_arm(&self, late_ms: u64, of_this_run: bool) -> Verdict {
        hold(late_ms == 0 && of_this_run, Rule::RaiseIsFresh, || {
            format!("an arm was told {late_ms} ms late; in the same run: {of_this_run}")
        })
    }

    /// These bytes left the box.
    pub fn judge_wire(&mut self, request: &Request, body: &[u8]) -> Verdict {
        let names = match request {
            Request::NotifyEntry { body, .. } => body.clone(),
            Request::Charge { trade_no, .. } => trade_no.clone(),
            Request::Refund { refund_no, .. } => refund_no.clone(),
            Request::Spot { number, .. } => number.clone(),
            Request::Query { .. }
            | Request::QueryRefund { .. }
            | Request::QuerySpot { .. }
            | Request::CloseSpot { .. } => return Ok(()),
        };
        let first = self.sent.entry(names).or_insert_with(|| body.to_vec());
        hold(first.as_slice() == body, Rule::FrozenNeverChanges, || {
            format!("{request:?} goes with other bytes than before")
        })
    }

    /// After every turn: what is in memory is what is on disk, and within its limits. Sums are added up
    /// anew when money `moved`: reading what lies packed takes longer than all other rules.
    pub fn judge_state(&self, machine: &Machine, calls_under_way: usize, moved: bool) -> Verdict {
        let park = machine.park();
        let book = park.queue().book();
        let lanes = self.rules.lanes.len();
        hold(
            park.queue().lanes_waiting() <= lanes
                && calls_under_way <= CONCURRENCY_MAX + lanes
                && park.site().seen.len() <= SEEN_MAX,
            Rule::LimitsHold,
            || {
                format!(
                    "{} lanes wait, {calls_under_way} calls are under way, {} readings are remembered",
                    park.queue().lanes_waiting(),
                    park.site().seen.len()
                )
            },
        )?;
        if !machine.store_down && !machine.off {
            let (queued, desk) = (&self.model.queued, &self.model.desk);
            hold(
                book.queued().eq(queued.iter().copied())
                    && book.with_staff().eq(desk.iter().copied()),
                Rule::QueueLosesNothing,
                || {
                    let queued: Vec<_> = book.queued().map(NumberKey::trade_no).collect();
                    let expected = self.model.queued.iter().map(|key| key.trade_no());
                    let expected: Vec<_> = expected.collect();
                    format!("{queued:?} are in the queue, and by the ledger {expected:?}")
                },
            )?;
        }
        let inside = self.model.inside();
        hold(
            machine.off || machine.store_down || park.site().counted_inside() == inside,
            Rule::CarsAreCounted,
            || {
                format!(
                    "{} are inside, and by the model {inside}",
                    park.site().counted_inside()
                )
            },
        )?;
        match moved {
            true => self.judge_sums(book),
            false => Ok(()),
        }
    }

    /// For people, and in logs.
    pub fn judge_alarms(&self, alarms: &[Alarm]) -> Verdict {
        for alarm in alarms {
            let shows = super::site::PLATES.iter().any(|p| alarm.text.contains(p));
            hold(!shows, Rule::NoPlateInAlarms, || alarm.text.clone())?;
        }
        Ok(())
    }

    /// What WeChat's side knows now.
    pub fn judge_books(&mut self, view: &View<'_>) -> Verdict {
        let violations = view.simulator.violations();
        hold(
            violations.is_empty() || view.clock.lies(),
            Rule::WechatNeverComplains,
            || format!("{violations:?}"),
        )?;
        for order in view.simulator.orders_from(self.orders) {
            self.judge_order(&order, view)?;
            self.orders += 1;
        }
        Ok(())
    }

    /// Claims that WeChat took on and nobody has corrected, for a person to look at.
    pub fn filed_claims(&self) -> Vec<Claim> {
        let charges = self.model.charges.values();
        let is_made = |no: &str| self.model.corrections.get(no) == Some(&false);
        let filed = charges.filter(|it| it.is_filed() && !is_made(&it.claim.trade_no));
        filed.map(|charge| charge.claim.clone()).collect()
    }
}
