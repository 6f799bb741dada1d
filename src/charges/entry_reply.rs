//! What each answer to *create entry* means.

use super::agenda::{Errand, Item};
use super::answer::{Answer, Heard, ParkingEntry};
use super::call::Out;
use super::entry::{Entry, EntryEnd, EntryState};
use super::link::is_set_up_error;
use super::queue::Queue;
use super::record::MoneyRecord;
use super::reply::mismatch;
use crate::lane::alarm::{Alarm, AlarmKind};
use crate::lane::number::SessionId;
use crate::lane::time::Stamp;

/// In WeChat's refusal of an entry whose number it has with another content (`wechat-pay.md` 2.2).
const NUMBER_IS_KNOWN: &str = "商户入场id";
/// New numbers that a refused repeat of an entry may draw.
const RENUMBERINGS_MAX: u16 = 3;

impl Queue {
    /// *Create entry* was answered.
    pub fn entry_answered(
        &mut self,
        session: &SessionId,
        heard: &Heard<ParkingEntry>,
        now: &Stamp,
        out: &mut Out,
    ) {
        let item = Item::Entry(session.clone());
        let is_awaited = self.landed(&item, Errand::Notify, &heard.answer, now, out);
        let Some(entry) = self.book.entry(session).filter(|e| e.is_to_send()) else {
            return;
        };
        match &heard.answer {
            Answer::Verified(made) => self.entry_seen(&entry, made, is_awaited, now, out),
            // Too late: the queue has moved on without it.
            _ if !is_awaited => {}
            Answer::Refused(refusal) if is_set_up_error(refusal.status, &refusal.code) => {
                self.stop_merchant(refusal, heard, now, out);
                self.agenda.put(&item, now.now.moment);
            }
            Answer::Refused(refusal)
                if entry.state == EntryState::Sent && refusal.message.contains(NUMBER_IS_KNOWN) =>
            {
                self.number_taken(&entry, &refusal.code, now, out);
            }
            Answer::Refused(refusal) => self.entry_refused(&entry, &refusal.code, now, out),
            Answer::Throttled { retry_after_ms } => self.throttled(&item, *retry_after_ms, now),
            Answer::NotSent(_) => self.again_later(&item, now),
            Answer::Lost(why) => {
                self.entry_lost(&entry, why, out);
                self.again_later(&item, now);
            }
        }
    }

    fn entry_seen(
        &mut self,
        entry: &Entry,
        made: &ParkingEntry,
        is_awaited: bool,
        now: &Stamp,
        out: &mut Out,
    ) {
        let item = Item::Entry(entry.session.clone());
        let number = entry.session.parking_no(entry.attempt);
        if entry.is_meant_by(made) {
            self.agenda.forget(&item);
            out.alarms.push(mismatch(&number, false, &number));
            self.record(
                out,
                MoneyRecord::EntryRegistered {
                    session: entry.session.clone(),
                    parking_id: made.parking_id.clone(),
                    service: made.state.clone(),
                    as_of: now.clone(),
                },
            );
            self.wake_charges_of(&entry.plate, now);
        } else if is_awaited {
            out.alarms
                .push(mismatch(&number, true, &made.out_parking_no));
            self.entry_lost(entry, "the answer names another entry", out);
            self.again_later(&item, now);
        }
    }

    /// There is no query for an entry, so a refused repeat goes again under a new number.
    fn entry_refused(&mut self, entry: &Entry, code: &str, now: &Stamp, out: &mut Out) {
        let item = Item::Entry(entry.session.clone());
        let (session, code) = (entry.session.clone(), code.to_owned());
        let attempt = entry.attempt.saturating_add(1);
        if entry.state == EntryState::Unknown && attempt <= RENUMBERINGS_MAX {
            self.record(
                out,
                MoneyRecord::EntryRenumbered {
                    session,
                    attempt,
                    code,
                },
            );
            self.again_later(&item, now);
        } else {
            self.agenda.forget(&item);
            let why = EntryEnd::Refused(code);
            self.record(out, MoneyRecord::EntryEnded { session, why });
            self.wake_charges_of(&entry.plate, now);
        }
    }

    /// This number has never left this box, by its ledger, and WeChat knows it from another entry: the
    /// ledger is an old one that was put back with its whole disk, or another box has it too.
    fn number_taken(&mut self, entry: &Entry, code: &str, now: &Stamp, out: &mut Out) {
        let number = entry.session.parking_no(entry.attempt);
        out.alarms.push(Alarm {
            kind: AlarmKind::NumbersTaken,
            subject: "ledger".to_owned(),
            raised: true,
            text: format!(
                "WeChat knows {number} from an entry that is not in this ledger: an old image of the disk \
                 was put back, or two boxes run on one. New numbers begin a million ahead. Stays and \
                 charges since the image are not here: see docs/operations.md, Backup and restore"
            ),
        });
        out.taken = Some(entry.session.clone());
        let attempt = entry.attempt.saturating_add(1);
        match attempt <= RENUMBERINGS_MAX {
            true => {
                let (session, code) = (entry.session.clone(), code.to_owned());
                let renumbered = MoneyRecord::EntryRenumbered {
                    session,
                    attempt,
                    code,
                };
                self.record(out, renumbered);
                let item = Item::Entry(entry.session.clone());
                self.agenda.put(&item, now.now.moment);
            }
            false => self.entry_refused(entry, code, now, out),
        }
    }

    fn entry_lost(&mut self, entry: &Entry, why: &str, out: &mut Out) {
        if entry.state != EntryState::Unknown {
            let (session, why) = (entry.session.clone(), why.to_owned());
            self.record(out, MoneyRecord::EntryUnknown { session, why });
        }
    }
}
