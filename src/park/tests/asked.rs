//! What people ask for in any sequence of events, sensible or not.

use super::properties::{PLATES, Twins};
use super::world::*;
use crate::charges::record::StaffOutcome;
use crate::lane::number::{LedgerId, NumberKey, SessionId};
use crate::park::event::Event;
use crate::park::payment::{PaidStay, Taking};
use crate::park::review::{Terms, Verdict};

impl Twins {
    pub(super) fn attend(&mut self, about: u8, how: u8) {
        let (by, why) = ("张三".to_owned(), "asked to".to_owned());
        let money = match how % 3 {
            0 => None,
            1 => Some(StaffOutcome::Collected {
                by: by.clone(),
                channel: "cash".into(),
            }),
            _ => Some(StaffOutcome::WrittenOff {
                by: by.clone(),
                why: why.clone(),
            }),
        };
        let lane = lane_id(if about & 1 == 0 { IN } else { OUT });
        self.step(Event::AttendantRaised {
            lane,
            by,
            why,
            money,
        });
    }

    pub(super) fn ask_for_a_retry(&mut self, about: u8) {
        let (trade_no, by) = (self.some_charge(about), Some("王芳".to_owned()));
        self.step(Event::RetryAsked { trade_no, by });
    }

    pub(super) fn ask_for_a_charge(&mut self, about: u8) {
        let trade_no = self.some_charge(about);
        let (by, why) = ("王芳".to_owned(), "the driver pays in cash".to_owned());
        self.step(Event::StaffAsked { trade_no, by, why });
    }

    pub(super) fn decide_a_review(&mut self, about: u8, how: u8) {
        let reviews = self.live.site().reviews.keys().cloned();
        let sessions = self.live.site().sessions().map(|session| session.id);
        let all: Vec<SessionId> = reviews.chain(sessions).collect();
        let Some(session) = all.get(usize::from(about) % all.len().max(1)).cloned() else {
            return;
        };
        let wall = self.now.wall.plus_ms(-60_000 * i64::from(how));
        let verdict = match how % 4 {
            0 => Verdict::Waive,
            _ => Verdict::Charge(Terms {
                fee_fen: (how & 8 != 0).then_some(u64::from(how)),
                exited: (how & 16 != 0).then_some(wall),
                plate: (how & 32 != 0).then(|| number(PLATES[0])),
            }),
        };
        let (by, why) = ("王芳".to_owned(), "seen in the picture".to_owned());
        self.step(Event::ReviewDecided {
            session,
            verdict,
            by,
            why,
        });
    }

    pub(super) fn end_a_stay(&mut self, about: u8, how: u8) {
        let sessions = self.live.site().sessions();
        let all: Vec<SessionId> = sessions.map(|session| session.id).collect();
        let Some(session) = all.get(usize::from(about) % all.len().max(1)).cloned() else {
            return;
        };
        let wall = self.now.wall.plus_ms(-60_000 * i64::from(how));
        let (by, why) = ("王芳".to_owned(), "towed away".to_owned());
        self.step(Event::StayEnded {
            session,
            review: how & 1 == 0,
            left: (how & 2 == 0).then_some(wall),
            by,
            why,
        });
    }

    pub(super) fn pay(&mut self, about: u8, how: u8) {
        let (site, book) = (self.live.site(), self.live.queue().book());
        let open = site.sessions().map(|session| PaidStay::of(&session));
        let claims = book.charges().chain(book.desk());
        let owed = claims.map(|charge| PaidStay::of_claim(&charge.claim));
        let reviewed = site.reviews.values().map(|review| PaidStay {
            session: review.session.clone(),
            plate: review.plate.clone(),
            lane: review.lane.clone(),
            entered: review.entered.clone(),
        });
        let all: Vec<PaidStay> = open.chain(owed).chain(reviewed).collect();
        let Some(stay) = all.get(usize::from(about) % all.len().max(1)).cloned() else {
            return;
        };
        let taking = Box::new(Taking {
            stay,
            fen: 1 + 50 * u64::from(how),
            channel: "cash".into(),
            by: "张三".into(),
            regardless: how.is_multiple_of(5),
        });
        self.step(Event::PaymentTaken { taking });
    }

    pub(super) fn count_the_cars(&mut self, about: u8) {
        let (by, why) = ("张三".to_owned(), "went round".to_owned());
        self.step(Event::PlacesCounted {
            inside: u64::from(about % 6),
            by,
            why,
        });
    }

    pub(super) fn finish_arrears(&mut self, about: u8, how: u8) {
        let trade_no = self.some_charge(about);
        let (by, why) = ("王芳".to_owned(), "qr".to_owned());
        let how = match how % 3 {
            0 => StaffOutcome::Collected { by, channel: why },
            1 => StaffOutcome::WrittenOff { by, why },
            _ => StaffOutcome::Replaced {
                by,
                why,
                trade_no: "T1".into(),
            },
        };
        self.step(Event::ArrearsFinished { trade_no, how });
    }

    pub(super) fn name_a_plate(&mut self, about: u8, how: u8) {
        let plate = number(PLATES[usize::from(about) % PLATES.len()]);
        let lane = lane_id(if how & 1 == 0 { IN } else { OUT });
        let (by, why) = ("张三".to_owned(), "read by a person".to_owned());
        self.step(Event::PlateNamed {
            lane,
            plate,
            color: None,
            by,
            why,
        });
    }

    pub(super) fn correct(&mut self, about: u8, how: u8) {
        let trade_no = self.some_charge(about);
        let (by, why) = ("王芳".to_owned(), "wrong".to_owned());
        if how & 1 == 0 {
            return self.step(Event::CorrectionDone { trade_no, by, why });
        }
        self.step(Event::CorrectionAsked {
            sent_for: None,
            trade_no,
            session: SessionId::new(LedgerId(7), 1),
            plate: number(PLATES[0]),
            charged_fen: 500,
            due_fen: u64::from(how),
            due_from: None,
            exited: None,
            by,
            why,
        });
    }

    /// One in the queue, one with the staff, or none.
    fn some_charge(&self, about: u8) -> String {
        let book = self.live.queue().book();
        let numbers: Vec<NumberKey> = book.queued().chain(book.with_staff()).collect();
        match numbers.get(usize::from(about) % (numbers.len() + 1)) {
            Some(number) => number.trade_no(),
            None => "T0".to_owned(),
        }
    }
}
