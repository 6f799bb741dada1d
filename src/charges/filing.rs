//! What leaves: entries and charges whose turn has come.

use super::agenda::{Errand, Item};
use super::backoff;
use super::body::{self, ChargeBody, EntryBody};
use super::call::{Call, MerchantRules, Out, Request, UnsentCall};
use super::charge::{Charge, ChargeState, Opening, StaffReason};
use super::entry::{Entry, EntryEnd, EntryState, NotRegistrable};
use super::queue::Queue;
use super::record::MoneyRecord;
use crate::lane::guard::Doubt;
use crate::lane::number::SessionId;
use crate::lane::service::ServiceState;
use crate::lane::time::{Moment, Now, Stamp};

/// A plate's next entry waits this long for its older charge to be filed.
const OLDER_CHARGE_WAIT_MS: u64 = 10 * 60 * 1000;

/// What a charge's entry makes of it.
enum Freeze {
    Body(String),
    NotYet,
    Never(StaffReason),
}

impl Queue {
    pub(super) fn act_on_entry(
        &mut self,
        session: &SessionId,
        lane_until: Option<Moment>,
        now: &Stamp,
        rules: &MerchantRules,
        out: &mut Out,
    ) {
        let item = Item::Entry(session.clone());
        let Some(entry) = self.book.entry(session).filter(|e| e.is_to_send()) else {
            self.agenda.forget(&item);
            return;
        };
        if self.notifying.contains_key(&entry.plate) {
            self.look_again(&item, now);
            return;
        }
        let frozen = entry.body.as_ref();
        if let Some(as_sent) = frozen.filter(|_| entry.state != EntryState::Pending) {
            self.call_entry(&entry, as_sent.text(), lane_until, now, out);
            return;
        }
        if self.waits_for_an_older_charge(&entry, now) {
            self.look_again(&item, now);
            return;
        }
        let Some(body) = EntryBody::of(&entry, now.now, rules) else {
            let session = session.clone();
            let why = EntryEnd::NotRegistrable(NotRegistrable::UntrustedTime);
            self.agenda.forget(&item);
            self.record(out, MoneyRecord::EntryEnded { session, why });
            self.wake_charges_of(&entry.plate, now);
            return;
        };
        self.supersede_older(&entry, out);
        let body = body::freeze(&body);
        self.record(
            out,
            MoneyRecord::EntrySent {
                session: session.clone(),
                attempt: entry.attempt,
                body: body.clone(),
            },
        );
        self.call_entry(&entry, body, lane_until, now, out);
    }

    fn call_entry(
        &mut self,
        entry: &Entry,
        body: String,
        lane_until: Option<Moment>,
        now: &Stamp,
        out: &mut Out,
    ) {
        let session = entry.session.clone();
        self.notifying.insert(entry.plate.clone(), session.clone());
        let item = Item::Entry(session.clone());
        self.agenda.sent(&item, Errand::Notify, now.now.moment);
        out.calls.push(Call {
            request: Request::NotifyEntry { session, body },
            lane_until,
        });
    }

    /// A new entry makes the plate's older id useless, so its older charge goes first.
    fn waits_for_an_older_charge(&self, entry: &Entry, now: &Stamp) -> bool {
        if planted!(EntryBeforeOlderCharge) {
            return false;
        }
        let mut older = self.book.charges_of(&entry.plate);
        let waited = entry.entered.stay_ms(now).unwrap_or(u64::MAX);
        waited < OLDER_CHARGE_WAIT_MS
            && older.any(|c| c.claim.session < entry.session && c.is_unfiled())
    }

    /// The entry goes: what is older and not filed can no longer be, unless it is at WeChat already.
    fn supersede_older(&mut self, entry: &Entry, out: &mut Out) {
        let older = self.book.charges_of(&entry.plate);
        let older = older.filter(|c| c.claim.session < entry.session && c.is_unfiled());
        let older: Vec<(String, bool)> = older
            .map(|charge| (charge.claim.trade_no.clone(), charge.is_under_way()))
            .collect();
        for (trade_no, under_way) in older {
            if under_way {
                self.record(out, MoneyRecord::ChargeSuperseded { trade_no });
            } else {
                self.hand_to_staff(&trade_no, StaffReason::Superseded, out);
            }
        }
        let older = self.book.entries_of(&entry.plate);
        let older = older.filter(|e| e.session < entry.session);
        let older: Vec<SessionId> = older.map(|e| e.session.clone()).collect();
        for session in older {
            let why = EntryEnd::Superseded;
            self.agenda.forget(&Item::Entry(session.clone()));
            self.record(out, MoneyRecord::EntryEnded { session, why });
        }
    }

