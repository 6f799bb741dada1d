//! The orders that may still be paid on the spot, and the newest of those that are over. The fold of their
//! records.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::record::MoneyRecord;
use super::spot::{Spot, SpotClaim, SpotState, SpotTold};
use crate::lane::number::SessionId;

/// Orders that are over and remembered; the oldest go first. WeChat repeats a notice for a day.
const DONE_MAX: usize = 1024;

/// Orders of one stay, whatever became of them.
pub const OF_ONE_STAY_MAX: u16 = 1000;

/// Orders by their number.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spots {
    #[serde(default)]
    open: BTreeMap<String, Spot>,
    #[serde(default)]
    done: BTreeMap<String, Done>,
}

/// An order that is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    /// The order, as it stood last.
    pub spot: Spot,
    /// It was paid.
    pub paid: bool,
}

impl Spots {
    /// Whether there never was one.
    pub fn is_empty(&self) -> bool {
        self.open.is_empty() && self.done.is_empty()
    }

    /// One that may still be paid.
    pub fn get(&self, number: &str) -> Option<&Spot> {
        self.open.get(number)
    }

    /// Those that may still be paid, in the order of their numbers.
    pub fn open(&self) -> impl Iterator<Item = &Spot> {
        self.open.values()
    }

    /// The one of a stay that may still be paid: there is one at most.
    pub fn of(&self, session: &SessionId) -> Option<&Spot> {
        let (first, last) = (session.spot_no(0), session.spot_no(u16::MAX));
        self.open.range(first..=last).next().map(|(_, spot)| spot)
    }

    /// One that is over, if it is still remembered.
    pub fn done(&self, number: &str) -> Option<&Done> {
        self.done.get(number)
    }

    /// The only way in which they change.
    pub(super) fn apply(&mut self, record: &MoneyRecord) {
        match record {
            MoneyRecord::SpotAsked { spot } => self.ask(spot),
            MoneyRecord::SpotSent { number, body } => self.change(number, |spot| {
                if let Some(body) = body {
                    spot.body = Some(body.clone());
                }
                spot.state = SpotState::Sent;
            }),
            MoneyRecord::SpotTold { number, told } => self.told(number, told),
            MoneyRecord::SpotGivenUp { number, why, .. } => {
                self.change(number, |spot| spot.given_up = Some(*why));
            }
            _ => {}
        }
    }

    fn ask(&mut self, claim: &SpotClaim) {
        let number = claim.number.clone();
        self.open.insert(number, Spot::asked(claim.clone()));
    }

    fn told(&mut self, number: &str, told: &SpotTold) {
        let state = match told {
            SpotTold::Unknown { .. } => SpotState::Unknown,
            SpotTold::ToRepeat { .. } => SpotState::ToRepeat,
            SpotTold::Open { code_url } => SpotState::Open {
                code_url: code_url.clone(),
            },
            SpotTold::Paid { .. } => return self.end(number, true),
            SpotTold::Closed { .. } | SpotTold::Refused { .. } => return self.end(number, false),
        };
        self.change(number, |spot| spot.state = state);
    }

    fn end(&mut self, number: &str, paid: bool) {
        if let Some(spot) = self.open.remove(number) {
            let done = Done { spot, paid };
            self.done.insert(number.to_owned(), done);
        } else if let Some(done) = self.done.get_mut(number) {
            done.paid |= paid;
        }
        while self.done.len() > DONE_MAX {
            // Numbers grow with the stays.
            self.done.pop_first();
        }
    }

    fn change(&mut self, number: &str, change: impl FnOnce(&mut Spot)) {
        if let Some(spot) = self.open.get_mut(number) {
            change(spot);
        }
    }
}
