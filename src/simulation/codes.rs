//! Drivers whose plates cannot be charged, and who scan the code that they are shown: at once, late, twice, or
//! never.

use super::doing::Doing;
use super::site::{LANES, MINUTE};
use super::world::World;
use crate::park::rules::Rules;
use crate::sim::random::SplitMix64;

/// Operators who let drivers pay by code, of 1000.
const OPERATORS_PERMILLE: u16 = 500;
/// Drivers who try the other exit, of 1000.
const DRIVE_OVER_PERMILLE: u16 = 150;

pub struct Codes {
    random: SplitMix64,
}

impl Codes {
    pub fn new(seed: u64) -> Self {
        Self {
            random: SplitMix64::new(seed, "codes"),
        }
    }
}

/// Whether the operator of a seed's car park lets drivers pay by code.
pub fn draw(seed: u64, rules: &mut Rules) {
    let random = &mut SplitMix64::new(seed, "pay by code");
    if random.chance(OPERATORS_PERMILLE) {
        rules.exit.pay_by_code = true;
        rules.merchant.native_notify_url = Some("https://pay.example.com/native".into());
    }
}

impl World {
    /// WeChat gave it out, and the ledger has it: the driver may scan it.
    pub(super) fn a_code_is_shown(&mut self, number: &str) {
        let number = number.to_owned();
        let random = &mut self.codes.random;
        let at_once_ms = 2_000 + random.below(40_000);
        match random.below(10) {
            0..=4 => self.soon(at_once_ms, Doing::Scan(number.clone())),
            5 => {
                let again_ms = at_once_ms + random.below(5_000);
                self.soon(at_once_ms, Doing::Scan(number.clone()));
                self.soon(again_ms, Doing::Scan(number.clone()));
            }
            // The car may have gone by then.
            6 | 7 => {
                let late_ms = MINUTE + random.below(14 * MINUTE);
                self.soon(late_ms, Doing::Scan(number.clone()));
            }
            _ => {}
        }
        let random = &mut self.codes.random;
        if random.chance(DRIVE_OVER_PERMILLE) {
            let over_ms = random.below(2 * MINUTE);
            self.soon(over_ms, Doing::DriveOver(number));
        }
    }

    /// The car backs out where its code is shown, and nobody sees it; it stands at the other exit next.
    pub(super) fn drive_over(&mut self, number: &str) {
        let spot = self.machine.park().queue().book().spots().get(number);
        let shown_at = spot.map(|spot| spot.claim.lane.clone());
        let [.., first, second] = LANES;
        let (from, to) = match shown_at {
            Some(lane) if lane.0 == first => (first, second),
            Some(_) => (second, first),
            None => return,
        };
        if let Some(visit) = self.back_out(from) {
            self.trace.note(self.clock.time, || {
                format!("the car of {number} drives over to {to}")
            });
            self.soon(5_000, Doing::Arrive(to, visit));
        }
    }

    /// WeChat takes the money, if the order can still be paid.
    pub(super) fn scan(&mut self, number: &str) {
        let wall = self.clock.true_wall();
        let what = match self.network.simulator.pay_native(number, wall) {
            true => "paid by code",
            false => "scanned a code that is over",
        };
        self.wechat_may_tell();
        self.trace.note(self.clock.time, || {
            format!("a driver scans {number}: {what}")
        });
    }
}
