//! The queue of entries and charges: what goes to WeChat next, and what may not go yet.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::agenda::{Agenda, Item};
use super::backoff;
use super::body::{self, AmountBody, ChargeBody, EntryBody, ParkingInfoBody};
use super::book::Book;
use super::charge::{Charge, ChargeState, Claim, Opening, StaffReason, WithdrawnReason};
use super::entry::{Entry, EntryEnd, EntryState, NotRegistrable};
use super::link::Link;
use super::record::{MoneyRecord, StaffOutcome};
use crate::lane::alarm::{Alarm, AlarmKind};
use crate::lane::guard::Doubt;
use crate::lane::number::SessionId;
use crate::lane::plate::PlateColor;
use crate::lane::service::ServiceState;
use crate::lane::session::Session;
use crate::lane::time::{Moment, Now, Stamp, Wall};

/// Background calls under way at once.
pub const CONCURRENCY_MAX: usize = 8;
/// A plate's next entry waits this long for its older charge to be filed.
const OLDER_CHARGE_WAIT_MS: u64 = 10 * 60 * 1000;
/// A call that has not come back after this long counts as lost.
const FLIGHT_MS_MAX: u64 = 60_000;
/// How often an accepted order is queried while a car waits for its money to move.
pub(super) const LANE_POLL_MS: u64 = 1_000;
/// How soon to look again at what waits for something that tells no time of its own.
const LOOK_AGAIN_MS: u64 = 5_000;

/// What goes into every body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MerchantRules {
    pub appid: String,
    /// Shown to the driver; at most 32 characters.
    pub parking_name: String,
    /// In the payer's bill.
    pub description: String,
    pub entry_notify_url: String,
    pub charge_notify_url: String,
    /// Free time as told to WeChat, seconds; derives from the tariff.
    pub free_duration_s: u64,
}

/// A call to make, once the records of the same step are on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    pub request: Request,
    /// A lane waits for it until then; None: nobody does.
    pub lane_until: Option<Moment>,
}

/// The calls that the queue makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    NotifyEntry { session: SessionId, body: String },
    Charge { trade_no: String, body: String },
    Query { trade_no: String },
}

/// What one turn of the queue led to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Out {
    pub records: Vec<MoneyRecord>,
    pub calls: Vec<Call>,
    pub alarms: Vec<Alarm>,
}

/// The queue. Its book is durable; everything else is of this run.
#[derive(Clone, Debug, Default)]
pub struct Queue {
    pub(super) book: Book,
    pub(super) agenda: Agenda,
    pub(super) link: Link,
    /// Stays that a lane waits for, and until when.
    urgent: BTreeMap<SessionId, Moment>,
    /// Next query of a stopped merchant, and how many there were.
    pub(super) half_open: Option<(Moment, u32)>,
    /// The store cannot write: nothing is sent from it.
    paused: bool,
}

impl Queue {
    /// The queue over a book as it stood.
    pub fn with_book(mut book: Book) -> Self {
        book.reindex();
        Self {
            book,
            ..Self::default()
        }
    }

    pub fn book(&self) -> &Book {
        &self.book
    }

    /// Whether lanes need not wait for WeChat: it does not answer, or not to this merchant.
    pub fn is_silent(&self) -> bool {
        self.paused || self.link.is_silent() || self.book.stop().is_some()
    }

    /// Replays a fact.
    pub fn replay(&mut self, record: &MoneyRecord) {
        self.book.apply(record);
    }

    /// Takes up everything that was left; call once, after replay.
    pub fn resume(&mut self, now: Now, out: &mut Out) {
        let was_on_its_way: Vec<String> = self
            .book
            .charges()
            .filter(|charge| charge.state == ChargeState::Sent)
            .map(|charge| charge.claim.trade_no.clone())
            .collect();
        for trade_no in was_on_its_way {
            let why = "restarted before an answer came".to_owned();
            self.record(
                out,
                MoneyRecord::ChargeUnknown {
                    trade_no,
                    why,
                    refused: None,
                },
            );
        }
        let charges = self
            .book
            .charges()
            .map(|c| Item::Charge(c.claim.trade_no.clone()));
        let entries = self.book.entries().filter(|entry| is_to_send(entry));
        let entries = entries.map(|entry| Item::Entry(entry.session.clone()));
        let items: Vec<Item> = charges.chain(entries).collect();
        for item in items {
            self.agenda
                .put(&item, backoff::at_start(item.key(), now.moment));
        }
        self.half_open = self.book.stop().map(|_| (now.moment, 0));
    }

