//! The frame around every value, verified on every read.
//!
//! ```text
//! magic 2 | schema 1 | reserved 1 | body length 4 | sequence 8 | CRC-32 4 | body
//! ```
//! Big-endian. The checksum covers the row's key, the frame before it and the body, so that a value
//! under a wrong key does not pass either.

use thiserror::Error;

const MAGIC: [u8; 2] = *b"pg";
const HEADER: usize = 20;
const CRC_AT: usize = 16;

/// Raised when the encoding of any row's key or value changes; a folder of another schema is set
/// aside and rebuilt.
const SCHEMA: u8 = 1;

/// Why a value is not what was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(super) enum FrameFault {
    #[error("a value is shorter or longer than its frame says")]
    Length,
    #[error("a value does not start like a frame")]
    Magic,
    #[error("a value has schema {0}, this version writes schema {SCHEMA}")]
    Schema(u8),
    #[error("a value does not match its checksum")]
    Checksum,
}

/// Frames `body` for the row at `key`, written by the commit that ends at `seq`.
pub(super) fn seal(key: &[u8], seq: u64, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).expect("no row comes near 4 GiB");
    let mut framed = Vec::with_capacity(HEADER + body.len());
    framed.extend_from_slice(&MAGIC);
    framed.extend_from_slice(&[SCHEMA, 0]);
    framed.extend_from_slice(&length.to_be_bytes());
    framed.extend_from_slice(&seq.to_be_bytes());
    let checksum = checksum(key, &framed, body);
    framed.extend_from_slice(&checksum.to_be_bytes());
    framed.extend_from_slice(body);
    framed
}

/// The body of the value at `key`, and the sequence number it was written under.
pub(super) fn open<'a>(key: &[u8], framed: &'a [u8]) -> Result<(u64, &'a [u8]), FrameFault> {
    let (header, body) = framed.split_at_checked(HEADER).ok_or(FrameFault::Length)?;
    let (head, crc) = header.split_at(CRC_AT);
    if head[..2] != MAGIC {
        return Err(FrameFault::Magic);
    }
    if checksum(key, head, body).to_be_bytes() != crc {
        return Err(FrameFault::Checksum);
    }
    if head[2] != SCHEMA {
        return Err(FrameFault::Schema(head[2]));
    }
    if u32::try_from(body.len())
        .map(u32::to_be_bytes)
        .as_ref()
        .map(|l| &l[..])
        != Ok(&head[4..8])
    {
        return Err(FrameFault::Length);
    }
    let seq = <[u8; 8]>::try_from(&head[8..16]).expect("eight bytes are eight bytes");
    Ok((u64::from_be_bytes(seq), body))
}

fn checksum(key: &[u8], head: &[u8], body: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    for part in [key, head, body] {
        hasher.update(part);
    }
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_was_sealed_opens(key: Vec<u8>, seq: u64, body: Vec<u8>) {
            let framed = seal(&key, seq, &body);
            prop_assert_eq!(open(&key, &framed), Ok((seq, body.as_slice())));
        }

        #[test]
        fn no_flipped_bit_and_no_cut_passes(body: Vec<u8>, at: prop::sample::Index, bit in 0..8u32) {
            let mut framed = seal(b"key", 7, &body);
            let at = at.index(framed.len());
            prop_assert!(open(b"key", &framed[..at]).is_err());
            framed[at] ^= 1 << bit;
            prop_assert!(open(b"key", &framed).is_err());
        }
    }

    #[test]
    fn a_value_under_a_wrong_key_does_not_open() {
        let framed = seal(b"a", 1, b"body");
        assert_eq!(open(b"b", &framed), Err(FrameFault::Checksum));
    }

    #[test]
    fn another_schema_is_told_from_damage() {
        let mut framed = seal(b"a", 1, b"body");
        framed[2] = SCHEMA + 1;
        let crc = checksum(b"a", &framed[..CRC_AT], b"body");
        framed[CRC_AT..HEADER].copy_from_slice(&crc.to_be_bytes());
        assert_eq!(open(b"a", &framed), Err(FrameFault::Schema(SCHEMA + 1)));
    }
}
