//! The durable side of the queue: what is owed, and the entries it needs. The fold of its records.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::charge::{Charge, ChargeState, Frozen, StaffReason};
use super::entries::Entries;
use super::entry::{Entry, EntryState};
use super::frozen::ChargeText;
use super::link::Stop;
use super::notices::Notices;
use super::plates::Plates;
use super::record::{Correction, MoneyRecord, StaffOutcome};
use super::refunds::Refunds;
use super::spots::Spots;
use super::totals::{Arrears, Standing, Totals};
use crate::lane::number::{NumberKey, SessionId};
use crate::lane::plate::PlateNumber;
use crate::lane::shelf::{Shelf, Shelved};

/// Everything that must survive a power cut.
///
/// Entries are bounded by the open stays, those under review and the charges. Charges and what staff has
/// on its desk have no bound but the cars: dropping one would be losing money. An entry or a charge takes
/// some 200 bytes, since they lie packed; what is asked for is a copy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Book {
    #[serde(default)]
    entries: Entries,
    /// Still in the queue, by `out_trade_no`.
    #[serde(default)]
    charges: Shelf<Charge>,
    /// Handed to staff and not finished by them, by `out_trade_no`.
    #[serde(default)]
    desk: Shelf<Charge>,
    /// Wrong charges that are still to be refunded, by `out_trade_no`.
    #[serde(default)]
    corrections: BTreeMap<String, Correction>,
    /// What goes back.
    #[serde(default, skip_serializing_if = "Refunds::is_empty")]
    refunds: Refunds,
    /// What drivers may pay on the spot.
    #[serde(default, skip_serializing_if = "Spots::is_empty")]
    spots: Spots,
    stop: Option<Stop>,
    totals: Totals,
    /// Fees of cars let out that newer stays overtook since WeChat last took anything on, fen: no longer
    /// in the queue, and still at risk in this outage.
    #[serde(default)]
    overtaken_fen: u64,
    /// What WeChat told by itself, by number.
    #[serde(default, skip_serializing_if = "Notices::is_empty")]
    notices: Notices,
    #[serde(skip)]
    by_plate: Plates,
    #[serde(skip)]
    desk_by_plate: Plates,
    /// Fees of cars let out whose charges are not filed, fen.
    #[serde(skip)]
    exposure_fen: u64,
    /// Fees that staff still has, fen.
    #[serde(skip)]
    arrears_fen: u64,
    #[serde(skip)]
    standing: Standing,
}

impl Book {
    /// Whether nothing at all is to be done for WeChat's sake.
    pub fn is_idle(&self) -> bool {
        self.entries.is_empty() && self.charges.is_empty()
    }

    /// The entry of a stay, while it is of use.
    pub fn entry(&self, session: &SessionId) -> Option<Entry> {
        self.entries.get(session)
    }

    /// Entries that are of use, in the order of their stays.
    pub fn entries(&self) -> impl Iterator<Item = Entry> {
        self.entries.values()
    }

    /// As [`Book::entries`], of the stays behind this one.
    pub fn entries_after(&self, session: Option<NumberKey>) -> impl Iterator<Item = Entry> {
        self.entries.after(session)
    }

    /// The stays of [`Book::entries`].
    pub fn registering(&self) -> impl Iterator<Item = NumberKey> {
        self.entries.keys()
    }

    /// The entries of a plate that are of use, oldest first.
    pub fn entries_of(&self, plate: &PlateNumber) -> impl Iterator<Item = Entry> {
        self.entries.of(plate)
    }

    /// A charge that is still in the queue.
    pub fn charge(&self, trade_no: &str) -> Option<Charge> {
        self.charges.get(NumberKey::of_trade_no(trade_no)?)
    }

    /// Charges that are still in the queue, in the order of their numbers.
    pub fn charges(&self) -> impl Iterator<Item = Charge> {
        self.charges.values()
    }

    /// Charges that are not finished, in the queue or with the staff, of the numbers behind this one.
    pub fn unfinished_after(&self, number: Option<NumberKey>) -> impl Iterator<Item = Charge> {
        let mut queued = self.charges.after(number).peekable();
        let mut desk = self.desk.after(number).peekable();
        std::iter::from_fn(move || match (queued.peek(), desk.peek()) {
            (Some(charge), Some(other)) if other.claim.trade_no < charge.claim.trade_no => {
                desk.next()
            }
            (Some(_), _) => queued.next(),
            (None, _) => desk.next(),
        })
    }

