//! WeChat Pay's own keys, and whether a message was signed with one of them (`wechat-pay.md` 1.4).

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock, RwLock};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::SignatureScheme;
use rustls::pki_types::SignatureVerificationAlgorithm;
use serde::{Deserialize, Serialize};

use super::certificate::{Certificate, RsaPublicKey};
use super::reply::printable;
use crate::lane::time::Wall;

/// A message signed this far from the box's clock, or farther, is not believed.
pub const WINDOW_S: i64 = 300;

const SIGNATURE_TYPE: &str = "WECHATPAY2-SHA256-RSA2048";
const PUBLIC_KEY_PREFIX: &str = "PUB_KEY_ID_";

/// WeChat Pay's public keys and platform certificates by id or serial; each message names its own.
///
/// Clones share one ring.
#[derive(Clone, Default)]
pub struct KeyRing(Arc<RwLock<Keys>>);

#[derive(Clone, Default)]
struct Keys {
    /// From the configuration; never expire.
    public_keys: BTreeMap<String, RsaPublicKey>,
    /// Fetched, by serial.
    certificates: BTreeMap<String, Certificate>,
    /// When each certificate was first listed, as far as that is known.
    since: BTreeMap<String, Wall>,
    /// When the certificates were last listed, in this run.
    listed_at: Option<Wall>,
}

/// A key as it is shown to people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldKey {
    /// Id or serial, as `Wechatpay-Serial` names it.
    pub id: String,
    /// Where it comes from.
    pub source: Source,
    /// Since when it is held, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Wall>,
    /// Of a certificate: its validity and who issued it. A public key has no end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validity: Option<Validity>,
    /// Requests name this one, and ask for answers that it verifies.
    pub preferred: bool,
}

/// From when until when, and by whose word.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Validity {
    pub from: Wall,
    pub until: Wall,
    pub issuer: String,
}

/// Where a key comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// A file that the configuration names.
    Configured,
    /// WeChat's list, in this run.
    Fetched,
    /// WeChat's list in an earlier run.
    Cached,
}

/// A platform certificate as it is kept over restarts. Not a secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRow {
    /// Serial, upper-case hex.
    pub serial: String,
    /// The whole certificate, base64 of its DER.
    pub certificate: String,
    /// When it was first listed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Wall>,
}

/// The headers that carry an answer's or a callback's signature.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SignatureHeaders {
    /// `Wechatpay-Timestamp`, Unix seconds.
    pub timestamp: Option<String>,
    /// `Wechatpay-Nonce`.
    pub nonce: Option<String>,
    /// `Wechatpay-Signature`, base64.
    pub signature: Option<String>,
    /// `Wechatpay-Serial`: which key signed.
    pub serial: Option<String>,
    /// `Wechatpay-Signature-Type`.
    pub signature_type: Option<String>,
}

/// Why a message is not believed. A signature probe is nothing special among these.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifyFault {
    /// A header is missing: forged, or stripped on the way.
    #[error("it is not signed (no {0})")]
    Unsigned(&'static str),
    /// Another algorithm, such as SM2.
    #[error("it is signed in a way not spoken here ({0})")]
    SignatureType(String),
    /// The timestamp or nonce is not one.
    #[error("its {0} is malformed")]
    Malformed(&'static str),
    /// Replayed, or the box's clock is wrong.
    #[error(
        "it was signed {skew_s} s away from the box's clock, more than {WINDOW_S}: check the clock"
    )]
    OutsideWindow {
        /// Box minus WeChat, seconds.
        skew_s: i64,
    },
    /// The ring has no such key: to be fetched once, then refused.
    #[error("it is signed with key {0}, which is not known here")]
    UnknownSerial(String),
    /// The certificate is not valid at this time.
    #[error("it is signed with certificate {0}, which is not valid today")]
    NotValidToday(String),
    /// The signature is not base64; probes may look like this.
    #[error("its signature is not base64")]
    NotBase64,
    /// The signature belongs to other bytes, or to another key.
    #[error("its signature does not fit")]
    Mismatch,
}

impl KeyRing {
    /// Adds a WeChat Pay public key from the configuration.
    pub fn add_public_key(&self, id: &str, key: RsaPublicKey) {
        self.write(|keys| keys.public_keys.insert(key_id(id), key));
    }

