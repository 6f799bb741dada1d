//! Who reads the records in their order and keeps the books.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::charge::{CORRECTION_ASKED, CORRECTION_DONE, Charge, Fact, Stands};
use super::opening::State;
use super::price::{self, Claimed, Prices};
use super::refund::{REFUND_ASKED, REFUND_GIVEN_UP, Refund};
use super::spot::{Codes, SPOT_ASKED, SPOT_GIVEN_UP};
use super::till::Tills;
use super::violation::{Violation, Wrong};
use super::zone::Zones;
use super::{Period, Report, Sum};
use crate::json;
use crate::lane::plate::PlateColor;
use crate::lane::time::Wall;
use crate::store::audit::Entry;

const STEP: u16 = 1;
const RULES: u16 = 2;
const CHECKPOINT: u16 = 3;
const SESSION_OPENED: u16 = 16;
const SESSION_CLOSED: u16 = 17;
const CHARGE_OPENED: u16 = 38;
const BENEFIT_GIVEN: u16 = 68;
const BENEFIT_TAKEN_BACK: u16 = 69;
const BALANCE_CHANGED: u16 = 70;
const ZONE_PASSED: u16 = 71;
const SESSION: u8 = 2;
const PAYMENT_TAKEN: u16 = 56;
const MONEY: u8 = 3;

/// A stay.
#[derive(Debug, Default)]
pub(super) struct Stay {
    /// How it ended; None: it goes on.
    pub(super) ended: Option<u64>,
    /// The charge that stands for it.
    pub(super) charge: Option<Box<str>>,
    /// It ended without a charge to its name.
    ended_free: bool,
    /// Its colour, where its beginning is on record.
    color: Option<Option<PlateColor>>,
    /// Paid before a charge was made, fen.
    pub(super) paid_fen: u64,
    /// What a charge over the rest has to be, fen: the one before was paid in part.
    pub(super) rest_fen: Option<u64>,
}

impl Stay {
    /// One that ended in a part of the ledger that is not there.
    pub(super) fn ended_before() -> Self {
        Self {
            ended: Some(0),
            ..Self::default()
        }
    }
}

/// The record at hand.
pub(super) struct At<'r> {
    pub(super) seq: u64,
    pub(super) fields: &'r Value,
}

pub(super) struct Accountant {
    pub(super) period: Period,
    pub(super) report: Report,
    pub(super) stays: BTreeMap<Box<str>, Stay>,
    pub(super) charges: BTreeMap<Box<str>, Charge>,
    /// Coupons, times on the charger, and money in store.
    pub(super) tills: Tills,
    pub(super) zones: Zones,
    /// Every price list so far.
    prices: Vec<Prices>,
    /// A whole state, as far as it was heard, and whether the books begin with it.
    state: (State, bool),
    /// The sums that the core keeps, by name.
    pub(super) totals: BTreeMap<String, (u64, u64)>,
    pub(super) at: Wall,
    newest_trusted: Option<Wall>,
    /// A person decided this step: fees in it need not be the price list's.
    is_by_hand: bool,
    /// Charges that were refused in this step.
    refused: BTreeSet<Box<str>>,
    /// Nothing was heard so far.
    is_new: bool,
    /// Records were erased: what is not there may have been in them.
    pub(super) has_holes: bool,
    pub(super) begins_midway: bool,
    pub(super) refunds: BTreeMap<Box<str>, Refund>,
    /// What drivers may pay on the spot, and paid.
    pub(super) codes: Codes,
    /// What of each charge has gone back or may, fen.
    pub(super) reserved: BTreeMap<Box<str>, u64>,
}

impl Accountant {
    pub(super) fn new(period: Period) -> Self {
        Self {
            period,
            report: Report::default(),
            stays: BTreeMap::new(),
            charges: BTreeMap::new(),
            tills: Tills::default(),
            zones: Zones::default(),
            prices: Vec::new(),
            state: (State::default(), false),
            totals: BTreeMap::new(),
            at: Wall::default(),
            newest_trusted: None,
            is_by_hand: false,
            refused: BTreeSet::new(),
            is_new: true,
            has_holes: false,
            begins_midway: false,
            refunds: BTreeMap::new(),
            codes: Codes::default(),
            reserved: BTreeMap::new(),
        }
    }