    /// The numbers of [`Book::charges`].
    pub fn queued(&self) -> impl Iterator<Item = NumberKey> {
        self.charges.keys()
    }

    /// Charges that staff has to finish, in the order of their numbers.
    pub fn desk(&self) -> impl Iterator<Item = Charge> {
        self.desk.values()
    }

    /// The numbers of [`Book::desk`].
    pub fn with_staff(&self) -> impl Iterator<Item = NumberKey> {
        self.desk.keys()
    }

    /// A charge that staff has to finish.
    pub fn on_desk(&self, trade_no: &str) -> Option<Charge> {
        self.desk.get(NumberKey::of_trade_no(trade_no)?)
    }

    /// A charge that is not finished: in the queue or with the staff.
    pub fn unfinished(&self, trade_no: &str) -> Option<Charge> {
        self.charge(trade_no).or_else(|| self.on_desk(trade_no))
    }

    /// A charge of this stay that is not finished; only one at a time is.
    pub fn unfinished_of(&self, session: &SessionId) -> Option<Charge> {
        let mut all = self.charges().chain(self.desk());
        all.find(|charge| charge.claim.session == *session)
    }

    /// The charges of a plate that are still in the queue.
    pub fn charges_of(&self, plate: &PlateNumber) -> impl Iterator<Item = Charge> {
        let numbers = self.by_plate.of(plate);
        numbers.filter_map(|key| self.charges.get(key))
    }

    /// What staff still has of this plate.
    pub fn arrears_of(&self, plate: &PlateNumber) -> Option<Arrears> {
        let numbers = self.desk_by_plate.of(plate);
        let charges: Vec<Charge> = numbers.filter_map(|key| self.desk.get(key)).collect();
        // Numbers grow with the stays.
        let oldest = charges.first()?;
        Some(Arrears {
            charges: charges.len().try_into().unwrap_or(u64::MAX),
            fen: charges.iter().map(|charge| charge.fee_fen()).sum(),
            since: oldest.claim.exited.clone(),
        })
    }

    /// What staff still has, fen.
    pub fn arrears_fen(&self) -> u64 {
        self.arrears_fen
    }

    /// How many entries and charges stand where.
    pub fn standing(&self) -> Standing {
        Standing {
            entries: self.entries.len(),
            with_staff: self.desk.len(),
            ..self.standing
        }
    }

    /// Wrong charges that are still to be refunded.
    pub fn corrections(&self) -> impl Iterator<Item = &Correction> {
        self.corrections.values()
    }

    /// The correction of this charge, while it is open.
    pub fn correction(&self, trade_no: &str) -> Option<&Correction> {
        self.corrections.get(trade_no)
    }

    /// What goes back, and what has gone.
    pub fn refunds(&self) -> &Refunds {
        &self.refunds
    }

    /// What drivers may pay on the spot.
    pub fn spots(&self) -> &Spots {
        &self.spots
    }

    /// Fees of cars that were let out and whose charges WeChat has not taken on, fen.
    pub fn exposure_fen(&self) -> u64 {
        self.exposure_fen.saturating_add(self.overtaken_fen)
    }

    /// Whether a notice of this number was taken before.
    pub fn has_notice(&self, id: &str) -> bool {
        self.notices.has(id)
    }

    /// Whether WeChat refuses this merchant.
    pub fn stop(&self) -> Option<&Stop> {
        self.stop.as_ref()
    }

    /// Sums over the ledger's whole life.
    pub fn totals(&self) -> &Totals {
        &self.totals
    }

    /// All but entries and charges.
    pub fn without_entries_and_charges(&self) -> Self {
        Self {
            corrections: self.corrections.clone(),
            refunds: self.refunds.clone(),
            spots: self.spots.clone(),
            stop: self.stop.clone(),
            totals: self.totals,
            overtaken_fen: self.overtaken_fen,
            notices: self.notices.clone(),
            ..Self::default()
        }
    }

    /// Puts in entries and charges of a state that is read in parts.
    pub fn put(&mut self, entries: &[Entry], charges: &[Charge], desk: &[Charge]) {
        self.entries.put_all(entries);
        self.charges.put_all(charges);
        self.desk.put_all(desk);
    }

    /// Takes over what [`Book::without_entries_and_charges`] gave.
    pub fn end_with(&mut self, rest: Self) {
        *self = Self {
            entries: std::mem::take(&mut self.entries),
            charges: std::mem::take(&mut self.charges),
            desk: std::mem::take(&mut self.desk),
            ..rest
        };
        self.entries.compact();
        self.charges.compact();
        self.desk.compact();
        self.reindex();
    }

