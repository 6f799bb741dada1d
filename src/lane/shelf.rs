//! A map by number that keeps its values packed: a hundred thousand cars fit beside everything else in
//! a small box. Values are given out as copies.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Bound;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::number::NumberKey;
use super::packing::{Packer, Shared, Unpacker};

/// What lies on a [`Shelf`].
pub trait Shelved: Sized {
    /// What many of them have in common.
    type Form: Ord + Clone + fmt::Debug;

    /// Its number; None if parkgate gives out no such number.
    fn key(&self) -> Option<NumberKey>;

    /// Its number as it is written.
    fn name_of(key: NumberKey) -> String;

    /// Everything but the number.
    fn pack(&self, packer: &mut Packer<'_, Self::Form>);

    /// What [`Shelved::pack`] packed.
    fn unpack(key: NumberKey, unpacker: &mut Unpacker<'_, Self::Form>) -> Self;
}

/// Values by their numbers, in the order of these. Written as a map.
pub struct Shelf<V: Shelved> {
    rows: BTreeMap<NumberKey, Box<[u8]>>,
    shared: Shared<V::Form>,
}

impl<V: Shelved> Shelf<V> {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Whether it is there.
    pub fn contains(&self, key: NumberKey) -> bool {
        self.rows.contains_key(&key)
    }

    /// The value under this number.
    pub fn get(&self, key: NumberKey) -> Option<V> {
        self.rows.get(&key).map(|row| self.unpack(key, row))
    }

    /// Puts a value under its number, in place of the one that is there.
    pub fn put(&mut self, value: &V) {
        if let Some((key, row)) = self.pack(value) {
            self.rows.insert(key, row);
        }
    }

    /// Takes a value out.
    pub fn take(&mut self, key: NumberKey) -> Option<V> {
        let row = self.rows.remove(&key)?;
        Some(self.unpack(key, &row))
    }

    /// Puts in many. When there are no more, [`Shelf::compact`].
    pub fn put_all(&mut self, values: &[V]) {
        values.iter().for_each(|value| self.put(value));
    }

    /// Makes the tree anew: one that is made of rows in their order has no empty places, and one that grew at
    /// its end is empty by half.
    pub fn compact(&mut self) {
        self.rows = std::mem::take(&mut self.rows).into_iter().collect();
    }

    /// Every number, in order.
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = NumberKey> {
        self.rows.keys().copied()
    }

    /// Every value, in the order of the numbers.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = V> {
        self.rows.iter().map(|(key, row)| self.unpack(*key, row))
    }

    /// As [`Shelf::values`], behind a number.
    pub fn after(&self, key: Option<NumberKey>) -> impl Iterator<Item = V> {
        let from = key.map_or(Bound::Unbounded, Bound::Excluded);
        let rows = self.rows.range((from, Bound::Unbounded));
        rows.map(|(key, row)| self.unpack(*key, row))
    }

    fn pack(&mut self, value: &V) -> Option<(NumberKey, Box<[u8]>)> {
        let key = value.key();
        debug_assert!(key.is_some(), "a number that nobody gave out");
        let mut packer = Packer::new(&mut self.shared);
        value.pack(&mut packer);
        Some((key?, packer.finish()))
    }

    fn unpack(&self, key: NumberKey, row: &[u8]) -> V {
        V::unpack(key, &mut Unpacker::new(row, &self.shared))
    }
}

impl<V: Shelved> Default for Shelf<V> {
    fn default() -> Self {
        Self {
            rows: BTreeMap::new(),
            shared: Shared::default(),
        }
    }
}

impl<V: Shelved> Clone for Shelf<V> {
    fn clone(&self) -> Self {
        Self {
            rows: self.rows.clone(),
            shared: self.shared.clone(),
        }
    }
}

/// The same values; what they have in common may stand in another order.
impl<V: Shelved + PartialEq> PartialEq for Shelf<V> {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.values().eq(other.values())
    }
}

impl<V: Shelved + Eq> Eq for Shelf<V> {}

impl<V: Shelved + fmt::Debug> fmt::Debug for Shelf<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = self.rows.iter();
        let rows = rows.map(|(key, row)| (V::name_of(*key), self.unpack(*key, row)));
        f.debug_map().entries(rows).finish()
    }
}

impl<V: Shelved + Serialize> Serialize for Shelf<V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let rows = self.rows.iter();
        serializer.collect_map(rows.map(|(key, row)| (V::name_of(*key), self.unpack(*key, row))))
    }
}

impl<'de, V: Shelved + Deserialize<'de>> Deserialize<'de> for Shelf<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Rows(PhantomData))
    }
}

struct Rows<V>(PhantomData<V>);

impl<'de, V: Shelved + Deserialize<'de>> Visitor<'de> for Rows<V> {
    type Value = Shelf<V>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("values by their numbers")
    }

    /// One value at a time, so that never all of them are there unpacked.
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Shelf<V>, A::Error> {
        let (mut shelf, mut rows) = (Shelf::default(), Vec::new());
        while let Some((_, value)) = map.next_entry::<String, V>()? {
            let row = shelf.pack(&value);
            rows.push(row.ok_or_else(|| {
                serde::de::Error::custom("a number that parkgate does not give out")
            })?);
        }
        shelf.rows = rows.into_iter().collect();
        Ok(shelf)
    }
}
