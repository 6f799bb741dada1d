//! The whole story of one stay: everything that the ledger says about it and its charge.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::at;
use super::charge::{ChargeRow, Charges};
pub use super::detail::word;
use super::detail::{entry_word, money, notice_word, order_word, said};
use super::head::STEP;
use super::refund::{RefundRow, Refunds};
use super::session::{SessionRow, Sessions};
use super::spot::{CodeRow, Codes};
use super::steps::{self, Told};
use crate::charges::record::{MoneyRecord, Subject};
use crate::charges::spot::SpotTold;
use crate::lane::number::SessionId;
use crate::lane::tariff::Quote;
use crate::lane::time::Wall;
use crate::notice::Notice;
use crate::park::event::Event;
use crate::park::record::{LaneRecord, Record, StepTaken};
use crate::store::ledger::LedgerError;

/// A stay, its charge, and what happened.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Story {
    /// None: its records are older than this ledger's first segment.
    pub session: Option<SessionRow>,
    /// The newest.
    pub charge: Option<ChargeRow>,
    /// Those that were made before it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub before: Vec<ChargeRow>,
    /// What went, or goes, back of all of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refunds: Vec<RefundRow>,
    /// Orders that its driver could pay on the spot.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub codes: Vec<CodeRow>,
    /// The fee with the lines that explain it.
    pub quote: Option<Quote>,
    /// In the order of the ledger.
    pub happenings: Vec<Happening>,
}

impl Story {
    /// The charge with this number, or the newest where it is none's.
    pub fn charge_named(mut self, number: &str) -> Option<ChargeRow> {
        let number = number.trim().to_uppercase();
        let mut before = self.before.drain(..);
        let named = before.find(|charge| charge.trade_no == number);
        named.or(self.charge)
    }