    /// Makes what is not stored from what is.
    pub fn reindex(&mut self) {
        let plates = |charge: Charge| Some((charge.claim.plate.clone(), charge.key()?));
        self.entries.reindex();
        self.by_plate = self.charges.values().filter_map(plates).collect();
        self.desk_by_plate = self.desk.values().filter_map(plates).collect();
        (self.exposure_fen, self.standing) = (0, Standing::default());
        for charge in self.charges.values() {
            self.exposure_fen = self.exposure_fen.saturating_add(at_risk_fen(&charge));
            self.standing.add(&charge.state);
        }
        self.arrears_fen = self.desk.values().map(|charge| charge.fee_fen()).sum();
    }

    /// The only way in which the book changes, live and at replay. Facts about what is not there any
    /// more change nothing.
    pub fn apply(&mut self, record: &MoneyRecord) {
        match record {
            MoneyRecord::EntryOpened { .. }
            | MoneyRecord::EntrySent { .. }
            | MoneyRecord::EntryUnknown { .. }
            | MoneyRecord::EntryRegistered { .. }
            | MoneyRecord::EntryServiceChanged { .. }
            | MoneyRecord::EntryRenumbered { .. }
            | MoneyRecord::EntryEnded { .. } => self.entries.apply(record),
            MoneyRecord::ChargeOpened { claim } => {
                let charge = Charge::opened(claim.clone());
                self.totals.opened.add(charge.fee_fen());
                self.place(&charge);
            }
            MoneyRecord::ChargeSent { trade_no, body } => {
                self.freeze(trade_no, body.as_deref());
            }
            MoneyRecord::ChargeDueAgain { trade_no, .. } => {
                self.change(trade_no, |charge| {
                    charge.unproven = false;
                    charge.state = ChargeState::Due;
                });
            }
            MoneyRecord::ChargeUnknown {
                trade_no, refused, ..
            } => {
                self.change(trade_no, |charge| {
                    charge.in_doubt = true;
                    charge.state = ChargeState::Unknown {
                        refused: refused.clone(),
                    };
                });
            }
            MoneyRecord::ChargeToRepeat { trade_no, .. } => {
                self.change(trade_no, |charge| {
                    charge.unproven = true;
                    charge.state = ChargeState::ToRepeat;
                });
            }
            MoneyRecord::ChargeAccepted { trade_no, at } => {
                self.overtaken_fen = 0;
                self.change(trade_no, |c| {
                    c.state = match planted!(AcceptedIsDone) {
                        true => ChargeState::Settled,
                        false => ChargeState::Accepted { at: at.clone() },
                    }
                });
            }
            MoneyRecord::ChargeSettled { trade_no, .. } => {
                self.overtaken_fen = 0;
                self.change(trade_no, |charge| charge.state = ChargeState::Settled);
            }
            MoneyRecord::ChargeRefused { trade_no, code } => {
                self.change(trade_no, |c| c.state = ChargeState::Refused(code.clone()));
            }
            MoneyRecord::ChargeFailed { trade_no } => {
                self.change(trade_no, |charge| charge.state = ChargeState::Failed);
            }
            MoneyRecord::ChargeSuperseded { trade_no } => {
                self.change(trade_no, |charge| charge.superseded = true);
            }
            MoneyRecord::ChargeLetOut { trade_no } => {
                self.change(trade_no, |charge| charge.let_out = true);
            }
            MoneyRecord::ChargeHandedToStaff { trade_no, reason } => {
                if *reason == StaffReason::Superseded {
                    let at_risk_fen = self.charge(trade_no).as_ref().map_or(0, at_risk_fen);
                    self.overtaken_fen = self.overtaken_fen.saturating_add(at_risk_fen);
                }
                self.change(trade_no, |charge| {
                    debug_assert!(
                        !charge.is_under_way() || planted!(PaidWhileUnknown),
                        "{trade_no} may still be taken on"
                    );
                    charge.state = ChargeState::HandedToStaff(reason.clone());
                });
            }
            MoneyRecord::ChargeWithdrawn { trade_no, reason } => {
                self.change(trade_no, |charge| {
                    debug_assert!(
                        !charge.is_under_way() || planted!(PaidWhileUnknown),
                        "{trade_no} may still be taken on"
                    );
                    charge.state = ChargeState::Withdrawn(reason.clone());
                });
            }
            MoneyRecord::StaffFinished { trade_no, how } => self.clear_desk(trade_no, how),
            MoneyRecord::PaymentTaken { payment } => self.totals.paid.add(payment.fen),
            MoneyRecord::CorrectionAsked { correction } => {
                let trade_no = correction.trade_no.clone();
                self.corrections.insert(trade_no, correction.clone());
            }
            MoneyRecord::CorrectionDone { trade_no, .. } => {
                self.corrections.remove(trade_no);
            }
            MoneyRecord::NoticeTaken { id, .. } => self.notices.note(id),
            MoneyRecord::AdvanceRepaid { .. } | MoneyRecord::NoticeSetAside { .. } => {}
            MoneyRecord::RefundAsked { .. }
            | MoneyRecord::RefundSent { .. }
            | MoneyRecord::RefundTold { .. }
            | MoneyRecord::RefundGivenUp { .. } => {
                self.refunds.apply(record, &mut self.totals.refunded);
            }
            MoneyRecord::SpotAsked { .. }
            | MoneyRecord::SpotSent { .. }
            | MoneyRecord::SpotTold { .. }
            | MoneyRecord::SpotGivenUp { .. } => self.spots.apply(record),
            MoneyRecord::MerchantStopped { code, message } => {
                self.stop = Some(Stop {
                    code: code.clone(),
                    message: message.clone(),
                });
            }
            MoneyRecord::MerchantResumed => self.stop = None,
        }
    }

