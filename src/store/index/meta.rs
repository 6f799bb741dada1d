//! The meta row: written in the same sled batch as the rows that it counts.

use crate::lane::number::LedgerId;

use super::digest::{Tallies, Tally};
use super::row::Prefix;

/// Where the meta row lies; no prefix has this byte.
pub(super) const META_KEY: [u8; 1] = [0];

/// What the rows beside it must add up to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Meta {
    /// The ledger that the rows come from.
    pub ledger: LedgerId,
    /// The last commit whose history rows are all there.
    pub last_seq: u64,
    pub tallies: Tallies,
}

impl Meta {
    /// An index without a row.
    pub fn empty(ledger: LedgerId) -> Self {
        Self {
            ledger,
            last_seq: 0,
            tallies: Tallies::default(),
        }
    }

    /// Ledger, sequence number, then prefix byte, count and digest of each prefix that has rows.
    pub fn encode(&self) -> Vec<u8> {
        let mut body = Vec::new();
        body.extend_from_slice(&self.ledger.0.to_be_bytes());
        body.extend_from_slice(&self.last_seq.to_be_bytes());
        for prefix in Prefix::ALL {
            let Tally { rows, digest } = self.tallies.of(prefix);
            body.push(prefix.byte());
            body.extend_from_slice(&rows.to_be_bytes());
            body.extend_from_slice(&digest.to_be_bytes());
        }
        body
    }

    /// None if this is no meta row, or counts a prefix that this version does not know.
    pub fn decode(mut body: &[u8]) -> Option<Self> {
        let mut meta = Self::empty(LedgerId(u64::from_be_bytes(take(&mut body)?)));
        meta.last_seq = u64::from_be_bytes(take(&mut body)?);
        while !body.is_empty() {
            let [byte] = take(&mut body)?;
            let rows = u64::from_be_bytes(take(&mut body)?);
            let digest = u128::from_be_bytes(take(&mut body)?);
            let prefix = Prefix::from_byte(byte)?;
            meta.tallies.set(prefix, Tally { rows, digest });
        }
        Some(meta)
    }
}

fn take<const N: usize>(from: &mut &[u8]) -> Option<[u8; N]> {
    let (head, rest) = from.split_first_chunk::<N>()?;
    *from = rest;
    Some(*head)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_encoded_is_decoded_and_no_part_of_it_is() {
        let mut meta = Meta::empty(LedgerId(7));
        meta.last_seq = 9;
        meta.tallies.add(Prefix::Session, b"key", b"value");
        let body = meta.encode();
        assert_eq!(Meta::decode(&body), Some(meta));
        assert_eq!(Meta::decode(&body[..body.len() - 1]), None);
    }
}