    /// The order with this number that was paid on the spot; or, of a stay that WeChat took no charge of, the
    /// last one that was.
    pub fn code_named(&self, number: &str) -> Option<CodeRow> {
        let number = number.trim().to_uppercase();
        if let Some(named) = self.codes.iter().find(|code| code.number == number) {
            return Some(named.clone());
        }
        let is_of_a_charge = number.starts_with('T') || number.starts_with('N');
        let charge = self.charge.as_ref();
        let is_charged = charge.is_some_and(|charge| charge.transaction_id.is_some());
        let mut paid = self.codes.iter().rev().filter(|code| code.is_paid());
        paid.next()
            .filter(|_| !is_of_a_charge && !is_charged)
            .cloned()
    }
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Happening {
    /// The record that says so.
    pub seq: u64,
    #[serde(with = "at")]
    pub at: Wall,
    pub what: What,
    /// Codes, numbers and other people's words; in no language of ours.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// WeChat's `Request-ID`, for its support.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    PlateRead,
    SessionOpened,
    DoubtLifted,
    EntryOpened,
    EntrySent,
    EntryAnswered,
    EntryUnknown,
    EntryRegistered,
    EntryServiceChanged,
    EntryRenumbered,
    EntryEnded,
    ChargeOpened,
    ChargeSent,
    ChargeAnswered,
    ChargeUnknown,
    ChargeDueAgain,
    ChargeToRepeat,
    QueryAnswered,
    ChargeAccepted,
    ChargeSettled,
    AdvanceRepaid,
    Noticed,
    ChargeRefused,
    ChargeFailed,
    ChargeSuperseded,
    ChargeLetOut,
    RetryAsked,
    StaffAsked,
    ChargeHandedToStaff,
    ChargeWithdrawn,
    StaffFinished,
    HoldStarted,
    HoldEnded,
    ReviewOpened,
    ReviewClosed,
    PlateNamed,
    ArrearsSeen,
    PaymentTaken,
    BenefitGiven,
    BenefitTakenBack,
    BalanceChanged,
    ZonePassed,
    CorrectionAsked,
    CorrectionDone,
    RefundAsked,
    RefundSent,
    RefundAnswered,
    RefundTold,
    RefundGivenUp,
    SpotAsked,
    SpotSent,
    SpotAnswered,
    SpotTold,
    SpotGivenUp,
    RaiseDecided,
    RaiseReissued,
    RaiseCarriedOut,
    Passed,
    SessionClosed,
}

/// The newest stay of a plate, if the ledger knows one.
///
/// # Errors
/// When the ledger cannot be read.
pub fn newest_session(dir: &Path, plate: &str) -> Result<Option<SessionId>, LedgerError> {
    let mut sessions = Sessions::keeping(|row: &SessionRow| row.plate == plate);
    steps::read(dir, None, |told| {
        let may_open = matches!(told.stored.kind, CHECKPOINT | SESSION_OPENED);
        if !may_open || !told.mentions(plate) {
            return;
        }
        match told.record() {
            Some(Record::Checkpoint(snapshot)) => sessions.stood(&snapshot.site),
            Some(Record::PartOfState(part)) => sessions.stood_in(&part),
            Some(Record::Lane(record)) => sessions.apply(&record, told.at),
            _ => {}
        }
    })?;
    let newest = sessions.rows.into_keys().next_back();
    Ok(newest.map(SessionId))
}

/// The stay whose money WeChat knows under this number: its charge, or what was paid on the spot.
///
/// # Errors
/// When the ledger cannot be read.
pub fn session_of_order(dir: &Path, order: &str) -> Result<Option<SessionId>, LedgerError> {
    let mut found = None;
    steps::read(dir, None, |told| {
        if !matches!(told.stored.kind, CHARGE_SETTLED | SPOT_TOLD) || !told.mentions(order) {
            return;
        }
        let (number, transaction_id) = match told.record() {
            Some(Record::Money(MoneyRecord::ChargeSettled {
                trade_no,
                transaction_id,
                ..
            })) => (trade_no, transaction_id),
            Some(Record::Money(MoneyRecord::SpotTold {
                number,
                told: SpotTold::Paid { transaction_id, .. },
            })) => (number, transaction_id),
            _ => return,
        };
        if transaction_id.as_deref() == Some(order) {
            found = SessionId::named_by(&number);
        }
    })?;
    Ok(found)
}

/// Everything about a stay; None if the ledger does not know it.
///
/// # Errors
/// When the ledger cannot be read.
pub fn of(dir: &Path, session: &SessionId) -> Result<Option<Story>, LedgerError> {
    let mut teller = Teller::new(session);
    steps::read(dir, None, |told| teller.hear(&told))?;
    let Teller {
        sessions,
        charges,
        refunds,
        codes,
        quote,
        happenings,
        ..
    } = teller;
    let mut before: Vec<ChargeRow> = charges.rows.into_values().collect();
    let story = Story {
        session: sessions.rows.into_values().next(),
        charge: before.pop(),
        before,
        refunds: refunds.rows.into_values().collect(),
        codes: codes.rows.into_values().collect(),
        quote,
        happenings,
    };
    Ok((story != Story::default()).then_some(story))
}

/// Numbers on disk (docs/record-kinds.md).
const CHECKPOINT: u16 = 3;
const SESSION_OPENED: u16 = 16;
const CHARGE_SETTLED: u16 = 43;
const SPOT_TOLD: u16 = 74;
const RAISE_REISSUED: u16 = 19;
const PASSED: u16 = 21;
const HOLD_ENDED: u16 = 23;

type Keep<R> = Box<dyn Fn(&R) -> bool>;

struct Teller {
    session: SessionId,
    sessions: Sessions<Keep<SessionRow>>,
    charges: Charges<Keep<ChargeRow>>,
    refunds: Refunds<Keep<RefundRow>>,
    codes: Codes,
    quote: Option<Quote>,
    happenings: Vec<Happening>,
    /// Raises for this stay.
    raises: BTreeSet<u64>,
    /// Lanes at which it is held.
    held: BTreeMap<String, ()>,
    /// The reading of the step at hand, until something of ours follows from it.
    reading: Option<Happening>,
}

impl Teller {
    fn new(session: &SessionId) -> Self {
        let (of_session, of_charge) = (session.0.clone(), session.0.clone());
        let of_refund = session.0.clone();
        Self {
            session: session.clone(),
            sessions: Sessions::keeping(Box::new(move |row| row.session == of_session)),
            charges: Charges::keeping(Box::new(move |row| row.session == of_charge)),
            refunds: Refunds::keeping(Box::new(move |row| row.session == of_refund)),
            codes: Codes::of_stay(&session.0),
            quote: None,
            happenings: Vec::new(),
            raises: BTreeSet::new(),
            held: BTreeMap::new(),
            reading: None,
        }
    }