    /// A stay began that may have to be charged.
    pub fn open_entry(&mut self, session: &Session, now: Now, out: &mut Out) {
        let not_registrable = session
            .color
            .is_none()
            .then_some(NotRegistrable::ColorUnknown);
        self.record(
            out,
            MoneyRecord::EntryOpened {
                session: session.id.clone(),
                plate: session.plate.clone(),
                color: session.color,
                entered: session.entered.clone(),
                not_registrable,
            },
        );
        if not_registrable.is_none() {
            self.agenda
                .put(&Item::Entry(session.id.clone()), now.moment);
        }
    }

    /// The stay is over and nothing will be filed for it.
    pub fn abandon_entry(&mut self, session: &SessionId, out: &mut Out) {
        if self.book.entry(session).is_some() {
            let why = EntryEnd::NothingOwed;
            self.record(
                out,
                MoneyRecord::EntryEnded {
                    session: session.clone(),
                    why,
                },
            );
            self.agenda.forget(&Item::Entry(session.clone()));
        }
    }

    /// A fee is due.
    pub fn open_charge(&mut self, claim: Claim, now: Now, out: &mut Out) {
        let session = claim.session.clone();
        let item = Item::Charge(claim.trade_no.clone());
        let to_file = matches!(claim.opening, Opening::ToFile { .. });
        self.record(out, MoneyRecord::ChargeOpened { claim });
        if to_file {
            self.agenda.put(&item, now.moment);
        } else {
            self.abandon_entry(&session, out);
        }
    }

    /// The car has left although WeChat has not taken the charge on.
    pub fn let_out(&mut self, trade_no: &str, out: &mut Out) {
        if self
            .book
            .charge(trade_no)
            .is_some_and(|charge| !charge.let_out)
        {
            self.record(
                out,
                MoneyRecord::ChargeLetOut {
                    trade_no: trade_no.to_owned(),
                },
            );
        }
    }

