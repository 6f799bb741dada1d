//! Signing requests (`wechat-pay.md` 1.3).

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::SignatureScheme;
use rustls::sign::SigningKey;
use zeroize::Zeroize;

use super::pem::{self, PemFault};
use super::secret::Secret;

/// Whatever holds the merchant's private key: a file, or another machine on the operator's network.
pub trait Signer: Send + Sync {
    /// Base64 of the RSASSA-PKCS1-v1_5 signature with SHA-256 over `message`.
    ///
    /// May block: it is called on a blocking thread, never on the runtime's workers.
    fn sign(&self, message: &[u8]) -> Result<String, SignError>;
}

/// Why a request was not signed. It has not left the box then.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// The signer refused or failed; its own words.
    #[error("the merchant key's signer failed: {0}")]
    Signer(String),
    /// The kernel gave no random bytes for the nonce.
    #[error("the system's random generator gave nothing")]
    NoRandom,
}

/// Signs with the private key from `apiclient_key.pem`.
pub struct FileSigner(Arc<dyn SigningKey>);

impl FileSigner {
    /// Reads a PKCS#8 or PKCS#1 key.
    pub fn from_pem(pem: &Secret) -> Result<Self, PemFault> {
        let mut der = pem::private_key(pem.expose())?;
        let key = rustls::crypto::ring::sign::any_supported_type(&der);
        der.zeroize();
        let key = key.map_err(|_| PemFault::NotRsa)?;
        match key.choose_scheme(&[SignatureScheme::RSA_PKCS1_SHA256]) {
            Some(_) => Ok(Self(key)),
            None => Err(PemFault::NotRsa),
        }
    }

    /// The key's public half, DER of a SubjectPublicKeyInfo.
    pub fn public_key(&self) -> Vec<u8> {
        let spki = self.0.public_key();
        spki.map(|der| der.to_vec()).unwrap_or_default()
    }
}

impl Signer for FileSigner {
    fn sign(&self, message: &[u8]) -> Result<String, SignError> {
        let failed = |fault: rustls::Error| SignError::Signer(fault.to_string());
        let signer = self
            .0
            .choose_scheme(&[SignatureScheme::RSA_PKCS1_SHA256])
            .expect("from_pem takes only keys with this scheme");
        let signature = signer.sign(message).map_err(failed)?;
        Ok(STANDARD.encode(signature))
    }
}

/// Who signs: the calling merchant, its certificate, its key.
#[derive(Clone)]
pub(super) struct Credentials {
    pub mchid: String,
    /// Serial of the merchant API certificate, upper-case hex.
    pub serial: String,
    pub signer: Arc<dyn Signer>,
}

/// The two values that make each request's signature its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Freshness {
    /// Unix seconds.
    pub timestamp: i64,
    /// At most 32 letters and digits.
    pub nonce: String,
}

impl Freshness {
    /// A new random nonce at this time.
    pub fn new(timestamp: i64) -> Result<Self, SignError> {
        let mut random = [0; 16];
        getrandom::fill(&mut random).map_err(|_| SignError::NoRandom)?;
        let nonce = random.iter().map(|byte| format!("{byte:02X}")).collect();
        Ok(Self { timestamp, nonce })
    }
}

impl Credentials {
    /// The `Authorization` header of a request, signed off the runtime.
    ///
    /// `target` is path and query exactly as they go over the wire; `body` is empty for a GET.
    pub async fn authorize(
        &self,
        method: &str,
        target: &str,
        body: &str,
        fresh: &Freshness,
    ) -> Result<String, SignError> {
        let message = signing_string(method, target, body, fresh);
        let signer = self.signer.clone();
        let signature = tokio::task::spawn_blocking(move || signer.sign(message.as_bytes()))
            .await
            .map_err(|_| SignError::Signer("it panicked".to_owned()))??;
        let Self { mchid, serial, .. } = self;
        let Freshness { timestamp, nonce } = fresh;
        Ok(format!(
            "WECHATPAY2-SHA256-RSA2048 mchid=\"{mchid}\",nonce_str=\"{nonce}\",\
             timestamp=\"{timestamp}\",serial_no=\"{serial}\",signature=\"{signature}\""
        ))
    }
}