    pub(super) fn act_on_charge(
        &mut self,
        trade_no: &str,
        lane_until: Option<Moment>,
        now: &Stamp,
        rules: &MerchantRules,
        out: &mut Out,
    ) {
        let Some(charge) = self.book.charge(trade_no) else {
            self.agenda.forget(&Item::Charge(trade_no.to_owned()));
            return;
        };
        match &charge.state {
            ChargeState::WaitingForEntry | ChargeState::Due if charge.superseded => {
                self.hand_to_staff(trade_no, StaffReason::Superseded, out);
            }
            // Superseded meanwhile, it is asked about again: its entry is of no use any more.
            ChargeState::ToRepeat if charge.superseded => {
                self.query(trade_no, lane_until, now, rules, out);
            }
            ChargeState::WaitingForEntry | ChargeState::Due | ChargeState::ToRepeat => {
                self.file(&charge, lane_until, now, rules, out);
            }
            ChargeState::Accepted { at } if is_overdue(at, now) => {
                self.hand_to_staff(trade_no, StaffReason::Unsettled, out);
            }
            ChargeState::Accepted { .. } | ChargeState::Sent | ChargeState::Unknown { .. } => {
                self.query(trade_no, lane_until, now, rules, out);
            }
            // The record is unreadable that took it out of the queue.
            ChargeState::Refused(refusal) => {
                self.hand_to_staff(trade_no, StaffReason::Refused(refusal.clone()), out);
            }
            ChargeState::Failed => self.hand_to_staff(trade_no, StaffReason::PaymentFailed, out),
            ChargeState::Settled | ChargeState::HandedToStaff(_) | ChargeState::Withdrawn(_) => {
                self.agenda.forget(&Item::Charge(trade_no.to_owned()));
            }
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
        if self.waits_for_a_spot(&charge.claim.session) {
            self.look_again(&Item::Charge(trade_no), now);
            return;
        }
        if let Some(frozen) = &charge.body {
            let body = None;
            self.record(out, MoneyRecord::ChargeSent { trade_no, body });
            self.call_charge(charge, frozen.text.text(), lane_until, now, out);
            return;
        }
        match self.freeze(charge, now.now, rules) {
            Freeze::Body(text) => {
                let body = Some(text.clone());
                let entry = Item::Entry(charge.claim.session.clone());
                self.agenda.forget(&entry);
                self.record(out, MoneyRecord::ChargeSent { trade_no, body });
                self.call_charge(charge, text, lane_until, now, out);
            }
            Freeze::NotYet => self.look_again(&Item::Charge(trade_no), now),
            Freeze::Never(reason) => self.hand_to_staff(&trade_no, reason, out),
        }
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
        let item = Item::Charge(trade_no.clone());
        self.agenda.sent(&item, Errand::File, now.now.moment);
        out.calls.push(Call {
            request: Request::Charge { trade_no, body },
            lane_until,
        });
    }

    pub(super) fn query(
        &mut self,
        trade_no: &str,
        lane_until: Option<Moment>,
        now: &Stamp,
        rules: &MerchantRules,
        out: &mut Out,
    ) {
        let sub_mchid = self.sub_mchid_of(trade_no, rules);
        let trade_no = trade_no.to_owned();
        let item = Item::Charge(trade_no.clone());
        self.agenda.sent(&item, Errand::Query, now.now.moment);
        out.calls.push(Call {
            request: Request::Query {
                trade_no,
                sub_mchid,
            },
            lane_until,
        });
    }

    /// Under whom WeChat keeps this order; what was never sent is looked for where it would go.
    fn sub_mchid_of(&self, trade_no: &str, rules: &MerchantRules) -> Option<String> {
        match self.book.charge(trade_no) {
            Some(charge) if charge.body.is_some() => charge.sub_mchid(),
            _ => rules.sub.as_ref().map(|sub| sub.mchid.clone()),
        }
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
        let despite_block = Opening::ToFile {
            despite_block: true,
        };
        if let ServiceState::Blocked(why) = service
            && charge.claim.opening != despite_block
        {
            return Freeze::Never(StaffReason::Blocked(why.clone()));
        }
        match ChargeBody::of(charge, &entry, parking_id, now, rules) {
            Some(body) => Freeze::Body(body::freeze(&body)),
            None => Freeze::Never(StaffReason::Guarded(vec![Doubt::UntrustedTime])),
        }
    }

    /// A call is not made after all: its record is not on disk.
    pub fn not_made(&mut self, call: &UnsentCall, now: &Stamp, out: &mut Out) {
        let (item, errand) = match call {
            UnsentCall::Entry(session) => (Item::Entry(session.clone()), Errand::Notify),
            UnsentCall::Charge(trade_no) => (Item::Charge(trade_no.clone()), Errand::File),
            UnsentCall::Query(trade_no) => (Item::Charge(trade_no.clone()), Errand::Query),
            UnsentCall::Refund(refund_no) => (Item::Refund(refund_no.clone()), Errand::Refund),
            UnsentCall::QueryRefund(refund_no) => {
                (Item::Refund(refund_no.clone()), Errand::QueryRefund)
            }
            UnsentCall::Spot(number) => (Item::Spot(number.clone()), Errand::Spot),
            UnsentCall::QuerySpot(number) => (Item::Spot(number.clone()), Errand::QuerySpot),
            UnsentCall::CloseSpot(number) => (Item::Spot(number.clone()), Errand::CloseSpot),
        };
        self.agenda.landed(&item, errand);
        self.agenda.put(&item, now.now.moment);
        match call {
            UnsentCall::Entry(session) => self.no_longer_notifying(session),
            UnsentCall::Charge(trade_no) => {
                let is_sent = |charge: &Charge| charge.state == ChargeState::Sent;
                if self.book.charge(trade_no).as_ref().is_some_and(is_sent) {
                    self.due_again(trade_no, "the store could not write", out);
                }
            }
            UnsentCall::Refund(refund_no) => self.refund_not_made(refund_no, out),
            UnsentCall::Spot(number) => self.spot_not_made(number, out),
            UnsentCall::Query(_)
            | UnsentCall::QueryRefund(_)
            | UnsentCall::QuerySpot(_)
            | UnsentCall::CloseSpot(_) => {}
        }
    }

    pub(super) fn no_longer_notifying(&mut self, session: &SessionId) {
        self.notifying.retain(|_, under_way| under_way != session);
    }
}

/// Taken on so long ago that it will not settle any more.
fn is_overdue(accepted_at: &Stamp, now: &Stamp) -> bool {
    accepted_at
        .stay_ms(now)
        .is_some_and(|ms| ms > backoff::UNSETTLED_AFTER_MS)
}