    /// The charge has been sent. Its body keeps what the entry was good for, so that the entry ends.
    fn freeze(&mut self, trade_no: &str, body: Option<&str>) {
        let Some(session) = self.charge(trade_no).map(|charge| charge.claim.session) else {
            return;
        };
        let registered = body.and_then(|_| match self.entry(&session)?.state {
            EntryState::Registered {
                parking_id,
                service,
                ..
            } => Some((parking_id, service)),
            _ => None,
        });
        self.change(trade_no, |charge| {
            if let (Some(text), Some((parking_id, service))) = (body, registered) {
                charge.body = Some(Frozen {
                    text: ChargeText::of(text),
                    parking_id,
                    service,
                });
            }
            charge.state = ChargeState::Sent;
        });
        self.entries.remove(&session);
    }

    /// Takes a charge out, changes it and puts it where it then belongs.
    fn change(&mut self, trade_no: &str, change: impl FnOnce(&mut Charge)) {
        let Some(key) = NumberKey::of_trade_no(trade_no) else {
            return;
        };
        let Some(mut charge) = self.charges.take(key) else {
            return;
        };
        self.exposure_fen = self.exposure_fen.saturating_sub(at_risk_fen(&charge));
        self.standing.remove(&charge.state);
        self.by_plate.remove(&charge.claim.plate, key);
        change(&mut charge);
        self.place(&charge);
    }

    fn place(&mut self, charge: &Charge) {
        let (fee_fen, plate) = (charge.fee_fen(), &charge.claim.plate);
        match &charge.state {
            ChargeState::Settled => self.totals.settled.add(fee_fen),
            ChargeState::Withdrawn(_) => self.totals.withdrawn.add(fee_fen),
            ChargeState::HandedToStaff(_) => {
                self.totals.handed_to_staff.add(fee_fen);
                self.arrears_fen = self.arrears_fen.saturating_add(fee_fen);
                if let Some(key) = charge.key() {
                    self.desk_by_plate.add(plate, key);
                }
                self.desk.put(charge);
            }
            state => {
                self.exposure_fen = self.exposure_fen.saturating_add(at_risk_fen(charge));
                self.standing.add(state);
                if let Some(key) = charge.key() {
                    self.by_plate.add(plate, key);
                }
                self.charges.put(charge);
            }
        }
    }

    fn clear_desk(&mut self, trade_no: &str, how: &StaffOutcome) {
        let key = NumberKey::of_trade_no(trade_no);
        if let Some(charge) = key.and_then(|key| self.desk.take(key))
            && let Some(key) = key
        {
            self.desk_by_plate.remove(&charge.claim.plate, key);
            self.arrears_fen = self.arrears_fen.saturating_sub(charge.fee_fen());
            match how {
                StaffOutcome::Collected { .. } => self.totals.collected.add(charge.fee_fen()),
                StaffOutcome::WrittenOff { .. } => self.totals.written_off.add(charge.fee_fen()),
                StaffOutcome::Replaced { .. } => self.totals.replaced.add(charge.fee_fen()),
            }
        }
    }
}

fn at_risk_fen(charge: &Charge) -> u64 {
    if charge.let_out && charge.is_unfiled() {
        charge.fee_fen()
    } else {
        0
    }
}