    /// The next record.
    pub(super) fn hear(&mut self, seq: u64, entry: &Entry, in_checkpoint: bool) {
        if self.report.first_seq == 0 {
            self.report.first_seq = seq;
            // What was before is not there, and no whole state in its place.
            self.has_holes = seq > 1 && !in_checkpoint;
        }
        let Some(payload) = &entry.payload else {
            self.report.erased += 1;
            // A head tells no money, and neither do most kinds.
            let tells =
                matches!(entry.kind, SESSION_OPENED | SESSION_CLOSED) || entry.class == MONEY;
            self.has_holes |= tells && entry.kind != STEP;
            return;
        };
        let is_needed = match (entry.class, entry.kind) {
            (_, STEP | RULES | CHECKPOINT) => true,
            (SESSION, kind) => matches!(
                kind,
                SESSION_OPENED
                    | SESSION_CLOSED
                    | BENEFIT_GIVEN
                    | BENEFIT_TAKEN_BACK
                    | BALANCE_CHANGED
                    | ZONE_PASSED
            ),
            (MONEY, kind) => kind >= CHARGE_OPENED,
            _ => false,
        };
        let fields = is_needed.then(|| serde_json::from_slice::<Value>(payload));
        let Some(Ok(fields)) = fields else { return };
        let at = At {
            seq,
            fields: &fields,
        };
        match (entry.class, entry.kind) {
            (_, STEP) => self.head(&at),
            (_, RULES) => self.rules(&fields),
            (_, CHECKPOINT) => self.state(&at, in_checkpoint && self.is_new),
            (SESSION, SESSION_OPENED) => self.opened(&at),
            (SESSION, SESSION_CLOSED) => self.closed(&at),
            (SESSION, kind @ (BENEFIT_GIVEN | BENEFIT_TAKEN_BACK)) => self.benefit(kind, &at),
            (SESSION, BALANCE_CHANGED) => self.balance(&at),
            (SESSION, ZONE_PASSED) => self.zones.pass(&fields),
            (MONEY, CHARGE_OPENED) => self.due(&at),
            (MONEY, PAYMENT_TAKEN) => self.paid(&at),
            (MONEY, kind @ REFUND_ASKED..=REFUND_GIVEN_UP) => self.refund(kind, &at),
            (MONEY, kind @ SPOT_ASKED..=SPOT_GIVEN_UP) => self.spot(kind, &at),
            (MONEY, kind) => self.moved(kind, &at),
            _ => {}
        }
        self.is_new &= matches!(entry.kind, RULES);
    }

    fn head(&mut self, at: &At<'_>) {
        self.end_step(at.seq);
        let now = &at.fields["now"];
        let wall = Wall(now["wall"].as_i64().unwrap_or_default());
        let is_trusted = now["trusted"] == true;
        if is_trusted {
            self.newest_trusted = Some(wall);
        }
        self.at = self.newest_trusted.filter(|_| !is_trusted).unwrap_or(wall);
        let event = at.fields["event"]["event"].as_str().unwrap_or_default();
        self.is_by_hand = matches!(
            event,
            "review_decided"
                | "correction_asked"
                | "correction_done"
                | "arrears_finished"
                | "payment_taken"
        );
    }

    fn end_step(&mut self, seq: u64) {
        for number in std::mem::take(&mut self.refused) {
            let charge = self.charges.get(&number);
            if let Some(charge) = charge.filter(|charge| charge.stands == Stands::Refused) {
                let session = charge.session.to_string();
                self.wrong(seq, Some(&session), Some(&number), Wrong::LeftRefused);
            }
        }
        for (session, wrong) in self.codes.end_step() {
            self.wrong(seq, Some(&session), None, wrong);
        }
    }

