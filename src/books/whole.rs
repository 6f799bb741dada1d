//! The core's whole states: the books begin with one, and are held against the others.

use super::accountant::{Accountant, At, Stay};
use super::charge::Charge;
use super::opening::State;
use super::violation::Wrong;

impl Accountant {
    /// The ledger begins here; what is open was opened in a part that is not there.
    pub(super) fn begin_with(&mut self, state: State) {
        let State {
            sessions,
            claimed,
            reviewed,
            charges,
            paid,
            totals,
            refunds,
            refunded,
            codes,
            tills,
            zones,
        } = state;
        self.codes.begin_with(codes);
        self.tills = tills;
        self.zones = zones;
        for (number, fen) in refunded {
            *self.reserved.entry(number.into()).or_default() += fen;
        }
        for (number, refund) in refunds {
            let (of, fen) = refund.reserved();
            *self.reserved.entry(of.into()).or_default() += fen;
            self.refunds.insert(number.into(), refund);
        }
        for session in sessions {
            self.stays.insert(session.into(), Stay::default());
        }
        for (session, number) in reviewed {
            let stay = self.stays.entry(session.as_str().into());
            let stay = stay.or_insert_with(Stay::ended_before);
            if let Some(number) = number {
                stay.charge = Some(number.as_str().into());
                let finished = Charge::finished_before(&session);
                self.charges.insert(number.into(), finished);
            }
        }
        for (number, charge) in charges {
            let stay = self.stays.entry(charge.session.clone());
            let stay = stay.or_insert_with(Stay::ended_before);
            stay.charge = Some(number.as_str().into());
            self.charges.insert(number.into(), charge);
        }
        for (session, number) in claimed {
            let finished = Charge::finished_before(&session);
            let charges = &mut self.charges;
            charges.entry(number.as_str().into()).or_insert(finished);
            if let Some(stay) = self.stays.get_mut(session.as_str()) {
                stay.charge = Some(number.into());
            }
        }
        for (session, fen) in paid {
            self.stays.entry(session.into()).or_default().paid_fen = fen;
        }
        self.totals = totals;
        self.begins_midway = true;
    }

    /// The whole state, as the core has it, against the books.
    pub(super) fn compare(&mut self, at: &At<'_>, state: State) {
        if self.has_holes {
            return;
        }
        let open = self.stays.values().filter(|stay| stay.ended.is_none());
        let unfinished = self.charges.values().filter(|c| !c.stands.is_over());
        let fen = |charges: &mut dyn Iterator<Item = &Charge>| -> u64 {
            charges.map(|charge| charge.fee_fen).sum()
        };
        let count = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        let mut pairs = vec![
            (
                "open stays".to_owned(),
                count(state.sessions.len()),
                count(open.count()),
            ),
            (
                "unfinished charges, fen".to_owned(),
                fen(&mut state.charges.values()),
                fen(&mut unfinished.into_iter()),
            ),
        ];
        for (name, (count, fen)) in &state.totals {
            let (own_count, own_fen) = self.totals.get(name).copied().unwrap_or_default();
            pairs.push((format!("{name}, count"), *count, own_count));
            pairs.push((format!("{name}, fen"), *fen, own_fen));
        }
        for (what, state, books) in pairs {
            if state != books {
                let wrong = Wrong::StateDiffers { what, state, books };
                self.wrong(at.seq, None, None, wrong);
            }
        }
        // From here on by the core's sums again, so that one difference is told once.
        self.totals = state.totals;
    }
}