    fn hear(&mut self, told: &Told<'_>) {
        let kind = told.stored.kind;
        if kind == STEP {
            self.reading = None;
        }
        let is_reading = kind == STEP && told.stored.class == crate::store::record::Class::Reading;
        let may_follow = (RAISE_REISSUED..=PASSED).contains(&kind) || kind == HOLD_ENDED;
        if !is_reading && !may_follow && !told.mentions(&self.session.0) {
            return;
        }
        match told.record() {
            Some(Record::Checkpoint(snapshot)) => {
                self.sessions.stood(&snapshot.site);
                let book = snapshot.book;
                for charge in book.charges().chain(book.desk()) {
                    self.charges.stood(&charge);
                }
                for refund in book.refunds().open() {
                    self.refunds.stood(refund);
                }
                self.codes.stood(&book);
            }
            Some(Record::PartOfState(part)) => {
                self.sessions.stood_in(&part);
                self.charges.stood_in(&part);
                if let Some(rest) = &part.rest {
                    for refund in rest.book.refunds().open() {
                        self.refunds.stood(refund);
                    }
                    self.codes.stood(&rest.book);
                }
            }
            Some(Record::StepTaken(step)) => self.hear_event(told, step),
            Some(Record::Lane(record)) => self.hear_lane(told, &record),
            Some(Record::Money(record)) => self.hear_money(told, &record),
            Some(
                Record::RulesChanged(_)
                | Record::Meanwhile(_)
                | Record::Mind(_)
                | Record::PartOfMind(_)
                | Record::PayloadsErased(_)
                | Record::Unknown { .. },
            )
            | None => {}
        }
    }

    fn hear_event(&mut self, told: &Told<'_>, step: StepTaken) {
        match step.event {
            Event::PlateRead { camera, read, .. } => {
                let sure = read.confidence_permille.map(|sure| {
                    let (percent, tenth) = (sure / 10, sure % 10);
                    format!("{percent}.{tenth} %")
                });
                let plate = read.plate.as_ref().map(|plate| plate.as_str().to_owned());
                let parts = [plate, sure, Some(camera)];
                let detail: Vec<String> = parts.into_iter().flatten().collect();
                self.reading = Some(happening(told, What::PlateRead, detail.join(", ")));
            }
            Event::EntryAnswered { session, heard } if session == self.session => {
                let detail = said(&heard, entry_word);
                self.answered(told, What::EntryAnswered, detail, heard.request_id);
            }
            Event::ChargeAnswered { trade_no, heard } if self.is_ours(&trade_no) => {
                let detail = said(&heard, order_word);
                self.answered(told, What::ChargeAnswered, detail, heard.request_id);
            }
            Event::QueryAnswered { trade_no, heard } if self.is_ours(&trade_no) => {
                let detail = said(&heard, order_word);
                self.answered(told, What::QueryAnswered, detail, heard.request_id);
            }
            Event::Noticed { told: notice } if self.is_told_of(&notice.notice) => {
                let detail = notice_word(&notice.notice);
                self.tell(told, What::Noticed, format!("{detail}, {}", notice.id));
            }
            Event::RefundAnswered { refund_no, heard }
            | Event::RefundQueryAnswered { refund_no, heard }
                if self.is_ours(&refund_no) =>
            {
                let detail = said(&heard, |seen| word(&seen.state));
                self.answered(told, What::RefundAnswered, detail, heard.request_id);
            }
            Event::SpotAnswered { number, heard } if self.is_ours(&number) => {
                let detail = said(&heard, |code| code.0.clone());
                self.answered(told, What::SpotAnswered, detail, heard.request_id);
            }
            Event::SpotQueryAnswered { number, heard } if self.is_ours(&number) => {
                let detail = said(&heard, |seen| word(&seen.state));
                self.answered(told, What::SpotAnswered, detail, heard.request_id);
            }
            Event::SpotCloseAnswered { number, heard } if self.is_ours(&number) => {
                let detail = said(&heard, |()| "204".to_owned());
                self.answered(told, What::SpotAnswered, detail, heard.request_id);
            }
            Event::RetryAsked { trade_no, by } if self.is_ours(&trade_no) => {
                self.tell(told, What::RetryAsked, by.unwrap_or_default());
            }
            Event::StaffAsked { trade_no, by, why } if self.is_ours(&trade_no) => {
                self.tell(told, What::StaffAsked, format!("{by}: {why}"));
            }
            _ => {}
        }
    }

