//! A person who gives money back: of what WeChat took on, in part or whole, and more than is left; sees to
//! refunds that stand still, and ends them.

use super::faults::Group;
use super::world::World;
use crate::charges::charge::Claim;
use crate::park::event::Event;
use crate::sim::wechat::RefundOutcome;

const BY: &str = "陈静";

impl World {
    /// Asks for a refund, or sees to one.
    pub(super) fn refund(&mut self) {
        self.draw_how_refunds_end();
        let open = self.machine.park().queue().book().refunds().open();
        let open: Vec<String> = open.map(|it| it.claim.refund_no.clone()).collect();
        let random = &mut self.people.refunds;
        let is_asked = random.chance(700);
        match random.pick(&open).cloned().filter(|_| !is_asked) {
            Some(refund_no) => self.see_to(refund_no),
            None => self.ask_refund(),
        }
    }

    fn draw_how_refunds_end(&mut self) {
        let outcome = match self.people.refunds.below(6) {
            0 => RefundOutcome::Closed,
            1 => RefundOutcome::Abnormal,
            _ => RefundOutcome::Success,
        };
        self.network.simulator.settings_mut().refund_outcome = outcome;
    }

    fn ask_refund(&mut self) {
        let claims = self.oracle.filed_claims();
        let random = &mut self.people.refunds;
        let Some(claim) = random.pick(&claims).cloned() else {
            return;
        };
        let charged_fen = claim.quote.fee_fen;
        let fen = match random.below(4) {
            0 => None,
            1 => Some(charged_fen + 100),
            _ => Some((charged_fen / 2).max(1)),
        };
        self.count(Group::People, "refund asked");
        self.happen(asked(claim, fen));
    }

    fn see_to(&mut self, refund_no: String) {
        let by = BY.to_owned();
        let (event, what) = match self.people.refunds.chance(500) {
            true => (
                Event::RefundRetryAsked {
                    refund_no,
                    by: Some(by),
                },
                "refund hurried",
            ),
            false => (
                Event::RefundGivenUp {
                    refund_no,
                    by,
                    why: "paid in cash".into(),
                },
                "refund given up",
            ),
        };
        self.count(Group::People, what);
        self.happen(event);
    }

    /// The merchant platform pays what drivers' accounts would not take.
    pub(super) fn finish_abnormal_refunds(&mut self) {
        let now = self.clock.true_wall();
        let simulator = &mut self.network.simulator;
        for refund in simulator.refunds() {
            simulator.finish_abnormal(&refund.out_refund_no, now);
        }
        self.wechat_may_tell();
    }
}

fn asked(claim: Claim, fen: Option<u64>) -> Event {
    Event::RefundAsked {
        charged_fen: claim.quote.fee_fen,
        trade_no: claim.trade_no,
        session: claim.session,
        plate: claim.plate,
        exited: claim.exited.now.wall,
        fen,
        sent_for: None,
        by: BY.into(),
        why: "charged for too long".into(),
    }
}