    /// Nothing is claimed any more, or staff has finished.
    ///
    /// # Errors
    /// While WeChat may still take the money, nobody else may; and what WeChat has taken on is its.
    pub fn finish_by_staff(
        &mut self,
        trade_no: &str,
        how: StaffOutcome,
        out: &mut Out,
    ) -> Result<(), &'static str> {
        let trade_no = trade_no.to_owned();
        if self.book.on_desk(&trade_no).is_some() {
            self.record(out, MoneyRecord::StaffFinished { trade_no, how });
            return Ok(());
        }
        let charge = self.book.charge(&trade_no).ok_or("no such charge")?;
        match charge.state {
            ChargeState::WaitingForEntry | ChargeState::Due => {}
            ChargeState::Sent | ChargeState::Unknown { .. } => {
                return Err("WeChat may still take this money; do not collect it a second time");
            }
            _ => return Err("WeChat has taken this charge on"),
        }
        let session = charge.claim.session.clone();
        let reason = match how {
            StaffOutcome::Collected { by, channel } => {
                WithdrawnReason::PaidElsewhere { by, channel }
            }
            StaffOutcome::WrittenOff { by, why } => WithdrawnReason::Waived { by, why },
        };
        self.agenda.forget(&Item::Charge(trade_no.clone()));
        self.record(out, MoneyRecord::ChargeWithdrawn { trade_no, reason });
        self.abandon_entry(&session, out);
        Ok(())
    }

    /// A lane waits for this stay's entry and charge until then.
    pub fn hurry(&mut self, session: &SessionId, until: Moment) {
        self.urgent.insert(session.clone(), until);
    }

    /// No lane waits for it any more.
    pub fn no_hurry(&mut self, session: &SessionId) {
        self.urgent.remove(session);
    }

    /// Whether a call for this stay's entry or charge is on its way.
    pub fn asks_for(&self, session: &SessionId) -> bool {
        self.agenda.is_in_flight(&Item::Entry(session.clone()))
            || self.agenda.is_in_flight(&Item::Charge(session.trade_no(0)))
    }

    /// A lane waits for the money to move: look soon, not by the ladder.
    pub fn poll_now(&mut self, trade_no: &str, now: Now) {
        let item = Item::Charge(trade_no.to_owned());
        if !self.agenda.is_in_flight(&item) {
            self.agenda.put(&item, now.moment.after_ms(LANE_POLL_MS));
        }
    }

    /// Whether a lane waits for this charge.
    pub(super) fn lane_waits_for(&self, trade_no: &str) -> bool {
        let charge = self.book.charge(trade_no);
        charge.is_some_and(|charge| self.urgent.contains_key(&charge.claim.session))
    }

    /// The record of a call is not on disk, so the call was not made.
    pub fn entry_not_made(&mut self, session: &SessionId, now: &Stamp) {
        let item = Item::Entry(session.clone());
        self.agenda.landed(&item);
        self.agenda.put(&item, now.now.moment);
    }

    /// See [`Queue::entry_not_made`].
    pub fn charge_not_made(&mut self, trade_no: &str, now: &Stamp, out: &mut Out) {
        self.query_not_made(trade_no, now);
        if self
            .book
            .charge(trade_no)
            .is_some_and(|charge| charge.state == ChargeState::Sent)
        {
            let why = "the store could not write, so nothing was sent".to_owned();
            let trade_no = trade_no.to_owned();
            self.record(out, MoneyRecord::ChargeDueAgain { trade_no, why });
        }
    }

    /// See [`Queue::entry_not_made`].
    pub fn query_not_made(&mut self, trade_no: &str, now: &Stamp) {
        let item = Item::Charge(trade_no.to_owned());
        self.agenda.landed(&item);
        self.agenda.put(&item, now.now.moment);
    }

    /// The store cannot write, or can again.
    pub fn pause(&mut self, paused: bool) {
        self.paused = paused;
    }

    /// When the queue wants a turn, if nothing happens before.
    pub fn wake_at(&self) -> Option<Moment> {
        if self.paused {
            return None;
        }
        let lost_at = self
            .agenda
            .oldest_flight()
            .map(|since| since.after_ms(FLIGHT_MS_MAX + 1));
        let due_at = if self.book.stop().is_some() {
            self.half_open
                .map(|(at, _)| at)
                .filter(|_| self.agenda.in_flight() == 0)
        } else if self.link.is_silent() {
            let probe_at = self
                .link
                .probe_at()
                .filter(|_| self.agenda.in_flight() == 0);
            self.agenda
                .next_at()
                .zip(probe_at)
                .map(|(due, probe)| due.max(probe))
        } else {
            self.agenda
                .next_at()
                .filter(|_| self.agenda.in_flight() < CONCURRENCY_MAX)
        };
        lost_at.into_iter().chain(due_at).min()
    }

    /// Sends what is due and may go.
    pub fn turn(&mut self, now: &Stamp, rules: &MerchantRules, out: &mut Out) {
        if self.paused {
            return;
        }
        self.give_up_overdue_flights(now, out);
        if self.book.stop().is_some() {
            self.query_once_while_stopped(now, out);
            return;
        }
        let hurried: Vec<(SessionId, Moment)> = self
            .urgent
            .iter()
            .map(|(session, until)| (session.clone(), *until))
            .collect();
        for (session, until) in hurried {
            self.act_for_lane(&session, until, now, rules, out);
        }
        while let Some(item) = self.agenda.first_due(now.now.moment) {
            if !self
                .link
                .admits(self.agenda.in_flight(), CONCURRENCY_MAX, now.now.moment)
            {
                break;
            }
            self.act(&item, None, now, rules, out);
        }
    }

    fn act_for_lane(
        &mut self,
        session: &SessionId,
        until: Moment,
        now: &Stamp,
        rules: &MerchantRules,
        out: &mut Out,
    ) {
        let entry = Item::Entry(session.clone());
        if self.book.entry(session).is_some_and(is_to_send) && !self.agenda.is_in_flight(&entry) {
            self.act(&entry, Some(until), now, rules, out);
        }
        let charge = Item::Charge(session.trade_no(0));
        if self
            .agenda
            .next_at_of(&charge)
            .is_some_and(|at| at <= now.now.moment)
        {
            self.act(&charge, Some(until), now, rules, out);
        }
    }

    fn act(
        &mut self,
        item: &Item,
        lane_until: Option<Moment>,
        now: &Stamp,
        rules: &MerchantRules,
        out: &mut Out,
    ) {
        match item {
            Item::Entry(session) => self.act_on_entry(session, lane_until, now, rules, out),
            Item::Charge(trade_no) => self.act_on_charge(trade_no, lane_until, now, rules, out),
        }
    }

    fn act_on_entry(
        &mut self,
        session: &SessionId,
        lane_until: Option<Moment>,
        now: &Stamp,
        rules: &MerchantRules,
        out: &mut Out,
    ) {
        let item = Item::Entry(session.clone());
        let Some(entry) = self.book.entry(session).filter(|e| is_to_send(e)).cloned() else {
            self.agenda.forget(&item);
            return;
        };
        if let Some(frozen) = entry
            .body
            .clone()
            .filter(|_| entry.state != EntryState::Pending)
        {
            self.call_entry(&entry, frozen, lane_until, now, out);
            return;
        }
        if !now.now.trusted || self.waits_for_an_older_charge(&entry, now) {
            self.agenda
                .put(&item, now.now.moment.after_ms(LOOK_AGAIN_MS));
            return;
        }
        let Some((frozen, color)) = entry_body(&entry, now.now, rules) else {
            let why = EntryEnd::NotRegistrable(NotRegistrable::UntrustedTime);
            self.record(
                out,
                MoneyRecord::EntryEnded {
                    session: session.clone(),
                    why,
                },
            );
            self.agenda.forget(&item);
            return;
        };
        debug_assert_eq!(Some(color), entry.color);
        self.supersede_older(&entry, out);
        let body = frozen.clone();
        let attempt = entry.attempt;
        self.record(
            out,
            MoneyRecord::EntrySent {
                session: session.clone(),
                attempt,
                body,
            },
        );
        self.call_entry(&entry, frozen, lane_until, now, out);
    }

    fn call_entry(
        &mut self,
        entry: &Entry,
        body: String,
        lane_until: Option<Moment>,
        now: &Stamp,
        out: &mut Out,
    ) {
        self.agenda
            .sent(&Item::Entry(entry.session.clone()), now.now.moment);
        let request = Request::NotifyEntry {
            session: entry.session.clone(),
            body,
        };
        out.calls.push(Call {
            request,
            lane_until,
        });
    }

    /// A new entry makes the plate's older id useless, so its older charge goes first.
    fn waits_for_an_older_charge(&self, entry: &Entry, now: &Stamp) -> bool {
        let older = self.book.charges_of(&entry.plate);
        let unfiled = older.filter(|c| c.claim.session < entry.session && c.is_unfiled());
        let waited = entry.entered.stay_ms(now).unwrap_or(u64::MAX);
        unfiled.count() > 0 && waited < OLDER_CHARGE_WAIT_MS
    }

    /// The entry goes: what is older and not filed can no longer be, unless it is at WeChat already.
    fn supersede_older(&mut self, entry: &Entry, out: &mut Out) {
        let older: Vec<Charge> = self
            .book
            .charges_of(&entry.plate)
            .filter(|c| c.claim.session < entry.session && c.is_unfiled())
            .cloned()
            .collect();
        for charge in older {
            let trade_no = charge.claim.trade_no.clone();
            if charge.is_under_way() {
                self.record(out, MoneyRecord::ChargeSuperseded { trade_no });
            } else {
                self.hand_to_staff(&trade_no, StaffReason::Superseded, out);
            }
        }
        let older: Vec<SessionId> = self
            .book
            .entries()
            .filter(|e| e.plate == entry.plate && e.session < entry.session)
            .map(|e| e.session.clone())
            .collect();
        for session in older {
            let why = EntryEnd::Superseded;
            self.agenda.forget(&Item::Entry(session.clone()));
            self.record(out, MoneyRecord::EntryEnded { session, why });
        }
    }

    fn act_on_charge(
        &mut self,
        trade_no: &str,
        lane_until: Option<Moment>,
        now: &Stamp,
        rules: &MerchantRules,
        out: &mut Out,
    ) {
        let item = Item::Charge(trade_no.to_owned());
        let Some(charge) = self.book.charge(trade_no).cloned() else {
            self.agenda.forget(&item);
            return;
        };
        match &charge.state {
            ChargeState::WaitingForEntry | ChargeState::Due => {
                self.file(&charge, lane_until, now, rules, out);
            }
            ChargeState::Sent | ChargeState::Unknown { .. } => {
                self.query(trade_no, lane_until, now, out);
            }
            ChargeState::Accepted { at } => {
                let unsettled = at
                    .stay_ms(now)
                    .is_some_and(|ms| ms > backoff::UNSETTLED_AFTER_MS);
                if unsettled {
                    self.hand_to_staff(trade_no, StaffReason::Unsettled, out);
                } else {
                    self.query(trade_no, lane_until, now, out);
                }
            }
            ChargeState::Refused(_)
            | ChargeState::Failed
            | ChargeState::Settled
            | ChargeState::HandedToStaff(_)
            | ChargeState::Withdrawn(_) => self.agenda.forget(&item),
        }
    }

    fn file(
        &mut self,
        charge: &Charge,
        lane_until: Option<Moment>,
        now: &Stamp,
        rules: &MerchantRules,
        out: &mut Out,
    ) {
        let trade_no = charge.claim.trade_no.clone();
        let item = Item::Charge(trade_no.clone());
        if !now.now.trusted {
            self.agenda
                .put(&item, now.now.moment.after_ms(LOOK_AGAIN_MS));
            return;
        }
        if let Some(frozen) = &charge.body {
            let text = frozen.text.clone();
            self.record(
                out,
                MoneyRecord::ChargeSent {
                    trade_no,
                    body: None,
                },
            );
            self.call_charge(charge, text, lane_until, now, out);
            return;
        }
        let frozen = match self.freeze(charge, now.now, rules) {
            Freeze::Body(text) => text,
            Freeze::NotYet => {
                self.agenda
                    .put(&item, now.now.moment.after_ms(LOOK_AGAIN_MS));
                return;
            }
            Freeze::Never(reason) => {
                self.hand_to_staff(&trade_no, reason, out);
                return;
            }
        };
        self.agenda
            .forget(&Item::Entry(charge.claim.session.clone()));
        let body = Some(frozen.clone());
        self.record(out, MoneyRecord::ChargeSent { trade_no, body });
        self.call_charge(charge, frozen, lane_until, now, out);
    }

    fn call_charge(
        &mut self,
        charge: &Charge,
        body: String,
        lane_until: Option<Moment>,
        now: &Stamp,
        out: &mut Out,
    ) {
        let trade_no = charge.claim.trade_no.clone();
        self.agenda
            .sent(&Item::Charge(trade_no.clone()), now.now.moment);
        out.calls.push(Call {
            request: Request::Charge { trade_no, body },
            lane_until,
        });
    }

    fn query(&mut self, trade_no: &str, until: Option<Moment>, now: &Stamp, out: &mut Out) {
        let trade_no = trade_no.to_owned();
        self.agenda
            .sent(&Item::Charge(trade_no.clone()), now.now.moment);
        out.calls.push(Call {
            request: Request::Query { trade_no },
            lane_until: until,
        });
    }

    /// The body of a charge, from the entry as it was sent.
    fn freeze(&self, charge: &Charge, now: Now, rules: &MerchantRules) -> Freeze {
        let Some(entry) = self.book.entry(&charge.claim.session) else {
            return Freeze::Never(StaffReason::NotRegistered("no entry".into()));
        };
        if let Some(why) = entry.never() {
            return Freeze::Never(StaffReason::NotRegistered(why));
        }
        let EntryState::Registered {
            parking_id,
            service,
            ..
        } = &entry.state
        else {
            return Freeze::NotYet;
        };
        if let (
            ServiceState::Blocked(why),
            Opening::ToFile {
                despite_block: false,
            },
        ) = (service, &charge.claim.opening)
        {
            return Freeze::Never(StaffReason::Blocked(why.clone()));
        }
        match charge_body(charge, entry, parking_id, now, rules) {
            Some(body) => Freeze::Body(body::freeze(&body)),
            None => Freeze::Never(StaffReason::Guarded(vec![Doubt::UntrustedTime])),
        }
    }

    pub(super) fn hand_to_staff(&mut self, trade_no: &str, reason: StaffReason, out: &mut Out) {
        let Some(charge) = self.book.charge(trade_no) else {
            return;
        };
        let (session, fee_fen) = (charge.claim.session.clone(), charge.fee_fen());
        let text = format!(
            "charge of {}.{:02} yuan is with the staff: {reason:?}; see `parkgate review list`",
            fee_fen / 100,
            fee_fen % 100
        );
        out.alarms.push(Alarm {
            kind: AlarmKind::ChargeWithStaff,
            subject: trade_no.to_owned(),
            raised: true,
            text,
        });
        self.agenda.forget(&Item::Charge(trade_no.to_owned()));
        let trade_no = trade_no.to_owned();
        self.record(out, MoneyRecord::ChargeHandedToStaff { trade_no, reason });
        self.abandon_entry(&session, out);
    }

    /// While stopped, one query now and then asks whether the merchant is let in again.
    fn query_once_while_stopped(&mut self, now: &Stamp, out: &mut Out) {
        let Some((at, probes)) = self.half_open else {
            return;
        };
        if now.now.moment < at || self.agenda.in_flight() > 0 || !now.now.trusted {
            return;
        }
        let next = now.now.moment.after_ms(backoff::half_open_delay_ms(probes));
        self.half_open = Some((next, probes.saturating_add(1)));
        let any = self.book.charges().map(|c| c.claim.trade_no.clone()).next();
        let of_entry = self
            .book
            .entries()
            .map(|entry| entry.session.trade_no(0))
            .next();
        if let Some(trade_no) = any.or(of_entry) {
            self.query(&trade_no, None, now, out);
        }
    }

    fn give_up_overdue_flights(&mut self, now: &Stamp, out: &mut Out) {
        let limit = Moment(now.now.moment.0.saturating_sub(FLIGHT_MS_MAX));
        while let Some(item) = self.agenda.overdue(limit) {
            self.lost_in_flight(&item, now, out);
        }
    }

    pub(super) fn record(&mut self, out: &mut Out, record: MoneyRecord) {
        self.book.apply(&record);
        out.records.push(record);
    }
}

