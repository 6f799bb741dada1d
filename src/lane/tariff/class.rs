//! Vehicles that pay otherwise than others.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::line::{Line, What};
use super::prices::{Prices, is_false};
use super::quote::Lines;
use super::vehicle::VehicleKind;
use crate::lane::plate::{PlateColor, PlateNumber};

/// Vehicles with prices of their own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Class {
    /// For people.
    pub name: String,
    /// By what their plates tell.
    pub kinds: Vec<VehicleKind>,
    /// By their number; goes before any kind.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub plates: BTreeSet<PlateNumber>,
    /// What they pay, before the discount.
    pub prices: Prices,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discount: Option<Discount>,
}

/// What a class pays less.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Discount {
    /// 1–100.
    pub percent_off: u64,
    /// Only what so much time from the entry costs is less.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub for_s: Option<u64>,
    /// Taken off what is left under the cap, and not off what the cap is compared with.
    #[serde(default, skip_serializing_if = "is_false")]
    pub after_cap: bool,
}

impl Class {
    /// The class of a vehicle, by its number, else by its kind.
    pub fn find<'a>(
        classes: &'a [Self],
        plate: Option<&PlateNumber>,
        color: Option<PlateColor>,
    ) -> Option<&'a Self> {
        let by_number = plate.and_then(|plate| {
            let mut classes = classes.iter();
            classes.find(|class| class.plates.contains(plate))
        });
        let kind = VehicleKind::of(plate, color);
        by_number.or_else(|| classes.iter().find(|class| class.kinds.contains(&kind)))
    }
}

impl Discount {
    /// What is taken off `of_fen`, to the nearest fen, half a fen taken off too.
    pub(super) fn fen(self, of_fen: u64) -> u64 {
        (of_fen / 100)
            .saturating_mul(self.percent_off)
            .saturating_add((of_fen % 100 * self.percent_off + 50) / 100)
            .min(of_fen)
    }

    pub(super) fn take_off(self, name: &str, span: (u64, u64), of_fen: u64, lines: &mut Lines) {
        let fen = self.fen(of_fen);
        if fen > 0 {
            let line = Line::off(What::Discount, span, self.percent_off, fen);
            lines.push(line.named(Some(name)));
        }
    }
}
