//! The free time that a driver is told when a car comes in.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::Tariff;
use super::vehicle::VehicleKind;
use crate::lane::plate::{PlateColor, PlateNumber};
use crate::lane::time::Wall;

/// What a price list gives, to everybody and to each class.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FreeTime {
    /// From when on; None for ever.
    pub from: Option<Wall>,
    /// To vehicles of no class, seconds.
    pub s: u64,
    pub classes: Vec<FreeTimeOfClass>,
}

/// What a class is given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FreeTimeOfClass {
    pub kinds: Vec<VehicleKind>,
    pub plates: BTreeSet<PlateNumber>,
    /// Seconds.
    pub s: u64,
}

impl FreeTime {
    /// Of a price list and those that follow it.
    pub fn of_all(tariff: &Tariff) -> Vec<Self> {
        let all = std::iter::once(tariff).chain(&tariff.later);
        all.map(|list| Self {
            from: list.from,
            s: list.prices.free_s,
            classes: list
                .classes
                .iter()
                .map(|class| FreeTimeOfClass {
                    kinds: class.kinds.clone(),
                    plates: class.plates.clone(),
                    s: class.prices.free_s,
                })
                .collect(),
        })
        .collect()
    }

    /// What a vehicle is given that comes in at a time, seconds.
    pub fn find(
        lists: &[Self],
        entry: Wall,
        plate: &PlateNumber,
        color: Option<PlateColor>,
    ) -> Option<u64> {
        let mut later = lists.iter().skip(1).rev();
        let holds = |list: &&Self| list.from.is_some_and(|from| from <= entry);
        let list = later.find(holds).or(lists.first())?;
        let kind = VehicleKind::of(Some(plate), color);
        let by_number = list
            .classes
            .iter()
            .find(|class| class.plates.contains(plate));
        let mut by_kind = list.classes.iter();
        let class = by_number.or_else(|| by_kind.find(|class| class.kinds.contains(&kind)));
        Some(class.map_or(list.s, |class| class.s))
    }
}