    fn rules(&mut self, rules: &Value) {
        if let Some(prices) = Prices::of(&rules["tariff"])
            && self.prices.last() != Some(&prices)
        {
            self.prices.push(prices);
        }
    }

    /// A whole state, or a part of one: what comes first in the ledger begins the books, and any other is held
    /// against them.
    fn state(&mut self, at: &At<'_>, is_first: bool) {
        let (mut state, begins) = match State::begins(at.fields) {
            true => (State::default(), is_first),
            false => std::mem::take(&mut self.state),
        };
        let is_whole = state.read(at.fields);
        match (is_whole, begins) {
            (false, _) => self.state = (state, begins),
            (true, true) => self.begin_with(state),
            (true, false) => self.compare(at, state),
        }
    }

    fn opened(&mut self, at: &At<'_>) {
        let Some(session) = at.fields["session"]["id"].as_str() else {
            return;
        };
        if self.stays.contains_key(session) {
            self.wrong(at.seq, Some(session), None, Wrong::OpenedTwice);
            return;
        }
        let color = json::typed::<Option<PlateColor>>(&at.fields["session"]["color"]);
        let stay = Stay {
            color: color.ok(),
            ..Stay::default()
        };
        self.stays.insert(session.into(), stay);
    }

    fn closed(&mut self, at: &At<'_>) {
        let Some(session) = at.fields["session"].as_str() else {
            return;
        };
        let ending = &at.fields["ending"];
        let name = ending.as_str().map(str::to_owned);
        let name = name.or_else(|| ending.as_object()?.keys().next().cloned());
        let name = name.unwrap_or_default();
        let named = ending[&name]["trade_no"].as_str();
        let fee_fen = at.fields["fee_fen"].as_u64().unwrap_or_default();
        let Some(stay) = self.stays.get_mut(session) else {
            if !self.has_holes {
                self.wrong(at.seq, Some(session), None, Wrong::EndedUnopened);
            }
            return;
        };
        if stay.ended.is_some() {
            self.wrong(at.seq, Some(session), None, Wrong::EndedTwice);
            return;
        }
        stay.ended = Some(at.seq);
        stay.ended_free = named.is_none();
        let paid_fen = ending["prepaid"]["paid_fen"].as_u64();
        let over_fen = ending["prepaid"]["over_fen"].as_u64().unwrap_or_default();
        let is_unpaid = paid_fen.is_some_and(|fen| fen != stay.paid_fen || over_fen > fen);
        if self.period.has(self.at) {
            if over_fen > 0 {
                self.report.over.add(over_fen);
            }
            *self.report.ended.entry(name.clone()).or_default() += 1;
        }
        let charge = stay.charge.clone();
        let charge = charge.and_then(|number| Some((number.clone(), self.charges.get(&number)?)));
        let wrong = match (named, charge) {
            (Some(named), Some((number, charge))) if named == &*number => {
                // What was finished before its car left ends with no fee to be claimed.
                let is_its_fee =
                    fee_fen == charge.fee_fen || (fee_fen == 0 && charge.stands.is_over());
                (!is_its_fee).then_some(Wrong::EndedWithOtherFee {
                    ended_fen: fee_fen,
                    due_fen: charge.fee_fen,
                })
            }
            (Some(_), _) => (!self.has_holes).then_some(Wrong::ChargeMissing),
            (None, Some((_, charge))) if name != "turned_back" && !charge.stands.is_over() => {
                let due_fen = charge.fee_fen;
                Some(Wrong::FeeForgotten { due_fen })
            }
            (None, _) if is_unpaid && !self.has_holes => Some(Wrong::NotPaid),
            (None, _) => (fee_fen > 0).then_some(Wrong::ChargeMissing),
        };
        if let Some(wrong) = wrong {
            let named = named.map(str::to_owned);
            self.wrong(at.seq, Some(session), named.as_deref(), wrong);
        }
    }

