//! Which of a plate's numbers stand on a shelf.

use std::collections::BTreeSet;

use crate::lane::number::NumberKey;
use crate::lane::plate::PlateNumber;

/// Numbers by plate, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Plates(BTreeSet<(PlateNumber, NumberKey)>);

impl Plates {
    pub(super) fn add(&mut self, plate: &PlateNumber, key: NumberKey) {
        self.0.insert((plate.clone(), key));
    }

    pub(super) fn remove(&mut self, plate: &PlateNumber, key: NumberKey) {
        self.0.remove(&(plate.clone(), key));
    }

    /// The numbers of a plate, lowest first.
    pub(super) fn of(&self, plate: &PlateNumber) -> impl Iterator<Item = NumberKey> {
        let (first, last) = (NumberKey::FIRST, NumberKey::LAST);
        let range = (plate.clone(), first)..=(plate.clone(), last);
        self.0.range(range).map(|(_, key)| *key)
    }
}

impl FromIterator<(PlateNumber, NumberKey)> for Plates {
    fn from_iter<I: IntoIterator<Item = (PlateNumber, NumberKey)>>(numbers: I) -> Self {
        Self(numbers.into_iter().collect())
    }
}