enum Freeze {
    Body(String),
    NotYet,
    Never(StaffReason),
}

pub(super) fn is_to_send(entry: &Entry) -> bool {
    matches!(
        entry.state,
        EntryState::Pending | EntryState::Sent | EntryState::Unknown
    )
}

/// None where the start of the stay cannot be told by a clock that may be believed.
fn entry_body(entry: &Entry, now: Now, rules: &MerchantRules) -> Option<(String, PlateColor)> {
    let color = entry.color?;
    let start_time = match &entry.start_time {
        Some(as_sent) => as_sent.clone(),
        None => entry.entered.believable_wall(now)?.to_rfc3339(),
    };
    let body = EntryBody {
        out_parking_no: entry.session.parking_no(entry.attempt),
        plate_number: entry.plate.as_str().to_owned(),
        plate_color: color,
        notify_url: rules.entry_notify_url.clone(),
        start_time,
        parking_name: rules.parking_name.clone(),
        free_duration: rules.free_duration_s,
    };
    Some((body::freeze(&body), color))
}

/// None where the stay has no believable end after its start and before now.
fn charge_body(
    charge: &Charge,
    entry: &Entry,
    parking_id: &str,
    now: Now,
    rules: &MerchantRules,
) -> Option<ChargeBody> {
    let sent: EntryBody = serde_json::from_str(entry.body.as_deref()?).ok()?;
    let start = Wall::from_rfc3339(&sent.start_time)?;
    let stay_ms = i64::try_from(charge.claim.stay_ms).ok()?;
    let end = start
        .plus_ms(stay_ms)
        .min(now.wall)
        .plus_ms(-1000)
        .floor_to_second();
    let duration_s = u64::try_from(end.0.checked_sub(start.0)?).ok()? / 1000;
    if duration_s == 0 {
        return None;
    }
    Some(ChargeBody {
        appid: rules.appid.clone(),
        description: rules.description.clone(),
        attach: None,
        out_trade_no: charge.claim.trade_no.clone(),
        trade_scene: "PARKING".to_owned(),
        notify_url: rules.charge_notify_url.clone(),
        amount: AmountBody {
            total: charge.fee_fen(),
            currency: "CNY".to_owned(),
        },
        parking_info: ParkingInfoBody {
            parking_id: parking_id.to_owned(),
            plate_number: sent.plate_number,
            plate_color: sent.plate_color,
            start_time: sent.start_time,
            end_time: end.to_rfc3339(),
            parking_name: sent.parking_name,
            charging_duration: duration_s,
            device_id: device_id(&charge.claim.lane.0),
        },
    })
}

/// Letters and digits, at most 32, as WeChat wants them.
fn device_id(lane: &str) -> String {
    lane.chars()
        .filter(char::is_ascii_alphanumeric)
        .take(32)
        .collect()
}
