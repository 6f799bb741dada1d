//! Signatures, made and checked with the `rsa` crate: the daemon signs with another library, so
//! that one mistake cannot hide on both sides.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rsa::pkcs8::{DecodePrivateKey, DecodePublicKey};
use rsa::{Pkcs1v15Sign, PrivateKey, PublicKey};
use sha2::{Digest, Sha256};

/// How messages are sealed.
pub enum Seal {
    /// As the real service does: RSASSA-PKCS1-v1_5 with SHA-256 (`wechat-pay.md` 1.3, 1.4).
    Rsa(RsaKeys),
    /// A checksum in the place of each signature, for deterministic tests: requests need no
    /// `Authorization`, and [`Seal::verify_answer`] still tells a good answer from a faulty one.
    None,
}

/// The simulator's keys, by serial (or public-key id).
#[derive(Clone, Default)]
pub struct RsaKeys {
    callers: BTreeMap<String, PublicKey>,
    platform: BTreeMap<String, PrivateKey>,
}

/// A key that could not be read.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// A merchant's public key.
    #[error("the merchant key {serial} is not a public key in SubjectPublicKeyInfo PEM")]
    Caller {
        serial: String,
        #[source]
        source: rsa::pkcs8::spki::Error,
    },
    /// A key that answers are signed with.
    #[error("the platform key {serial} is not a private key in PKCS#8 PEM")]
    Platform {
        serial: String,
        #[source]
        source: rsa::pkcs8::Error,
    },
}

impl RsaKeys {
    /// Adds the public key that requests naming `serial` are checked with.
    pub fn caller(mut self, serial: &str, public_pem: &str) -> Result<Self, SealError> {
        let key =
            PublicKey::from_public_key_pem(public_pem).map_err(|source| SealError::Caller {
                serial: serial.into(),
                source,
            })?;
        self.callers.insert(serial.to_ascii_uppercase(), key);
        Ok(self)
    }

    /// Adds the private key that answers naming `serial` are signed with.
    pub fn platform(mut self, serial: &str, private_pem: &str) -> Result<Self, SealError> {
        let key =
            PrivateKey::from_pkcs8_pem(private_pem).map_err(|source| SealError::Platform {
                serial: serial.into(),
                source,
            })?;
        self.platform.insert(serial.into(), key);
        Ok(self)
    }
}

impl Seal {
    /// The same, with one more key that answers can be signed with.
    ///
    /// # Errors
    /// When the key cannot be read.
    pub fn with_platform(&self, serial: &str, private_pem: &str) -> Result<Self, SealError> {
        match self {
            Self::Rsa(keys) => Ok(Self::Rsa(keys.clone().platform(serial, private_pem)?)),
            Self::None => Ok(Self::None),
        }
    }

    /// Signs `text` with the platform's key `serial`, Base64. None if there is no such key.
    pub fn sign_answer(&self, serial: &str, text: &[u8]) -> Option<String> {
        match self {
            Self::Rsa(keys) => {
                let signature = keys
                    .platform
                    .get(serial)?
                    .sign(Pkcs1v15Sign::new::<Sha256>(), &Sha256::digest(text))
                    .ok()?;
                Some(STANDARD.encode(signature))
            }
            Self::None => Some(checksum(serial, text)),
        }
    }

    /// Whether `signature` over `text` was made with the platform's key `serial`.
    pub fn verify_answer(&self, serial: &str, text: &[u8], signature: &str) -> bool {
        match self {
            Self::Rsa(keys) => keys
                .platform
                .get(serial)
                .is_some_and(|key| verifies(&key.to_public_key(), text, signature)),
            Self::None => signature == checksum(serial, text),
        }
    }

    /// Whether `signature` over `text` was made with the merchant's key `serial`. Always, without RSA.
    pub fn verify_request(&self, serial: &str, text: &[u8], signature: &str) -> bool {
        match self {
            Self::Rsa(keys) => keys
                .callers
                .get(&serial.to_ascii_uppercase())
                .is_some_and(|key| verifies(key, text, signature)),
            Self::None => true,
        }
    }
}

fn verifies(key: &PublicKey, text: &[u8], signature: &str) -> bool {
    let Ok(signature) = STANDARD.decode(signature) else {
        return false;
    };
    key.verify(
        Pkcs1v15Sign::new::<Sha256>(),
        &Sha256::digest(text),
        &signature,
    )
    .is_ok()
}

fn checksum(serial: &str, text: &[u8]) -> String {
    let digest = Sha256::new()
        .chain_update(serial)
        .chain_update(b"\n")
        .chain_update(text)
        .finalize();
    STANDARD.encode(digest)
}
