//! The durable side of the queue: what is owed, and the entries it needs. The fold of its records.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::charge::{Charge, ChargeState, Frozen, StaffReason};
use super::entry::{Entry, EntryEnd, EntryState};
use super::link::Stop;
use super::record::{Correction, MoneyRecord, StaffOutcome};
use super::totals::{Arrears, Totals};
use crate::lane::number::SessionId;
use crate::lane::plate::PlateNumber;

/// Everything that must survive a power cut.
///
/// Entries are bounded by the open stays, those under review and the charges. Charges and what staff has
/// on its desk have no bound but the cars: dropping one would be losing money. A charge takes about a
/// kilobyte.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Book {
    entries: BTreeMap<SessionId, Entry>,
    /// Still in the queue, by `out_trade_no`.
    charges: BTreeMap<String, Charge>,
    /// Handed to staff and not finished by them, by `out_trade_no`.
    desk: BTreeMap<String, Charge>,
    /// Wrong charges that are still to be refunded, by `out_trade_no`.
    #[serde(default)]
    corrections: BTreeMap<String, Correction>,
    stop: Option<Stop>,
    totals: Totals,
    /// Fees of cars let out that newer stays overtook since WeChat last took anything on, fen: no longer
    /// in the queue, and still at risk in this outage.
    #[serde(default)]
    overtaken_fen: u64,
    #[serde(skip)]
    entries_by_plate: BTreeMap<PlateNumber, BTreeSet<SessionId>>,
    #[serde(skip)]
    by_plate: BTreeMap<PlateNumber, BTreeSet<String>>,
    #[serde(skip)]
    desk_by_plate: BTreeMap<PlateNumber, BTreeSet<String>>,
    /// Fees of cars let out whose charges are not filed, fen.
    #[serde(skip)]
    exposure_fen: u64,
}

impl Book {
    /// Whether nothing at all is to be done for WeChat's sake.
    pub fn is_idle(&self) -> bool {
        self.entries.is_empty() && self.charges.is_empty()
    }

    /// The entry of a stay, while it is of use.
    pub fn entry(&self, session: &SessionId) -> Option<&Entry> {
        self.entries.get(session)
    }