    fn due(&mut self, at: &At<'_>) {
        let claim = &at.fields["claim"];
        let text = |name: &str| claim[name].as_str();
        let (Some(number), Some(session)) = (text("trade_no"), text("session")) else {
            return;
        };
        let fee_fen = claim["quote"]["fee_fen"].as_u64().unwrap_or_default();
        let mut wrongs = Vec::new();
        if self.charges.contains_key(number) {
            self.wrong(at.seq, Some(session), Some(number), Wrong::NumberTwice);
            return;
        }
        let first = self.stays.get(session).and_then(|stay| stay.charge.clone());
        let first = first.and_then(|first| Some((first.clone(), self.charges.get(&first)?)));
        // A person may charge what the machine never would: the rest of a stay that was charged too soon.
        let by_hand = self.is_by_hand;
        if let Some((first, _)) = first.filter(|(_, charge)| {
            let is_given_up = matches!(charge.stands, Stands::Replaced | Stands::Withdrawn);
            let may_follow = is_given_up || charge.to_refund;
            !(may_follow || by_hand && charge.stands.is_over())
        }) {
            let first = first.to_string();
            wrongs.push(Wrong::ChargedTwice { first });
        }
        let stay = self.stays.get(session);
        match stay {
            None if !self.has_holes => wrongs.push(Wrong::ChargeWithoutStay),
            _ => {}
        }
        let lines = claim["quote"]["lines"].as_array();
        let lines_fen: i64 = lines.into_iter().flatten().map(price::line_fen).sum();
        if !self.is_by_hand && i64::try_from(fee_fen) != Ok(lines_fen) {
            wrongs.push(Wrong::NotTheSumOfItsLines { fee_fen, lines_fen });
        }
        let mut claimed = Claimed::of(claim, stay.and_then(|stay| stay.color));
        claimed.benefits = self.tills.benefits_of(session);
        claimed.visits = self.zones.of(session);
        claimed.paid_fen = stay.map_or(0, |stay| stay.paid_fen);
        let fees = self.prices.iter().map(|prices| prices.fee_fen(&claimed));
        let fees: Vec<u64> = fees.collect::<Option<_>>().unwrap_or_default();
        let stay = self.stays.get_mut(session);
        if let Some(due_fen) = stay.and_then(|stay| stay.rest_fen.take())
            && due_fen != fee_fen
        {
            wrongs.push(Wrong::NotTheRest { fee_fen, due_fen });
        }
        if let Some(tariff_fen) = fees.last().filter(|_| !self.is_by_hand)
            && !fees.contains(&fee_fen)
        {
            let tariff_fen = *tariff_fen;
            wrongs.push(Wrong::NotByTariff {
                fee_fen,
                tariff_fen,
            });
        }
        for wrong in wrongs {
            self.wrong(at.seq, Some(session), Some(number), wrong);
        }
        let to_staff = claim["opening"].get("to_staff").is_some();
        let counts = self.period.has(self.at);
        let charge = Charge {
            session: session.into(),
            fee_fen,
            stands: match to_staff {
                true => Stands::WithStaff,
                false => Stands::Due,
            },
            plate: text("plate").unwrap_or_default().into(),
            counts,
            was_sent: false,
            is_fixed: false,
            to_refund: false,
            coupon_fen: 0,
        };
        self.charges.insert(number.into(), charge);
        self.stays.entry(session.into()).or_default().charge = Some(number.into());
        self.total("opened", fee_fen);
        if to_staff {
            self.total("handed_to_staff", fee_fen);
        }
    }