    fn hear_lane(&mut self, told: &Told<'_>, record: &LaneRecord) {
        self.sessions.apply(record, told.at);
        let is_ours = |session: &SessionId| *session == self.session;
        match record {
            LaneRecord::SessionOpened { session } if is_ours(&session.id) => {
                let detail = format!("{}, {}", session.plate.as_str(), session.lane);
                self.tell(told, What::SessionOpened, detail);
            }
            LaneRecord::SessionClosed {
                session,
                lane,
                ending,
                ..
            } if is_ours(session) => {
                let detail = format!("{}, {lane}", word(ending));
                self.tell(told, What::SessionClosed, detail);
            }
            LaneRecord::RaiseDecided {
                raise,
                lane,
                session: Some(session),
                reason,
                ..
            } if is_ours(session) => {
                self.raises.insert(*raise);
                self.tell(
                    told,
                    What::RaiseDecided,
                    format!("{}, {lane}", word(reason)),
                );
            }
            LaneRecord::RaiseReissued { raise, lane } if self.raises.contains(raise) => {
                self.tell(told, What::RaiseReissued, lane.to_string());
            }
            LaneRecord::RaiseCarriedOut { raise, proof, .. } if self.raises.contains(raise) => {
                self.tell(told, What::RaiseCarriedOut, word(proof));
            }
            LaneRecord::Passed { raise, lane } if self.raises.contains(raise) => {
                self.tell(told, What::Passed, lane.to_string());
            }
            LaneRecord::HoldStarted { hold } if hold.session.as_ref().is_some_and(is_ours) => {
                self.held.insert(hold.lane.0.clone(), ());
                if self.quote.is_none() {
                    self.quote.clone_from(&hold.quote);
                }
                let detail = format!("{}, {}", word(&hold.reason), hold.lane);
                self.tell(told, What::HoldStarted, detail);
            }
            LaneRecord::HoldStarted { hold } => {
                self.held.remove(&hold.lane.0);
            }
            LaneRecord::HoldEnded { lane } => {
                if self.held.remove(&lane.0).is_some() {
                    self.tell(told, What::HoldEnded, lane.to_string());
                }
            }
            LaneRecord::ReviewOpened { review } if is_ours(&review.session) => {
                self.tell(told, What::ReviewOpened, word(&review.why));
            }
            LaneRecord::ReviewClosed {
                session,
                how,
                by,
                why,
                ..
            } if is_ours(session) => {
                self.tell(
                    told,
                    What::ReviewClosed,
                    format!("{}, {by}: {why}", word(how)),
                );
            }
            LaneRecord::PlateNamed {
                lane,
                plate,
                session: Some(session),
                by,
                why,
                ..
            } if is_ours(session) => {
                let detail = format!("{}, {lane}, {by}: {why}", plate.as_str());
                self.tell(told, What::PlateNamed, detail);
            }
            LaneRecord::BenefitGiven {
                session,
                given,
                by,
                why,
                ..
            } if is_ours(session) => {
                let detail = format!("{}, {by}: {why}", word(given));
                self.tell(told, What::BenefitGiven, detail);
            }
            LaneRecord::BenefitTakenBack {
                session,
                number,
                by,
                why,
                ..
            } if is_ours(session) => {
                let detail = format!("{number}, {by}: {why}");
                self.tell(told, What::BenefitTakenBack, detail);
            }
            LaneRecord::BalanceChanged {
                fen,
                left_fen,
                session: Some(session),
                ..
            } if is_ours(session) => {
                let detail = format!("{fen} fen, {left_fen} fen left");
                self.tell(told, What::BalanceChanged, detail);
            }
            LaneRecord::ZonePassed {
                session,
                lane,
                zone,
                way,
                after_ms,
                ..
            } if is_ours(session) => {
                let unsure = match after_ms {
                    Some(_) => "",
                    None => ", unsure",
                };
                let detail = format!("{zone}, {}, {lane}{unsure}", word(way));
                self.tell(told, What::ZonePassed, detail);
            }
            LaneRecord::ArrearsSeen { session, owes, .. } if is_ours(session) => {
                let detail = format!("{} × = {} fen", owes.charges, owes.fen);
                self.tell(told, What::ArrearsSeen, detail);
            }
            LaneRecord::DoubtLifted { session, doubt } if is_ours(session) => {
                self.tell(told, What::DoubtLifted, word(doubt));
            }
            LaneRecord::SessionOpened { .. }
            | LaneRecord::SessionClosed { .. }
            | LaneRecord::RaiseDecided { .. }
            | LaneRecord::RaiseReissued { .. }
            | LaneRecord::RaiseCarriedOut { .. }
            | LaneRecord::Passed { .. }
            | LaneRecord::NumbersSkipped { .. }
            | LaneRecord::ReviewOpened { .. }
            | LaneRecord::ReviewClosed { .. }
            | LaneRecord::PlateNamed { .. }
            | LaneRecord::PlacesCounted { .. }
            | LaneRecord::ArrearsSeen { .. }
            | LaneRecord::ListChanged { .. }
            | LaneRecord::BenefitGiven { .. }
            | LaneRecord::BenefitTakenBack { .. }
            | LaneRecord::BalanceChanged { .. }
            | LaneRecord::ZonePassed { .. }
            | LaneRecord::DoubtLifted { .. } => {}
        }
    }

