//! The orders that may still be paid on the spot, and the newest of those that are over. The fold of their
//! records.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::record::MoneyRecord;
use super::spot::{Spot, SpotClaim, SpotState, SpotTold};
use crate::lane::number::SessionId;

/// Orders that are over and remembered; those that ended first go first. WeChat repeats a notice for a day.
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
    /// How many have ended.
    #[serde(default)]
    ended: u64,
}

/// An order that is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    /// The order, as it stood last.
    pub spot: Spot,
    /// It was paid.
    pub paid: bool,
    /// It was paid, and given back by others before that was heard of: it counts as unpaid for good.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub given_back: bool,
    /// It was the so many-th to end.
    #[serde(default)]
    nth: u64,
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
            SpotTold::Paid { .. }
            | SpotTold::GivenBack { .. }
            | SpotTold::Closed { .. }
            | SpotTold::Refused { .. } => return self.end(number, told),
        };
        self.change(number, |spot| spot.state = state);
    }

    fn end(&mut self, number: &str, told: &SpotTold) {
        let paid = matches!(told, SpotTold::Paid { .. });
        if let Some(spot) = self.open.remove(number) {
            let done = Done {
                spot,
                paid,
                given_back: matches!(told, SpotTold::GivenBack { .. }),
                nth: self.ended,
            };
            self.ended = self.ended.saturating_add(1);
            self.done.insert(number.to_owned(), done);
        } else if let Some(done) = self.done.get_mut(number) {
            done.paid |= paid;
        }
        while self.done.len() > DONE_MAX {
            // Not by its number: a stay that began long ago may just have paid.
            let oldest = self.done.iter().min_by_key(|(_, done)| done.nth);
            let Some(oldest) = oldest.map(|(number, _)| number.clone()) else {
                return;
            };
            self.done.remove(&oldest);
        }
    }

    fn change(&mut self, number: &str, change: impl FnOnce(&mut Spot)) {
        if let Some(spot) = self.open.get_mut(number) {
            change(spot);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::charges::spot::SpotClaim;
    use crate::lane::number::LedgerId;
    use crate::lane::session::LaneId;
    use crate::lane::time::{BootId, Moment, Now, Stamp, Wall};

    fn claim(number: u64) -> SpotClaim {
        let session = SessionId::new(LedgerId(7), number);
        let now = Now {
            moment: Moment(0),
            wall: Wall(0),
            trusted: true,
            boot: BootId(1),
        };
        let at = Stamp {
            now,
            box_id: "box".into(),
        };
        SpotClaim {
            number: session.spot_no(0),
            session,
            plate: "粤B6K7H2".to_owned().try_into().unwrap(),
            lane: LaneId("out-1".into()),
            entered: at.clone(),
            fen: 500,
            at,
        }
    }

    fn ended(spots: &mut Spots, number: u64) -> String {
        let spot = claim(number);
        let number = spot.number.clone();
        spots.apply(&MoneyRecord::SpotAsked { spot });
        let told = SpotTold::Closed { why: "test".into() };
        let over = number.clone();
        spots.apply(&MoneyRecord::SpotTold { number: over, told });
        number
    }

    #[test]
    fn those_that_ended_first_are_forgotten_first_whatever_their_numbers() {
        let mut spots = Spots::default();
        let count = u64::try_from(DONE_MAX).unwrap();
        let first = ended(&mut spots, 1_000_000);
        for number in 1..count {
            ended(&mut spots, number + 1);
        }
        assert!(spots.done(&first).is_some());
        // The stay that is open for longest pays last, and is remembered.
        let last = ended(&mut spots, 1);
        assert!(spots.done(&last).is_some());
        assert_eq!(spots.done(&first), None);
        assert_eq!(spots.done.len(), DONE_MAX);
    }
}