    fn moved(&mut self, kind: u16, at: &At<'_>) {
        let name = at.fields["fact"].as_str().unwrap_or_default();
        let Some(fact) = Fact::of(kind, at.fields) else {
            return;
        };
        let number = at.fields["trade_no"].as_str();
        let number = number.or_else(|| at.fields.pointer("/correction/trade_no")?.as_str());
        let Some(number) = number else { return };
        let Some(charge) = self.charges.get_mut(number) else {
            // What was finished before the ledger begins can still be corrected.
            let corrects = matches!(kind, CORRECTION_ASKED | CORRECTION_DONE);
            let is_from_before = self.begins_midway && corrects;
            if !self.has_holes && !is_from_before {
                let fact = name.to_owned();
                self.wrong(at.seq, None, Some(number), Wrong::NoSuchCharge { fact });
            }
            return;
        };
        let (session, fee_fen) = (charge.session.to_string(), charge.fee_fen);
        let mut wrongs: Vec<Wrong> = charge.take(fact, name).into_iter().collect();
        if let (Fact::Sent, Some(body)) = (fact, at.fields["body"].as_str()) {
            if std::mem::replace(&mut charge.is_fixed, true) {
                wrongs.push(Wrong::FixedTwice);
            }
            wrongs.extend(charge.wrong_in(body, number));
        }
        if fact == Fact::Settled && !charge.paid(&at.fields["paid"]) {
            wrongs.push(Wrong::PaidTooMuch);
        }
        charge.to_refund |= kind == CORRECTION_ASKED;
        if let (Fact::Sent, Some(number)) = (fact, self.codes.open_of(&session)) {
            wrongs.push(Wrong::BesideCode { number });
        }
        let by_other_means = match fact {
            Fact::Collected => at.fields.pointer("/how/collected/channel"),
            Fact::Withdrawn => at.fields.pointer("/reason/paid_elsewhere/channel"),
            _ => None,
        };
        let channel = by_other_means.and_then(Value::as_str);
        self.codes.taken(&session, channel, fee_fen);
        let has_moved = !wrongs
            .iter()
            .any(|wrong| matches!(wrong, Wrong::AfterItsEnd { .. } | Wrong::SettledTwice));
        if fact == Fact::Refused {
            self.refused.insert(number.into());
        }
        let total = match fact {
            Fact::Settled => Some("settled"),
            Fact::HandedToStaff => Some("handed_to_staff"),
            Fact::Withdrawn => Some("withdrawn"),
            Fact::Collected => Some("collected"),
            Fact::WrittenOff => Some("written_off"),
            Fact::Replaced => Some("replaced"),
            _ => None,
        };
        if let Some(total) = total.filter(|_| has_moved) {
            self.total(total, fee_fen);
        }
        for wrong in wrongs {
            self.wrong(at.seq, Some(&session), Some(number), wrong);
        }
    }

    pub(super) fn total(&mut self, name: &str, fen: u64) {
        let (count, sum) = self.totals.entry(name.to_owned()).or_default();
        *count += 1;
        *sum += fen;
    }

    pub(super) fn wrong(
        &mut self,
        seq: u64,
        session: Option<&str>,
        number: Option<&str>,
        wrong: Wrong,
    ) {
        if !self.period.has(self.at) {
            return;
        }
        self.report.violations.push(Violation {
            session: session.map(str::to_owned),
            trade_no: number.map(str::to_owned),
            ..Violation::at(seq, self.at, wrong)
        });
    }

    /// There are no more records.
    pub(super) fn close(mut self) -> Report {
        self.end_step(0);
        let mut report = self.report;
        let open = self.stays.values().filter(|stay| stay.ended.is_none());
        report.inside = u64::try_from(open.count()).unwrap_or(u64::MAX);
        for charge in self.charges.values().filter(|charge| charge.counts) {
            report.due.add(charge.fee_fen);
            let sum: &mut Sum = match charge.stands {
                Stands::Settled => &mut report.settled,
                Stands::Withdrawn => &mut report.withdrawn,
                Stands::Collected => &mut report.collected,
                Stands::WrittenOff => &mut report.written_off,
                Stands::Replaced => &mut report.replaced,
                Stands::WithStaff => &mut report.arrears,
                Stands::Due
                | Stands::MayBeTaken
                | Stands::ToRepeat
                | Stands::Accepted
                | Stands::Refused => &mut report.queued,
            };
            sum.add(charge.fee_fen);
            if charge.coupon_fen > 0 {
                report.coupons.add(charge.coupon_fen);
            }
            if charge.to_refund {
                report.to_refund.add(charge.fee_fen);
            }
        }
        report
    }
}
