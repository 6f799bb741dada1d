//! What each notice means for the entry or the charge that it speaks of. State only moves forward: a notice
//! that is late, out of order or about something else changes nothing, and money moves by a notice exactly
//! as by a query's answer.

use super::agenda::Item;
use super::answer::TradeState;
use super::call::{MerchantRules, Out};
use super::entry::{Entry, EntryState};
use super::queue::Queue;
use super::record::MoneyRecord;
use crate::lane::alarm::{Alarm, AlarmKind};
use crate::lane::number::{LedgerId, NumberKey, SessionId};
use crate::lane::time::{Moment, Stamp};
use crate::notice::{EntryNotice, Notice, NoticeKind, Opened, OrderEvent, OrderNotice};

/// A notice of any kind shows that WeChat's way to this box works: for so long afterwards an entry that is
/// blocked counts as known to be so.
const WAY_IS_PROVEN_MS: u64 = 10 * 60 * 1000;

impl Queue {
    /// WeChat tells something. Gives back whether that was new.
    pub fn notice_told(
        &mut self,
        told: &Opened,
        ledger: LedgerId,
        now: &Stamp,
        rules: &MerchantRules,
        out: &mut Out,
    ) -> bool {
        self.noticed_at = Some(now.now.moment);
        if self.book.has_notice(&told.id) && !planted!(NoticeTakenTwice) {
            return false;
        }
        let taken = MoneyRecord::NoticeTaken {
            id: told.id.clone(),
            about: told.notice.kind(),
        };
        self.record(out, taken);
        match &told.notice {
            Notice::Entry(notice) => self.entry_told(notice, ledger, now, rules, out),
            Notice::Order(notice) => self.order_told(notice, ledger, now, rules, out),
            Notice::Refund(notice) => {
                let is_ours = notice.mchid.as_ref().is_none_or(|id| *id == rules.mchid);
                if !is_ours || !self.refund_told(&notice.seen(), now, out) {
                    self.set_aside(NoticeKind::Refund, &notice.out_refund_no, out);
                }
            }
            Notice::Native(notice) => {
                if !self.spot_told(notice, now, out) {
                    self.set_aside(NoticeKind::Native, &notice.out_trade_no, out);
                }
            }
            Notice::Other { .. } => {}
        }
        true
    }

    /// Whether WeChat's notices reach this box, as far as the last minutes tell.
    pub fn hears_notices(&self, now: Moment) -> bool {
        self.noticed_at
            .is_some_and(|at| now.since_ms(at) <= WAY_IS_PROVEN_MS)
    }

    fn entry_told(
        &mut self,
        notice: &EntryNotice,
        ledger: LedgerId,
        now: &Stamp,
        rules: &MerchantRules,
        out: &mut Out,
    ) {
        let number = &notice.out_parking_no;
        let named = NumberKey::of_parking_no(number);
        let Some((session, attempt)) = named.map(|(key, attempt)| (key.session(), attempt)) else {
            self.set_aside(NoticeKind::Entry, number, out);
            return;
        };
        if !is_of(ledger, &session) {
            self.set_aside(NoticeKind::Entry, number, out);
            return;
        }
        // Over, charged, or gone on under another number.
        let entry = self.book.entry(&session);
        let Some(entry) = entry.filter(|entry| entry.attempt == attempt) else {
            return;
        };
        if !entry.is_meant_by_notice(notice, &rules.mchid) {
            out.alarms.push(noticed_mismatch(number, true));
            return;
        }
        let is_older = match &entry.state {
            EntryState::Registered { told_at, .. } => {
                told_at.is_some_and(|told_at| told_at >= notice.updated_at)
            }
            // The answer is still on its way, or was lost: now the number is known all the same.
            EntryState::Sent | EntryState::Unknown => {
                self.registered_by_notice(&entry, notice, now, out);
                false
            }
            EntryState::Pending | EntryState::NotRegistrable(_) | EntryState::Refused(_) => true,
        };
        if is_older && !planted!(LateAnswerMovesBack) {
            return;
        }
        out.alarms.push(noticed_mismatch(number, false));
        let changed = MoneyRecord::EntryServiceChanged {
            session,
            service: notice.state.clone(),
            updated_at: notice.updated_at,
            as_of: now.clone(),
        };
        self.record(out, changed);
        self.wake_charges_of(&entry.plate, now);
    }

    fn registered_by_notice(
        &mut self,
        entry: &Entry,
        notice: &EntryNotice,
        now: &Stamp,
        out: &mut Out,
    ) {
        self.agenda.forget(&Item::Entry(entry.session.clone()));
        let registered = MoneyRecord::EntryRegistered {
            session: entry.session.clone(),
            parking_id: notice.parking_id.clone(),
            service: notice.state.clone(),
            as_of: now.clone(),
        };
        self.record(out, registered);
    }

