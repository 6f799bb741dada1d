//! What WeChat tells by itself, and what that is to the lanes.

use super::reply::{Done, Refusal};
use super::state::Hold;
use super::{Park, Turn};
use crate::charges::entry::EntryState;
use crate::charges::queue::Out;
use crate::lane::number::SessionId;
use crate::lane::raise::HoldReason;
use crate::lane::reading::PlateRead;
use crate::lane::service::ServiceState;
use crate::notice::Opened;

impl Park {
    /// While the store cannot write nothing is taken: WeChat sends it again.
    pub(super) fn noticed(&mut self, told: &Opened, turn: &mut Turn) {
        if self.queue.is_paused() {
            turn.reply = Some(Err(Refusal::NothingWritten));
            return;
        }
        let (mut out, merchant) = (Out::default(), &self.rules.merchant);
        let is_new = self
            .queue
            .notice_told(told, self.ledger, &turn.at, merchant, &mut out);
        self.take_over(out, turn);
        let about = told.notice.kind();
        turn.reply = Some(Ok(match is_new {
            true => Done::NoticeTaken { about },
            false => Done::NoticeKnown,
        }));
        if is_new {
            self.held_for_a_block(turn);
        }
    }

    /// Cars that are held for an entry that may be charged by now are decided anew, as if they had been read
    /// once more when they arrived.
    fn held_for_a_block(&mut self, turn: &mut Turn) {
        let is_newest = |hold: &&Hold| {
            let session = hold.session.as_ref();
            session.and_then(|session| self.site.newest_hold_of(session)) == Some(*hold)
        };
        let held = self.site.holds.values().filter(is_newest);
        let held: Vec<Hold> = held.cloned().collect();
        for hold in held {
            let is_blocked =
                matches!(hold.reason, HoldReason::Blocked(_)) && hold.trade_no.is_none();
            let Some(session) = hold.session.filter(|_| is_blocked) else {
                continue;
            };
            if !self.may_be_charged(&session) {
                continue;
            }
            let Some(session) = self.site.session(&session) else {
                continue;
            };
            let plate = hold.plate.unwrap_or_else(|| session.plate.clone());
            let read = PlateRead {
                confidence_permille: hold.confidence_permille,
                ..PlateRead::by_hand(plate, hold.color)
            };
            self.leave_from(session, &hold.lane, &read, hold.arrived, turn);
        }
    }

    fn may_be_charged(&self, session: &SessionId) -> bool {
        let entry = self.queue.book().entry(session);
        entry.is_some_and(|entry| {
            matches!(
                entry.state,
                EntryState::Registered {
                    service: ServiceState::Normal,
                    ..
                }
            )
        })
    }
}