    /// Entries that are of use.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values()
    }

    /// The entries of a plate that are of use, oldest first.
    pub fn entries_of(&self, plate: &PlateNumber) -> impl Iterator<Item = &Entry> {
        self.entries_by_plate
            .get(plate)
            .into_iter()
            .flatten()
            .filter_map(|session| self.entries.get(session))
    }

    /// A charge that is still in the queue.
    pub fn charge(&self, trade_no: &str) -> Option<&Charge> {
        self.charges.get(trade_no)
    }

    /// Charges that are still in the queue.
    pub fn charges(&self) -> impl Iterator<Item = &Charge> {
        self.charges.values()
    }

    /// Charges that staff has to finish.
    pub fn desk(&self) -> impl Iterator<Item = &Charge> {
        self.desk.values()
    }

    /// A charge that staff has to finish.
    pub fn on_desk(&self, trade_no: &str) -> Option<&Charge> {
        self.desk.get(trade_no)
    }

    /// A charge that is not finished: in the queue or with the staff.
    pub fn unfinished(&self, trade_no: &str) -> Option<&Charge> {
        self.charge(trade_no).or_else(|| self.on_desk(trade_no))
    }

    /// The charges of a plate that are still in the queue.
    pub fn charges_of(&self, plate: &PlateNumber) -> impl Iterator<Item = &Charge> {
        self.by_plate
            .get(plate)
            .into_iter()
            .flatten()
            .filter_map(|no| self.charges.get(no))
    }

    /// What staff still has of this plate.
    pub fn arrears_of(&self, plate: &PlateNumber) -> Option<Arrears> {
        let numbers = self.desk_by_plate.get(plate)?;
        let charges: Vec<&Charge> = numbers.iter().filter_map(|no| self.desk.get(no)).collect();
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
        self.desk.values().map(Charge::fee_fen).sum()
    }

    /// Wrong charges that are still to be refunded.
    pub fn corrections(&self) -> impl Iterator<Item = &Correction> {
        self.corrections.values()
    }

    /// The correction of this charge, while it is open.
    pub fn correction(&self, trade_no: &str) -> Option<&Correction> {
        self.corrections.get(trade_no)
    }

    /// Fees of cars that were let out and whose charges WeChat has not taken on, fen.
    pub fn exposure_fen(&self) -> u64 {
        self.exposure_fen.saturating_add(self.overtaken_fen)
    }

    /// Whether WeChat refuses this merchant.
    pub fn stop(&self) -> Option<&Stop> {
        self.stop.as_ref()
    }

    /// Sums over the ledger's whole life.
    pub fn totals(&self) -> &Totals {
        &self.totals
    }

    /// Makes what is not stored from what is.
    pub fn reindex(&mut self) {
        self.entries_by_plate.clear();
        for entry in self.entries.values() {
            list_entry(&mut self.entries_by_plate, entry);
        }
        self.by_plate = plates_of(&self.charges);
        self.desk_by_plate = plates_of(&self.desk);
        self.exposure_fen = self.charges.values().map(at_risk_fen).sum();
    }

    /// The only way in which the book changes, live and at replay. Facts about what is not there any
    /// more change nothing.
    pub fn apply(&mut self, record: &MoneyRecord) {
        match record {
            MoneyRecord::EntryOpened { .. }
            | MoneyRecord::EntrySent { .. }
            | MoneyRecord::EntryUnknown { .. }
            | MoneyRecord::EntryRegistered { .. }
            | MoneyRecord::EntryRenumbered { .. }
            | MoneyRecord::EntryEnded { .. } => self.apply_to_entry(record),
            MoneyRecord::ChargeOpened { claim } => {
                let charge = Charge::opened(claim.clone());
                self.totals.opened.add(charge.fee_fen());
                self.place(charge);
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
                    let at_risk_fen = self.charges.get(trade_no).map_or(0, at_risk_fen);
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
            MoneyRecord::CorrectionAsked { correction } => {
                let trade_no = correction.trade_no.clone();
                self.corrections.insert(trade_no, correction.clone());
            }
            MoneyRecord::CorrectionDone { trade_no, .. } => {
                self.corrections.remove(trade_no);
            }
            MoneyRecord::MerchantStopped { code, message } => {
                self.stop = Some(Stop {
                    code: code.clone(),
                    message: message.clone(),
                });
            }
            MoneyRecord::MerchantResumed => self.stop = None,
        }
    }

    fn apply_to_entry(&mut self, record: &MoneyRecord) {
        match record {
            MoneyRecord::EntryOpened {
                session,
                plate,
                color,
                entered,
                not_registrable,
            } => {
                let state = not_registrable.map_or(EntryState::Pending, EntryState::NotRegistrable);
                let entry = Entry {
                    session: session.clone(),
                    plate: plate.clone(),
                    color: *color,
                    entered: entered.clone(),
                    attempt: 0,
                    body: None,
                    start_time: None,
                    state,
                };
                list_entry(&mut self.entries_by_plate, &entry);
                self.entries.insert(session.clone(), entry);
            }
            MoneyRecord::EntrySent {
                session,
                attempt,
                body,
            } => {
                if let Some(entry) = self.entries.get_mut(session) {
                    entry.attempt = *attempt;
                    entry.start_time = super::body::start_time_of(body).or(entry.start_time.take());
                    entry.body = Some(body.clone());
                    entry.state = EntryState::Sent;
                }
            }
            MoneyRecord::EntryUnknown { session, .. } => {
                self.set_entry(session, EntryState::Unknown);
            }
            MoneyRecord::EntryRegistered {
                session,
                parking_id,
                service,
                as_of,
            } => {
                let state = EntryState::Registered {
                    parking_id: parking_id.clone(),
                    service: service.clone(),
                    as_of: as_of.clone(),
                };
                self.set_entry(session, state);
            }
            MoneyRecord::EntryRenumbered {
                session, attempt, ..
            } => {
                if let Some(entry) = self.entries.get_mut(session) {
                    entry.attempt = *attempt;
                    entry.body = None;
                    entry.state = EntryState::Pending;
                }
            }
            MoneyRecord::EntryEnded { session, why } => match why {
                EntryEnd::Refused(code) => {
                    self.set_entry(session, EntryState::Refused(code.clone()));
                }
                EntryEnd::NotRegistrable(why) => {
                    self.set_entry(session, EntryState::NotRegistrable(*why));
                }
                EntryEnd::NothingOwed | EntryEnd::Superseded => self.remove_entry(session),
            },
            _ => {}
        }
    }

    fn set_entry(&mut self, session: &SessionId, state: EntryState) {
        if let Some(entry) = self.entries.get_mut(session) {
            entry.state = state;
        }
    }

    /// The charge has been sent. Its body keeps what the entry was good for, so that the entry ends.
    fn freeze(&mut self, trade_no: &str, body: Option<&str>) {
        let session = self
            .charges
            .get(trade_no)
            .map(|charge| &charge.claim.session);
        let registered = session.and_then(|session| match &self.entries.get(session)?.state {
            EntryState::Registered {
                parking_id,
                service,
                ..
            } => Some((parking_id.clone(), service.clone())),
            _ => None,
        });
        self.change(trade_no, |charge| {
            if let (Some(text), Some((parking_id, service))) = (body, registered) {
                charge.body = Some(Frozen {
                    text: text.to_owned(),
                    parking_id,
                    service,
                });
            }
            charge.state = ChargeState::Sent;
        });
        if let Some(session) = self.charges.get(trade_no).map(|c| c.claim.session.clone()) {
            self.remove_entry(&session);
        }
    }

    fn remove_entry(&mut self, session: &SessionId) {
        let Some(entry) = self.entries.remove(session) else {
            return;
        };
        if let Some(sessions) = self.entries_by_plate.get_mut(&entry.plate) {
            sessions.remove(session);
            if sessions.is_empty() {
                self.entries_by_plate.remove(&entry.plate);
            }
        }
    }

    /// Takes a charge out, changes it and puts it where it then belongs.
    fn change(&mut self, trade_no: &str, change: impl FnOnce(&mut Charge)) {
        let Some(mut charge) = self.charges.remove(trade_no) else {
            return;
        };
        self.exposure_fen = self.exposure_fen.saturating_sub(at_risk_fen(&charge));
        unlist(&mut self.by_plate, &charge);
        change(&mut charge);
        self.place(charge);
    }

    fn place(&mut self, charge: Charge) {
        let fee_fen = charge.fee_fen();
        match &charge.state {
            ChargeState::Settled => self.totals.settled.add(fee_fen),
            ChargeState::Withdrawn(_) => self.totals.withdrawn.add(fee_fen),
            ChargeState::HandedToStaff(_) => {
                self.totals.handed_to_staff.add(fee_fen);
                list(&mut self.desk_by_plate, &charge);
                self.desk.insert(charge.claim.trade_no.clone(), charge);
            }
            _ => {
                self.exposure_fen = self.exposure_fen.saturating_add(at_risk_fen(&charge));
                list(&mut self.by_plate, &charge);
                self.charges.insert(charge.claim.trade_no.clone(), charge);
            }
        }
    }

    fn clear_desk(&mut self, trade_no: &str, how: &StaffOutcome) {
        if let Some(charge) = self.desk.remove(trade_no) {
            unlist(&mut self.desk_by_plate, &charge);
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

fn plates_of(charges: &BTreeMap<String, Charge>) -> BTreeMap<PlateNumber, BTreeSet<String>> {
    let mut plates = BTreeMap::new();
    for charge in charges.values() {
        list(&mut plates, charge);
    }
    plates
}

fn list_entry(plates: &mut BTreeMap<PlateNumber, BTreeSet<SessionId>>, entry: &Entry) {
    let sessions = plates.entry(entry.plate.clone()).or_default();
    sessions.insert(entry.session.clone());
}

fn list(plates: &mut BTreeMap<PlateNumber, BTreeSet<String>>, charge: &Charge) {
    let numbers = plates.entry(charge.claim.plate.clone()).or_default();
    numbers.insert(charge.claim.trade_no.clone());
}

fn unlist(plates: &mut BTreeMap<PlateNumber, BTreeSet<String>>, charge: &Charge) {
    if let Some(numbers) = plates.get_mut(&charge.claim.plate) {
        numbers.remove(&charge.claim.trade_no);
        if numbers.is_empty() {
            plates.remove(&charge.claim.plate);
        }
    }
}
