//! What is handed in for open stays, and what plates have in store.

use std::collections::BTreeMap;

use serde_json::Value;

use super::accountant::{Accountant, At};
use super::violation::Wrong;
use crate::json;
use crate::lane::tariff::Benefit;

/// So many numbers of coupons are remembered by the box; one that is older may be handed in again.
const REMEMBERED: u64 = 20_000;
const TAKEN_BACK: u16 = 69;

/// Coupons, times on the charger, and money in store.
#[derive(Debug, Default)]
pub(super) struct Tills {
    /// By stay: number and worth.
    of: BTreeMap<String, Vec<(String, Benefit)>>,
    /// When a number was handed in, counted in numbers.
    spent: BTreeMap<String, u64>,
    count: u64,
    /// By plate, fen.
    balances: BTreeMap<String, u64>,
}

impl Tills {
    /// As a whole state tells it, at which the books begin.
    pub(super) fn of_state(site: &Value) -> Self {
        let mut tills = Self::default();
        let of = site["benefits"]["of"].as_object();
        for (stay, given) in of.into_iter().flatten() {
            for given in given.as_array().into_iter().flatten() {
                tills.give(stay, given);
            }
        }
        let balances = site["listing"]["balances"].as_object();
        let balances = balances.into_iter().flatten();
        tills.balances = balances
            .filter_map(|(plate, fen)| Some((plate.clone(), fen.as_u64()?)))
            .collect();
        tills
    }

    pub(super) fn benefits_of(&self, session: &str) -> Vec<Benefit> {
        let of = self.of.get(session).into_iter().flatten();
        of.map(|(_, benefit)| benefit.clone()).collect()
    }

    /// Whether its number was handed in before.
    fn give(&mut self, stay: &str, given: &Value) -> bool {
        let number = given["number"].as_str().unwrap_or_default().to_owned();
        self.count += 1;
        let before = self.spent.insert(number.clone(), self.count);
        if let Ok(benefit) = json::typed::<Benefit>(&given["benefit"]) {
            let of = self.of.entry(stay.to_owned()).or_default();
            of.push((number, benefit));
        }
        before.is_some_and(|before| self.count - before < REMEMBERED)
    }

    fn take_back(&mut self, stay: &str, number: &str) {
        self.spent.remove(number);
        if let Some(of) = self.of.get_mut(stay) {
            of.retain(|(held, _)| held != number);
        }
    }
}

impl Accountant {
    /// Something was handed in, or taken back.
    pub(super) fn benefit(&mut self, kind: u16, at: &At<'_>) {
        let Some(session) = at.fields["session"].as_str() else {
            return;
        };
        if kind == TAKEN_BACK {
            let number = at.fields["number"].as_str().unwrap_or_default();
            self.tills.take_back(session, number);
            return;
        }
        let given = &at.fields["given"];
        let is_spent = self.tills.give(session, given);
        let stay = self.stays.get(session);
        let has_ended = stay.is_some_and(|stay| stay.ended.is_some());
        if is_spent || has_ended {
            let number = given["number"].as_str().unwrap_or_default().to_owned();
            self.wrong(
                at.seq,
                Some(session),
                None,
                Wrong::CouponNotValid { number },
            );
        }
    }

    /// What a plate has in store is what it had, and what was moved.
    pub(super) fn balance(&mut self, at: &At<'_>) {
        let plate = at.fields["plate"].as_str().unwrap_or_default();
        let fen = at.fields["fen"].as_i64().unwrap_or_default();
        let left_fen = at.fields["left_fen"].as_u64().unwrap_or_default();
        let before_fen = self.tills.balances.insert(plate.to_owned(), left_fen);
        let books_fen = before_fen.unwrap_or(0).checked_add_signed(fen);
        if books_fen != Some(left_fen) && !self.has_holes {
            let session = at.fields["session"].as_str();
            let books_fen = books_fen.unwrap_or(0);
            let wrong = Wrong::BalanceDiffers {
                left_fen,
                books_fen,
            };
            self.wrong(at.seq, session, None, wrong);
        }
    }
}
