//! Opening what WeChat Pay seals with the APIv3 key: platform certificates and callbacks
//! (`wechat-pay.md` 1.8).

use aes_gcm::aead::{Aead, KeyInit, Nonce, Payload};
use aes_gcm::{Aes256Gcm, Key};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::reply::printable;
use super::secret::Secret;

const ALGORITHM: &str = "AEAD_AES_256_GCM";
const KEY_CHARS: usize = 32;

/// The APIv3 keys, tried in order: new and old stand side by side during a change.
pub struct ApiV3Keys(Vec<Aes256Gcm>);

/// A sealed part of a message, as it stands in the JSON.
#[derive(Clone, Debug, Deserialize)]
pub struct Sealed {
    /// `AEAD_AES_256_GCM`; nothing else is opened.
    pub algorithm: String,
    /// Twelve characters, taken as bytes.
    pub nonce: String,
    /// May be empty or missing, which is the same.
    #[serde(default)]
    pub associated_data: Option<String>,
    /// Base64 of ciphertext and tag.
    pub ciphertext: String,
}

/// Why a sealed part stays closed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealFault {
    /// Another cipher, such as SM4.
    #[error("sealed with {0}; only {ALGORITHM} is spoken here")]
    Algorithm(String),
    /// Nonce or ciphertext are not what the cipher takes.
    #[error("the sealed part is malformed ({0})")]
    Malformed(&'static str),
    /// The tag does not fit under any key.
    #[error(
        "no configured APIv3 key opens it: the key was changed in the merchant platform, or the data is damaged"
    )]
    NoKeyFits,
}

/// An APIv3 key that cannot be one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAKey {
    /// Which of the keys, from 1.
    pub number: usize,
    /// How many characters it has.
    pub chars: usize,
}

impl ApiV3Keys {
    /// Checks the keys' form: 32 letters and digits each.
    pub fn new(keys: &[Secret]) -> Result<Self, NotAKey> {
        let cipher = |(index, key): (usize, &Secret)| {
            let text = key.expose();
            let well_formed =
                text.len() == KEY_CHARS && text.bytes().all(|b| b.is_ascii_alphanumeric());
            Key::<Aes256Gcm>::try_from(text.as_bytes())
                .ok()
                .filter(|_| well_formed)
                .map(|key| Aes256Gcm::new(&key))
                .ok_or(NotAKey {
                    number: index.saturating_add(1),
                    chars: text.chars().count(),
                })
        };
        keys.iter()
            .enumerate()
            .map(cipher)
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Whether there is no key at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Opens a sealed part with the first key that fits.
    pub fn open(&self, sealed: &Sealed) -> Result<Vec<u8>, SealFault> {
        if sealed.algorithm != ALGORITHM {
            return Err(SealFault::Algorithm(printable(&sealed.algorithm, 32)));
        }
        let nonce = Nonce::<Aes256Gcm>::try_from(sealed.nonce.as_bytes())
            .map_err(|_| SealFault::Malformed("nonce"))?;
        let msg = STANDARD
            .decode(&sealed.ciphertext)
            .map_err(|_| SealFault::Malformed("ciphertext"))?;
        let aad = sealed.associated_data.as_deref().unwrap_or("").as_bytes();
        self.0
            .iter()
            .find_map(|cipher| cipher.decrypt(&nonce, Payload { msg: &msg, aad }).ok())
            .ok_or(SealFault::NoKeyFits)
    }
}

impl std::fmt::Debug for ApiV3Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ApiV3Keys({})", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::vectors::{text, vectors};
    use super::*;

    #[test]
    fn every_sealed_vector_opens() {
        let vectors = vectors();
        let keys = keys(&[text(&vectors["material"]["apiv3_key"])]);
        for case in vectors["aes_gcm"].as_array().unwrap() {
            let opened = keys.open(&sealed(case)).unwrap();
            assert_eq!(opened, text(&case["plaintext"]).as_bytes());
        }
    }

    #[test]
    fn a_missing_associated_data_is_an_empty_one() {
        let vectors = vectors();
        let keys = keys(&[text(&vectors["material"]["apiv3_key"])]);
        let case = &vectors["aes_gcm"][2];
        assert_eq!(case["name"], "empty_aad");
        let mut sealed = sealed(case);
        sealed.associated_data = None;
        assert_eq!(keys.open(&sealed).unwrap(), br#"{"a":1}"#);
    }

    #[test]
    fn the_old_key_still_opens_beside_the_new_one() {
        let vectors = vectors();
        let old = text(&vectors["material"]["apiv3_key"]);
        let new = "ZZZZ567890123456789012345678ZZZZ";
        let case = sealed(&vectors["aes_gcm"][0]);
        assert!(keys(&[new, old]).open(&case).is_ok());
        assert_eq!(keys(&[new]).open(&case), Err(SealFault::NoKeyFits));
    }

    #[test]
    fn damage_and_foreign_ciphers_are_refused() {
        let vectors = vectors();
        let keys = keys(&[text(&vectors["material"]["apiv3_key"])]);
        let good = sealed(&vectors["aes_gcm"][0]);
        let open = |change: &dyn Fn(&mut Sealed)| {
            let mut changed = good.clone();
            change(&mut changed);
            keys.open(&changed).unwrap_err()
        };
        let malformed = |part| SealFault::Malformed(part);
        assert_eq!(
            open(&|s| s.algorithm = "AEAD_SM4_GCM".into()),
            SealFault::Algorithm("AEAD_SM4_GCM".into())
        );
        assert_eq!(open(&|s| s.nonce.push('x')), malformed("nonce"));
        assert_eq!(open(&|s| s.ciphertext.push('!')), malformed("ciphertext"));
        assert_eq!(
            open(&|s| s.ciphertext = "AAAA".into()),
            SealFault::NoKeyFits
        );
        assert_eq!(
            open(&|s| s.associated_data = Some("other".into())),
            SealFault::NoKeyFits
        );
        assert_eq!(
            open(&|s| s.ciphertext.replace_range(0..1, "O")),
            SealFault::NoKeyFits
        );
    }

    #[test]
    fn malformed_keys_are_counted_not_shown() {
        let good = Secret::new("0123456789abcdefghijABCDEFGHIJ9z\n");
        assert!(ApiV3Keys::new(std::slice::from_ref(&good)).is_ok());
        let faults = [
            ("too-short", 9),
            ("0123456789abcdefghijABCDEFGHIJ9-", 32),
            ("车车车车车车车车车车车", 11),
            ("", 0),
        ];
        for (key, chars) in faults {
            let fault = ApiV3Keys::new(&[good.clone(), Secret::new(key)]).unwrap_err();
            assert_eq!(fault, NotAKey { number: 2, chars });
        }
        assert_eq!(format!("{good:?}"), "Secret(…)");
    }

    fn keys(texts: &[&str]) -> ApiV3Keys {
        let secrets: Vec<_> = texts.iter().map(|text| Secret::new(*text)).collect();
        ApiV3Keys::new(&secrets).unwrap()
    }

    fn sealed(case: &serde_json::Value) -> Sealed {
        Sealed {
            algorithm: ALGORITHM.into(),
            nonce: text(&case["nonce"]).into(),
            associated_data: Some(text(&case["associated_data"]).into()),
            ciphertext: text(&case["ciphertext_base64"]).into(),
        }
    }
}
