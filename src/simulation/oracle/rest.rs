//! What must hold once everything has worked for a long time.

use super::{Oracle, Rule, Verdict, View, hold};
use crate::lane::number::{NumberKey, SessionId};
use crate::park::Park;
use crate::park::state::Hold;
use crate::sim::wechat::OrderState;
use crate::simulation::faults::FAULTS_MS;
use crate::simulation::machine::Machine;
use crate::simulation::site::MINUTE;

/// Waking up less often than this is rest.
const AT_REST_MS: u64 = 30 * MINUTE;
/// What a car may wait beyond the longest hold: for the camera to see it, and for the arm.
const PATIENCE_MS: u64 = 3 * MINUTE;

impl Oracle {
    pub fn judge_rest(&self, machine: &Machine, view: &View<'_>) -> Verdict {
        self.judge_cars(machine.park(), view)?;
        self.judge_queue(machine.park(), view)?;
        self.judge_both_books(machine.park(), view)?;
        self.judge_over_payments()?;
        if !view.clock.is_never_set() {
            self.judge_codes_at_rest(view)?;
            let totals = machine.park().queue().book().totals();
            self.judge_refunds_at_rest(totals, view.simulator)?;
        }
        let fold = machine
            .disk
            .open(Park::new(machine.park().ledger(), machine.rules.clone()));
        hold(
            fold.park.snapshot() == machine.park().snapshot(),
            Rule::FoldIsTheState,
            || "at the end, memory and ledger differ".to_owned(),
        )?;
        let now = view.clock.now().moment;
        let wakes = machine.turner.wake_at();
        hold(
            wakes.is_none_or(|at| at.since_ms(now) > AT_REST_MS) || view.clock.is_never_set(),
            Rule::ComesToRest,
            || format!("now {now:?}, it wants a turn at {wakes:?}"),
        )
    }

    fn judge_cars(&self, park: &Park, view: &View<'_>) -> Verdict {
        let standing = view.vehicles.standing();
        // A car that leaves an entry unseen leaves its hold behind, until the next one comes: nobody
        // could tell the box.
        let holds = park.site().holds.values();
        let is_of_exit = |hold: &&Hold| !hold.lane.0.starts_with("in");
        let holds: Vec<&Hold> = holds.filter(is_of_exit).collect();
        hold(
            standing == 0 && holds.is_empty(),
            Rule::NobodyIsTrapped,
            || format!("{standing} cars stand at barriers; {holds:?}"),
        )?;
        let longest = self.rules.exit.held_at_most_ms + PATIENCE_MS;
        for visit in &view.vehicles.visits {
            for stand in &visit.leaving {
                let calm = stand.from > FAULTS_MS;
                let waited_ms = stand.to.unwrap_or(u64::MAX) - stand.from;
                hold(!calm || waited_ms <= longest, Rule::NobodyIsTrapped, || {
                    format!("a car waited for {waited_ms} ms: {visit:?}")
                })?;
            }
        }
        Ok(())
    }

    fn judge_queue(&self, park: &Park, view: &View<'_>) -> Verdict {
        if view.clock.is_never_set() {
            return Ok(()); // nothing may be signed, and so nothing goes
        }
        let book = park.queue().book();
        let site = park.site();
        // While a stay is under review, it can still be charged.
        let is_wanted = |session: &SessionId| {
            let mut reviewed = site.open_reviews().map(|review| &review.session);
            site.is_open(session) || reviewed.any(|it| it == session)
        };
        let charges: Vec<_> = book.queued().map(NumberKey::trade_no).collect();
        let mut entries = book.entries();
        let left = entries.find(|entry| !is_wanted(&entry.session) || entry.is_to_send());
        let is_stopped = book.stop().is_some() && !book.is_idle();
        hold(
            charges.is_empty() && left.is_none() && !is_stopped,
            Rule::QueueDrains,
            || format!("{charges:?}, {left:?}, {:?}", book.stop()),
        )
    }

    /// What was settled is what WeChat moved, of the numbers that this ledger gave out.
    fn judge_both_books(&self, park: &Park, view: &View<'_>) -> Verdict {
        let ledger = format!("T{}", park.ledger());
        let orders = view.simulator.orders_from(0);
        let ours = orders.filter(|order| order.out_trade_no.starts_with(&ledger));
        let (mut moved_fen, mut open) = (0, 0);
        for order in ours {
            match order.state {
                OrderState::Success => moved_fen += order.total_fen,
                OrderState::Accepted => open += 1,
                OrderState::PayFail => {}
            }
        }
        let settled_fen = park.queue().book().totals().settled.fen;
        let agree = settled_fen == moved_fen && open == 0;
        hold(agree || view.clock.is_never_set(), Rule::BooksAgree, || {
            format!("settled {settled_fen} fen, moved {moved_fen} fen, {open} orders open")
        })
    }
}