    /// Whether `raw` is what WeChat Pay signed, by the key that the message names.
    ///
    /// `raw` are the body's bytes as they were received; empty for a 204.
    pub fn verify(
        &self,
        headers: &SignatureHeaders,
        raw: &[u8],
        now: Wall,
    ) -> Result<(), VerifyFault> {
        let timestamp = required(&headers.timestamp, "Wechatpay-Timestamp")?;
        let nonce = required(&headers.nonce, "Wechatpay-Nonce")?;
        let signature = required(&headers.signature, "Wechatpay-Signature")?;
        let serial = key_id(required(&headers.serial, "Wechatpay-Serial")?);
        check_type(headers.signature_type.as_deref())?;
        check_window(timestamp, now)?;
        // A relay could otherwise move the border between nonce and body.
        if nonce.contains('\n') {
            return Err(VerifyFault::Malformed("nonce"));
        }
        let key = self.key(&serial, now)?;
        let signature = STANDARD
            .decode(signature)
            .map_err(|_| VerifyFault::NotBase64)?;
        let message = [
            timestamp.as_bytes(),
            b"\n",
            nonce.as_bytes(),
            b"\n",
            raw,
            b"\n",
        ]
        .concat();
        RSA_SHA256
            .verify_signature(key.bits(), &message, &signature)
            .map_err(|_| VerifyFault::Mismatch)
    }

    /// Whether the ring holds this key, valid today or not.
    pub fn knows(&self, serial: &str) -> bool {
        let id = key_id(serial);
        self.read(|keys| keys.public_keys.contains_key(&id) || keys.certificates.contains_key(&id))
    }

    /// What to send as `Wechatpay-Serial`: the public key's id, else the serial of the valid
    /// certificate that lasts longest. None while nothing is known.
    pub fn preferred(&self, now: Wall) -> Option<String> {
        self.read(|keys| {
            let public_key = keys.public_keys.keys().next_back().cloned();
            let valid = keys.certificates.values().filter(|it| it.valid_at(now));
            public_key.or_else(|| {
                valid
                    .max_by_key(|certificate| certificate.not_after)
                    .map(|certificate| certificate.serial.clone())
            })
        })
    }

    /// Whether a WeChat Pay public key is configured.
    pub fn has_public_key(&self) -> bool {
        self.read(|keys| !keys.public_keys.is_empty())
    }

    /// The serials of the platform certificates held, in order.
    pub fn serials(&self) -> Vec<String> {
        self.read(|keys| keys.certificates.keys().cloned().collect())
    }

    /// When the last platform certificate ends; None if there is none.
    pub fn certificates_end(&self) -> Option<Wall> {
        self.read(|keys| keys.certificates.values().map(|it| it.not_after).max())
    }

    /// The platform certificates, to be cached. The configured public key is not among them.
    pub fn export(&self) -> Vec<KeyRow> {
        self.read(|keys| {
            let row = |certificate: &Certificate| KeyRow {
                serial: certificate.serial.clone(),
                certificate: STANDARD.encode(&certificate.der),
                since: keys.since.get(&certificate.serial).copied(),
            };
            keys.certificates.values().map(row).collect()
        })
    }

    /// Takes cached certificates back, so that starting needs no network. Rows that are damaged or
    /// expired are left out; returns how many were taken.
    pub fn import(&self, rows: &[KeyRow], now: Wall) -> usize {
        let readable = |row: &KeyRow| {
            let der = STANDARD.decode(&row.certificate).ok()?;
            let certificate = Certificate::from_der(&der).ok()?;
            let usable = certificate.serial == key_id(&row.serial) && certificate.not_after >= now;
            usable.then_some((certificate, row.since))
        };
        let certificates: Vec<_> = rows.iter().filter_map(readable).collect();
        let taken = certificates.len();
        self.write(|keys| {
            for (certificate, since) in certificates {
                if let Some(since) = since {
                    keys.since.insert(certificate.serial.clone(), since);
                }
                keys.certificates
                    .insert(certificate.serial.clone(), certificate);
            }
        });
        taken
    }

    /// A ring of its own that also holds these certificates: the first list of all is signed with
    /// a certificate that is in it.
    pub(super) fn with(&self, certificates: &[Certificate]) -> KeyRing {
        let mut keys = self.read(Keys::clone);
        for certificate in certificates {
            keys.certificates
                .insert(certificate.serial.clone(), certificate.clone());
        }
        Self(Arc::new(RwLock::new(keys)))
    }

    /// Those of these certificates that are held.
    pub(super) fn held(&self, serials: &[String]) -> Vec<Certificate> {
        self.read(|keys| {
            let held = serials.iter().filter_map(|it| keys.certificates.get(it));
            held.cloned().collect()
        })
    }

    /// Holds these certificates and no others from now on; true if that changes anything.
    pub(super) fn replace_certificates(&self, certificates: Vec<Certificate>) -> bool {
        let certificates: BTreeMap<_, _> = certificates
            .into_iter()
            .map(|certificate| (certificate.serial.clone(), certificate))
            .collect();
        self.write(|keys| {
            let changed = !keys.certificates.keys().eq(certificates.keys());
            keys.since
                .retain(|serial, _| certificates.contains_key(serial));
            keys.certificates = certificates;
            changed
        })
    }

    /// WeChat's list holds what is held, at this time.
    pub(super) fn listed(&self, now: Wall) {
        self.write(|keys| {
            keys.listed_at = Some(now);
            for serial in keys.certificates.keys() {
                keys.since.entry(serial.clone()).or_insert(now);
            }
        });
    }

