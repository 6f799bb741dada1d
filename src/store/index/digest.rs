//! Counts and digests that tell whether all rows are there, without keeping a second copy of them.

use std::collections::BTreeMap;

use super::row::Prefix;
use crate::store::sha256::Sha256;

/// How many rows a prefix has, and the sum of their hashes, which does not depend on their order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub rows: u64,
    pub digest: u128,
}

/// The tallies of all prefixes; a prefix that is missing has no rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tallies(BTreeMap<Prefix, Tally>);

impl Tallies {
    pub fn of(&self, prefix: Prefix) -> Tally {
        self.0.get(&prefix).copied().unwrap_or_default()
    }

    pub fn set(&mut self, prefix: Prefix, tally: Tally) {
        if tally == Tally::default() {
            self.0.remove(&prefix);
        } else {
            self.0.insert(prefix, tally);
        }
    }

    /// Counts a row in; `key` without its prefix byte.
    pub fn add(&mut self, prefix: Prefix, key: &[u8], value: &[u8]) {
        let tally = self.of(prefix);
        self.set(
            prefix,
            Tally {
                rows: tally.rows.wrapping_add(1),
                digest: tally.digest.wrapping_add(hash(prefix, key, value)),
            },
        );
    }

    /// Counts a row out that was counted in before.
    pub fn remove(&mut self, prefix: Prefix, key: &[u8], value: &[u8]) {
        let tally = self.of(prefix);
        self.set(
            prefix,
            Tally {
                rows: tally.rows.wrapping_sub(1),
                digest: tally.digest.wrapping_sub(hash(prefix, key, value)),
            },
        );
    }

    /// Rows of all prefixes together.
    pub fn rows(&self) -> u64 {
        self.0.values().map(|tally| tally.rows).sum()
    }

    /// The first prefix in which the two disagree.
    pub fn difference(&self, other: &Self) -> Option<Prefix> {
        Prefix::ALL
            .into_iter()
            .find(|prefix| self.of(*prefix) != other.of(*prefix))
    }
}

/// The first half of SHA-256 over prefix, key length, key and value.
fn hash(prefix: Prefix, key: &[u8], value: &[u8]) -> u128 {
    let key_length = u64::try_from(key.len()).unwrap_or(u64::MAX);
    let mut hasher = Sha256::new();
    hasher.update(&[prefix.byte()]);
    hasher.update(&key_length.to_be_bytes());
    hasher.update(key);
    hasher.update(value);
    let digest = hasher.finish();
    let half = <[u8; 16]>::try_from(&digest[..16]).expect("SHA-256 has 32 bytes");
    u128::from_be_bytes(half)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_does_not_matter_and_removing_undoes_adding() {
        let mut one = Tallies::default();
        one.add(Prefix::Entry, b"a", b"1");
        one.add(Prefix::Entry, b"b", b"2");
        let mut other = Tallies::default();
        other.add(Prefix::Entry, b"b", b"2");
        other.add(Prefix::Session, b"c", b"3");
        other.add(Prefix::Entry, b"a", b"1");
        assert_eq!(one.difference(&other), Some(Prefix::Session));
        other.remove(Prefix::Session, b"c", b"3");
        assert_eq!(one, other);
        assert_eq!(one.rows(), 2);
    }

    #[test]
    fn the_border_between_key_and_value_matters() {
        assert_ne!(
            hash(Prefix::Entry, b"ab", b"c"),
            hash(Prefix::Entry, b"a", b"bc")
        );
    }
}
