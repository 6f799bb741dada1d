//! SHA-256, by the library that also does TLS: on processors without instructions for it its assembly
//! takes three fifths of what portable code takes.

use ring::digest::{Context, SHA256};

/// A finished hash.
pub type Hash = [u8; 32];

/// A hash in the making, over everything it is shown, in order.
pub struct Sha256(Context);

/// The hash of `bytes`.
pub fn of(bytes: &[u8]) -> Hash {
    let mut hash = Sha256::new();
    hash.update(bytes);
    hash.finish()
}

impl Sha256 {
    /// Over nothing so far.
    pub fn new() -> Self {
        Self(Context::new(&SHA256))
    }

    /// Over `bytes` too.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// What it comes to.
    pub fn finish(self) -> Hash {
        let digest = self.0.finish();
        digest.as_ref().try_into().expect("SHA-256 has 32 bytes")
    }
}

impl Default for Sha256 {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FIPS 180-4, example of one block.
    #[test]
    fn it_is_the_hash_of_the_standard() {
        let hex: String = of(b"abc")
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        assert_eq!(
            hex,
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }

    #[test]
    fn parts_make_the_hash_of_the_whole() {
        let mut hash = Sha256::new();
        for part in [&b"a"[..], b"", b"bc"] {
            hash.update(part);
        }
        assert_eq!(hash.finish(), of(b"abc"));
    }
}