    fn order_told(
        &mut self,
        notice: &OrderNotice,
        ledger: LedgerId,
        now: &Stamp,
        rules: &MerchantRules,
        out: &mut Out,
    ) {
        let (order, trade_no) = (&notice.order, &notice.order.out_trade_no);
        let session = NumberKey::of_trade_no(trade_no).map(NumberKey::session);
        if !session.is_some_and(|session| is_of(ledger, &session)) {
            self.set_aside(NoticeKind::Charge, trade_no, out);
            return;
        }
        if let Some(charge) = self.book.charge(trade_no) {
            let item = Item::Charge(trade_no.clone());
            if !charge.is_meant_by(order, &rules.mchid) {
                out.alarms.push(noticed_mismatch(trade_no, true));
                self.agenda.advance(&item, now.now.moment);
                return;
            }
            match is_plain(notice) {
                true => self.order_seen(&charge, order, true, false, now, out),
                // Signed, and saying two things or a new one: a query tells which.
                false => self.agenda.advance(&item, now.now.moment),
            }
        } else if self.book.on_desk(trade_no).is_some() && has_paid(notice) {
            out.alarms.push(paid_beside_staff(trade_no));
        }
        if notice.event == OrderEvent::PayBack {
            let (trade_no, at) = (trade_no.clone(), now.clone());
            self.record(out, MoneyRecord::AdvanceRepaid { trade_no, at });
        }
    }

    /// Verified, and about something that this ledger knows nothing of.
    fn set_aside(&mut self, about: NoticeKind, number: &str, out: &mut Out) {
        let number: String = number.chars().take(64).collect();
        out.alarms.push(Alarm {
            kind: AlarmKind::NoticeForeign,
            subject: about.word().to_owned(),
            raised: true,
            text: format!(
                "WeChat told this box about {} {number}, which is not in its ledger: another system may send \
                 its callbacks here, or the ledger is a new one. It is on record and nothing follows from it",
                about.word(),
            ),
        });
        self.record(out, MoneyRecord::NoticeSetAside { about, number });
    }
}

impl Entry {
    /// Whether a notice speaks of this entry's attempt and of nothing else.
    fn is_meant_by_notice(&self, notice: &EntryNotice, mchid: &str) -> bool {
        let sub_mchid = || self.body.as_ref()?.sub_mchid();
        let id_fits = match &self.state {
            EntryState::Registered { parking_id, .. } => *parking_id == notice.parking_id,
            EntryState::Sent | EntryState::Unknown => true,
            // WeChat cannot know what never left.
            EntryState::Pending | EntryState::NotRegistrable(_) | EntryState::Refused(_) => false,
        };
        id_fits
            && notice.plate_number == self.plate.as_str()
            && notice.sp_mchid.as_deref().is_none_or(|told| told == mchid)
            && (notice.sub_mchid.is_none() || notice.sub_mchid == sub_mchid())
    }
}

/// Whether event and state say the same, in words that are known.
fn is_plain(notice: &OrderNotice) -> bool {
    match (notice.event, &notice.order.state) {
        (_, TradeState::Accepted) => true,
        (OrderEvent::Success | OrderEvent::PayBack, TradeState::Success | TradeState::Refund)
        | (OrderEvent::Fail, TradeState::PayFail) => true,
        (OrderEvent::Fail, TradeState::Success | TradeState::Refund | TradeState::Other(_))
        | (OrderEvent::Success | OrderEvent::PayBack, TradeState::PayFail | TradeState::Other(_)) => {
            false
        }
    }
}

fn has_paid(notice: &OrderNotice) -> bool {
    notice.event != OrderEvent::Fail && notice.order.state == TradeState::Success
}

fn is_of(ledger: LedgerId, session: &SessionId) -> bool {
    SessionId::new(ledger, session.counter()) == *session
}

/// A verified notice contradicts what was sent.
fn noticed_mismatch(number: &str, raised: bool) -> Alarm {
    Alarm {
        kind: AlarmKind::AnswerMismatch,
        subject: number.to_owned(),
        raised,
        text: match raised {
            true => format!(
                "a verified callback names {number} with another merchant, sum, plate or entry than were \
                 sent; nothing is believed of it. See in the merchant platform what WeChat has"
            ),
            false => format!("WeChat speaks of {number} as it was sent"),
        },
    }
}

fn paid_beside_staff(trade_no: &str) -> Alarm {
    Alarm {
        kind: AlarmKind::AnswerMismatch,
        subject: trade_no.to_owned(),
        raised: true,
        text: format!(
            "WeChat tells that {trade_no} is paid, while it stands with the staff: do not collect it a second \
             time, see in the merchant platform, and finish it with `parkgate charges to-staff` or a refund"
        ),
    }
}