/// Five lines, each ended by a newline, the last one too.
fn signing_string(method: &str, target: &str, body: &str, fresh: &Freshness) -> String {
    let Freshness { timestamp, nonce } = fresh;
    format!("{method}\n{target}\n{timestamp}\n{nonce}\n{body}\n")
}

#[cfg(test)]
mod tests {
    use super::super::tests::vectors::{text, vectors};
    use super::*;

    #[tokio::test]
    async fn every_request_vector_is_reproduced() {
        let vectors = vectors();
        let credentials = credentials(&vectors);
        let cases = vectors["request_signatures"].as_array().unwrap();
        assert_eq!(cases.len(), 12);
        for case in cases {
            let fresh = Freshness {
                timestamp: text(&case["timestamp"]).parse().unwrap(),
                nonce: text(&case["nonce_str"]).to_owned(),
            };
            let (method, target) = (text(&case["method"]), text(&case["request_target"]));
            let body = text(&case["body"]);
            assert_eq!(
                signing_string(method, target, body, &fresh),
                text(&case["signing_string"])
            );
            let header = credentials.authorize(method, target, body, &fresh).await;
            assert_eq!(header.unwrap(), text(&case["authorization"]));
        }
    }

    #[test]
    fn a_pkcs1_file_holds_the_same_key() {
        let vectors = vectors();
        let pem = text(&vectors["material"]["merchant"]["private_key_pem_pkcs8"]);
        let pkcs8 = FileSigner::from_pem(&Secret::new(pem)).unwrap();
        let pkcs1 = FileSigner::from_pem(&Secret::new(pkcs1_of(pem))).unwrap();
        assert_eq!(pkcs1.sign(b"x").unwrap(), pkcs8.sign(b"x").unwrap());
    }

    #[test]
    fn only_rsa_keys_sign() {
        let der = concat!(
            "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgevZzL1gdAFr88hb2",
            "OF/2NxApJCzGCEDdfSp6VQO30hyhRANCAAQRWz+jn65BtOMvdyHKcvjBeBSDZH2r",
            "1RTwjmYSi9R/zpBnuQ4EiMnCqfMPWiZqB4QdbAd0E7oH50VpuZ1P087G"
        );
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{der}\n-----END PRIVATE KEY-----\n");
        let fault = FileSigner::from_pem(&Secret::new(pem)).err();
        assert_eq!(fault, Some(PemFault::NotRsa));
    }

    #[test]
    fn nonces_are_32_characters_and_differ() {
        let [a, b] = [1, 1].map(|timestamp| Freshness::new(timestamp).unwrap().nonce);
        assert_ne!(a, b);
        assert!(a.len() == 32 && a.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    }

    fn credentials(vectors: &serde_json::Value) -> Credentials {
        let merchant = &vectors["material"]["merchant"];
        let key = Secret::new(text(&merchant["private_key_pem_pkcs8"]));
        Credentials {
            mchid: text(&vectors["material"]["mchid"]).into(),
            serial: text(&merchant["serial_no"]).into(),
            signer: Arc::new(FileSigner::from_pem(&key).unwrap()),
        }
    }

    /// A PKCS#8 RSA key's inner PKCS#1: what follows its 26 bytes of fixed head.
    fn pkcs1_of(pkcs8: &str) -> String {
        let der = pem::private_key(pkcs8).unwrap();
        let inner = STANDARD.encode(&der.secret_der()[26..]);
        format!("-----BEGIN RSA PRIVATE KEY-----\n{inner}\n-----END RSA PRIVATE KEY-----\n")
    }
}
