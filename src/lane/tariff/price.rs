//! What a stretch of time costs: the forms in which price tables are published.

use std::num::NonZeroU64;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::DAY_S;
use super::calendar::Days;

/// The price of time: blocks or a table at its beginning, steps after that; or one price a visit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Price {
    /// The beginning, if it differs; one after the other.
    #[serde(default, with = "blocks")]
    pub first: Vec<Block>,
    /// The price of the time after the blocks or the table.
    #[serde(default)]
    pub then: Option<Steps>,
    /// One price, however long, fen. Stands alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_visit_fen: Option<u64>,
    /// What so much time costs in all. In place of blocks; sorted, and never cheaper further down.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub table: Vec<Row>,
}

/// A part of the beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    /// How long it lasts.
    pub for_s: u64,
    /// Its unit: the whole block, or an equal part of it.
    pub every_s: NonZeroU64,
    /// Price of a unit.
    pub fen: u64,
    /// A rest of a unit up to this long is not counted.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub tail_s: u64,
}

/// Equal steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Steps {
    /// The unit.
    pub every_s: NonZeroU64,
    /// Price of a unit.
    pub fen: u64,
    /// A rest of a unit up to this long is not counted.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub tail_s: u64,
}

/// A row of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// The last second of it.
    pub up_to_s: u64,
    /// What all the time up to there costs.
    pub fen: u64,
}

/// Hours of the day, or days, that have a price of their own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Band {
    /// For people.
    pub name: String,
    /// On which days; empty for all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub days: Vec<Days>,
    /// Second of the day at which it begins.
    pub from_s: u64,
    /// Second of the day at which it ends; not after `from_s` if midnight lies between.
    pub to_s: u64,
    #[serde(flatten)]
    pub price: Price,
    /// The most that one stretch of it costs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cap_fen: Option<u64>,
}

impl Band {
    /// Whether it holds at a second of a day on which it holds at all.
    pub fn has(&self, second: u64) -> bool {
        match self.from_s < self.to_s {
            true => (self.from_s..self.to_s).contains(&second),
            false => second >= self.from_s || second < self.to_s,
        }
    }

    /// Its first edge after a second of the day, if one lies before midnight.
    pub(super) fn edge_after(&self, second: u64) -> Option<u64> {
        [self.from_s, self.to_s]
            .into_iter()
            .filter(|edge| *edge > second && *edge < DAY_S)
            .min()
    }

    /// See [`Days::rank`].
    pub fn rank(&self) -> u8 {
        self.days.iter().map(Days::rank).max().unwrap_or(0)
    }
}

impl Price {
    /// Whether it says nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// How much of the beginning is told by blocks or table, seconds.
    pub fn beginning_s(&self) -> u64 {
        match self.table.last() {
            Some(row) => row.up_to_s,
            None => self.first.iter().map(|block| block.for_s).sum(),
        }
    }

    /// What the first second costs.
    pub fn first_unit_fen(&self) -> u64 {
        if let Some(fen) = self.per_visit_fen {
            return fen;
        }
        let row = self.table.first().map(|row| row.fen);
        let block = self.first.first().map(|block| block.fen);
        row.or(block)
            .or(self.then.map(|then| then.fen))
            .unwrap_or(0)
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands out references"
)]
fn is_zero(seconds: &u64) -> bool {
    *seconds == 0
}

/// No block is `null` and one is itself: so the first version of this form wrote them.
mod blocks {
    use super::{Block, Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        One(Block),
        Many(Vec<Block>),
    }

    pub(super) fn serialize<S: Serializer>(blocks: &[Block], to: S) -> Result<S::Ok, S::Error> {
        match blocks {
            [] => to.serialize_none(),
            [one] => one.serialize(to),
            many => many.serialize(to),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Block>, D::Error> {
        Ok(match Option::<Written>::deserialize(from)? {
            None => Vec::new(),
            Some(Written::One(block)) => vec![block],
            Some(Written::Many(blocks)) => blocks,
        })
    }
}
