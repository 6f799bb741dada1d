//! A person at a desk: decides about stays under review, finishes what the staff has, corrects what was
//! charged wrongly, asks for single charges, and has payloads erased.

use super::faults::Group;
use super::site::{MINUTE, PLATES, number};
use super::world::World;
use crate::charges::record::StaffOutcome;
use crate::lane::number::SessionId;
use crate::park::erasure::Rule;
use crate::park::event::Event;
use crate::park::review::{Terms, Verdict};

const BY: &str = "王芳";

impl World {
    /// A person asks about a charge: that it be seen to, or that it be theirs.
    pub(super) fn ask(&mut self) {
        let random = &mut self.people.random;
        let book = self.machine.park().queue().book();
        let numbers: Vec<String> = book.charges().map(|c| c.claim.trade_no.clone()).collect();
        let Some(trade_no) = random.pick(&numbers).cloned() else {
            return;
        };
        let by = BY.to_owned();
        let (event, what) = match random.chance(500) {
            true => (
                Event::RetryAsked {
                    trade_no,
                    by: Some(by),
                },
                "retry asked",
            ),
            false => (
                Event::StaffAsked {
                    trade_no,
                    by,
                    why: "the driver pays in cash".into(),
                },
                "taken out of the queue",
            ),
        };
        self.count(Group::People, what);
        self.happen(event);
    }

    /// Works through the lists, as far as patience goes.
    pub(super) fn work_off(&mut self) {
        let reviews = self.machine.park().site().open_reviews();
        let reviews: Vec<SessionId> = reviews.map(|review| review.session.clone()).collect();
        for session in reviews {
            self.decide(session);
        }
        let book = self.machine.park().queue().book();
        let charges = book.desk().chain(book.charges());
        let charges: Vec<String> = charges.map(|it| it.claim.trade_no.clone()).collect();
        for trade_no in charges {
            self.finish(trade_no);
        }
        self.correct();
    }

    fn decide(&mut self, session: SessionId) {
        let wall = self.clock.now().wall;
        let random = &mut self.people.random;
        let (verdict, what) = match random.below(8) {
            0 | 1 => (Verdict::Waive, "waived"),
            2 | 3 => (Verdict::Charge(Terms::default()), "charged after review"),
            4 => {
                let fee_fen = Some(100 + random.below(1_000));
                let terms = Terms {
                    fee_fen,
                    ..Terms::default()
                };
                (Verdict::Charge(terms), "charged another fee")
            }
            5 => {
                let ago_ms = i64::try_from(random.below(30 * MINUTE)).unwrap();
                let terms = Terms {
                    exited: Some(wall.plus_ms(-ago_ms)),
                    ..Terms::default()
                };
                (Verdict::Charge(terms), "charged to another exit")
            }
            6 => {
                let whose = random.pick(&PLATES).expect("ten");
                let terms = Terms {
                    plate: Some(number(whose)),
                    ..Terms::default()
                };
                (Verdict::Charge(terms), "charged another plate")
            }
            _ => return,
        };
        self.count(Group::People, what);
        self.happen(Event::ReviewDecided {
            session,
            verdict,
            by: BY.into(),
            why: "seen in the picture".into(),
        });
    }

    fn finish(&mut self, trade_no: String) {
        let (how, what) = match self.people.random.below(5) {
            0 => (
                StaffOutcome::Collected {
                    by: BY.into(),
                    channel: "qr".into(),
                },
                "collected arrears",
            ),
            1 => (
                StaffOutcome::WrittenOff {
                    by: BY.into(),
                    why: "moved away".into(),
                },
                "written off",
            ),
            _ => return,
        };
        self.count(Group::People, what);
        self.happen(Event::ArrearsFinished { trade_no, how });
    }

    fn correct(&mut self) {
        let open = self.machine.park().queue().book().corrections();
        let open: Vec<String> = open.map(|open| open.trade_no.clone()).collect();
        for trade_no in open {
            if self.people.random.chance(500) {
                continue;
            }
            self.count(Group::People, "corrected");
            self.happen(Event::CorrectionDone {
                trade_no,
                by: BY.into(),
                why: "refund 5030".into(),
            });
        }
        let random = &mut self.people.random;
        let claims = self.oracle.filed_claims();
        let Some(claim) = random.pick(&claims).filter(|_| random.chance(700)).cloned() else {
            return;
        };
        let due_fen = random.below(2) * 100;
        let is_anothers = due_fen > 0 && random.chance(300);
        let refunds_itself = self.people.refunds.chance(500);
        self.count(Group::People, "correction asked");
        self.happen(Event::CorrectionAsked {
            sent_for: None,
            charged_fen: claim.quote.fee_fen,
            trade_no: claim.trade_no,
            session: claim.session,
            plate: claim.plate,
            due_fen,
            due_from: is_anothers.then(|| number(PLATES[2])),
            // Without it nothing goes back by itself.
            exited: refunds_itself.then_some(claim.exited.now.wall),
            by: BY.into(),
            why: "the camera was wrong".into(),
        });
    }

    /// On record first; then the payloads go.
    pub(super) fn erase(&mut self) {
        if self.machine.off || self.machine.store_down {
            return;
        }
        let random = &mut self.people.random;
        let plate = random.pick(&PLATES).copied().filter(|_| random.chance(500));
        let rule = match plate {
            Some(_) => Rule::Request {
                reference: "K3-4411".into(),
                by: BY.into(),
                why: "asked to".into(),
            },
            None => Rule::Age {
                readings_days: 0,
                sessions_days: 0,
                money_days: 0,
                events_days: 0,
            },
        };
        let plan = self
            .machine
            .disk
            .plan_erasure(rule, plate, self.machine.park());
        let Some((erasure, chosen)) = plan else {
            return;
        };
        self.count(Group::People, "payloads erased");
        let erasure = Box::new(erasure);
        self.happen(Event::ErasureDue { erasure });
        if !self.machine.off && !self.machine.store_down {
            self.machine.disk.erase(&chosen);
        }
    }
}
