//! Room for cars.

use serde_json::Value;

use super::{Lang, Pair, pair};

pub const PLACES: Pair = pair("places", "车位");

impl Lang {
    /// How many cars are inside, and how many more have room.
    pub fn places(self, inside: u64, places: &Value) -> String {
        let number = |name: &str| places[name].as_u64().unwrap_or_default();
        let (count, free) = (number("count"), number("free"));
        match (self, places.is_object()) {
            (Self::En, true) => format!("{inside} inside, {free} of {count} places free"),
            (Self::Zh, true) => format!("场内 {inside} 辆，{count} 个车位中剩余 {free} 个"),
            (Self::En, false) => format!(
                "{inside} inside; places are not counted, since the configuration has no [site] places"
            ),
            (Self::Zh, false) => {
                format!("场内 {inside} 辆；未统计车位（配置中没有 [site] places）")
            }
        }
    }

    /// What a person's count adds to the open stays.
    pub fn corrected_by(self, uncounted: i64, stays: u64) -> String {
        match self {
            Self::En => {
                format!("{stays} open stays, corrected by {uncounted:+} when a person counted")
            }
            Self::Zh => format!("在场停车 {stays} 笔，人工清点后更正 {uncounted:+}"),
        }
    }
}