    fn hear_money(&mut self, told: &Told<'_>, record: &MoneyRecord) {
        self.charges.apply(record, told.at);
        self.refunds.apply(record, told.at);
        self.codes.apply(record, told.at);
        let is_ours = match record.subject() {
            Subject::Entry(session) => *session == self.session,
            Subject::Charge(trade_no) => self.is_ours(trade_no),
            Subject::Payment(session) => *session == self.session,
            Subject::Refund(refund_no) => self.is_ours(refund_no),
            Subject::Spot(number) => self.is_ours(number),
            Subject::Notice | Subject::Merchant => false,
        };
        if !is_ours {
            return;
        }
        if let MoneyRecord::ChargeOpened { claim } = record {
            self.quote = Some(claim.quote.clone());
            let fee_fen = claim.quote.fee_fen;
            self.sessions
                .claimed(&claim.session.0, &claim.trade_no, fee_fen);
        }
        let (what, detail) = money(record);
        if let Some(what) = what {
            self.tell(told, what, detail);
        }
    }

    fn is_ours(&self, trade_no: &str) -> bool {
        trade_no
            .get(1..)
            .is_some_and(|rest| rest.starts_with(&self.session.0))
    }

    fn is_told_of(&self, notice: &Notice) -> bool {
        match notice {
            Notice::Entry(entry) => self.is_ours(&entry.out_parking_no),
            Notice::Order(order) => self.is_ours(&order.order.out_trade_no),
            Notice::Refund(refund) => self.is_ours(&refund.out_trade_no),
            Notice::Native(native) => self.is_ours(&native.out_trade_no),
            Notice::Other { .. } => false,
        }
    }

    fn tell(&mut self, told: &Told<'_>, what: What, detail: String) {
        self.happenings.extend(self.reading.take());
        self.happenings.push(happening(told, what, detail));
    }

    fn answered(
        &mut self,
        told: &Told<'_>,
        what: What,
        detail: String,
        request_id: Option<String>,
    ) {
        self.happenings.push(Happening {
            request_id,
            ..happening(told, what, detail)
        });
    }
}

fn happening(told: &Told<'_>, what: What, detail: String) -> Happening {
    Happening {
        seq: told.seq,
        at: told.at,
        what,
        detail,
        request_id: None,
    }
}