    /// Every key, for people: public keys first.
    pub fn held_keys(&self, now: Wall) -> Vec<HeldKey> {
        let preferred = self.preferred(now);
        let is_preferred = |id: &str| preferred.as_deref() == Some(id);
        self.read(|keys| {
            let public = keys.public_keys.keys().map(|id| HeldKey {
                id: id.clone(),
                source: Source::Configured,
                since: None,
                validity: None,
                preferred: is_preferred(id),
            });
            let source = match keys.listed_at {
                Some(_) => Source::Fetched,
                None => Source::Cached,
            };
            let certificates = keys.certificates.values().map(|it| HeldKey {
                id: it.serial.clone(),
                source,
                since: keys.since.get(&it.serial).copied(),
                validity: Some(Validity {
                    from: it.not_before,
                    until: it.not_after,
                    issuer: it.issuer.clone(),
                }),
                preferred: is_preferred(&it.serial),
            });
            public.chain(certificates).collect()
        })
    }

    fn key(&self, id: &str, now: Wall) -> Result<RsaPublicKey, VerifyFault> {
        self.read(|keys| {
            if let Some(key) = keys.public_keys.get(id) {
                return Ok(key.clone());
            }
            match keys.certificates.get(id) {
                Some(certificate) if certificate.valid_at(now) => Ok(certificate.key.clone()),
                Some(_) => Err(VerifyFault::NotValidToday(id.to_owned())),
                None => Err(VerifyFault::UnknownSerial(id.to_owned())),
            }
        })
    }

    fn read<T>(&self, look: impl FnOnce(&Keys) -> T) -> T {
        look(&self.0.read().expect("no holder panics"))
    }

    fn write<T>(&self, change: impl FnOnce(&mut Keys) -> T) -> T {
        change(&mut self.0.write().expect("no holder panics"))
    }
}

impl std::fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.read(|keys| {
            let ids = keys.public_keys.keys().chain(keys.certificates.keys());
            f.debug_list().entries(ids).finish()
        })
    }
}

impl SignatureHeaders {
    /// Whether the message claims to be signed at all.
    pub fn claim_a_signature(&self) -> bool {
        self.signature.is_some() || self.serial.is_some()
    }
}

/// An id as the ring keeps it: a public key's as it is, a certificate's serial as upper-case hex,
/// 40 digits wide, so that no leading zero gets lost.
pub fn key_id(text: &str) -> String {
    let text = text.trim();
    if text.starts_with(PUBLIC_KEY_PREFIX) {
        return text.chars().take(MAX_ID_CHARS).collect();
    }
    let digits: String = text
        .chars()
        .filter(|c| !c.is_control() && *c != ':')
        .take(MAX_ID_CHARS)
        .collect();
    format!("{:0>40}", digits.to_ascii_uppercase())
}

const MAX_ID_CHARS: usize = 128;

/// Whether this is the id of a WeChat Pay public key.
pub fn is_public_key_id(text: &str) -> bool {
    text.strip_prefix(PUBLIC_KEY_PREFIX).is_some_and(|rest| {
        !rest.is_empty()
            && rest.len() < MAX_ID_CHARS / 2
            && rest.bytes().all(|b| b.is_ascii_alphanumeric())
    })
}

static RSA_SHA256: LazyLock<&'static dyn SignatureVerificationAlgorithm> = LazyLock::new(|| {
    let known = rustls::crypto::ring::default_provider().signature_verification_algorithms;
    known
        .mapping
        .iter()
        .find(|(scheme, _)| *scheme == SignatureScheme::RSA_PKCS1_SHA256)
        .and_then(|(_, algorithms)| algorithms.first().copied())
        .expect("rustls' ring provider verifies RSA with SHA-256")
});

fn required<'a>(header: &'a Option<String>, name: &'static str) -> Result<&'a str, VerifyFault> {
    header.as_deref().ok_or(VerifyFault::Unsigned(name))
}

/// A missing type is the default one; whatever it is, only an RSA signature can verify.
fn check_type(signature_type: Option<&str>) -> Result<(), VerifyFault> {
    match signature_type {
        None | Some(SIGNATURE_TYPE) => Ok(()),
        Some(other) => Err(VerifyFault::SignatureType(printable(other, 64))),
    }
}

fn check_window(timestamp: &str, now: Wall) -> Result<(), VerifyFault> {
    let signed_s: i64 = timestamp
        .parse()
        .map_err(|_| VerifyFault::Malformed("timestamp"))?;
    let skew_s = now.0.div_euclid(1000).saturating_sub(signed_s);
    if skew_s.saturating_abs() >= WINDOW_S {
        return Err(VerifyFault::OutsideWindow { skew_s });
    }
    Ok(())
}

#[cfg(test)]
#[path = "tests/trust.rs"]
mod tests;
