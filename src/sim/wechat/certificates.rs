//! *Download platform certificates*, `GET /v3/certificates` (`wechat-pay.md` 1.6, 1.8).

use aes_gcm::aead::{Aead, Nonce, Payload};
use aes_gcm::{Aes256Gcm, KeyInit};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::Simulator;
use super::message::Request;
use super::parameters::{Parameters, refuse};
use super::refusal::Refusal;
use super::settings::TrustMode;
use super::time;

const ASSOCIATED_DATA: &str = "certificate";

impl Simulator {
    /// Every live certificate, encrypted with the APIv3 key.
    pub(super) fn list_certificates(&mut self, request: &Request) -> Result<Value, Refusal> {
        let mut parameters = Parameters::of(request)?;
        if let Some(algorithm) = parameters.optional("algorithm_type")
            && !["RSA", "ALL"].contains(&algorithm.as_str())
        {
            let issue = "is not RSA or ALL, and there are no others here";
            return Err(refuse("algorithm_type", &algorithm, issue));
        }
        parameters.finish()?;
        if self.settings.trust.mode == TrustMode::PublicKey {
            return Err(Refusal::no_certificates());
        }
        let data: Vec<Value> = self
            .settings
            .trust
            .certificates
            .iter()
            .map(|certificate| {
                let nonce = self.nonces.hex(NONCE_LEN);
                let key = &self.settings.api_v3_key;
                json!({
                    "serial_no": certificate.serial,
                    "effective_time": time::format(certificate.effective),
                    "expire_time": time::format(certificate.expires),
                    "encrypt_certificate": {
                        "algorithm": "AEAD_AES_256_GCM",
                        "nonce": nonce,
                        "associated_data": ASSOCIATED_DATA,
                        "ciphertext": encrypt(key, &nonce, ASSOCIATED_DATA, &certificate.pem),
                    },
                })
            })
            .collect();
        Ok(json!({ "data": data }))
    }
}

pub(super) const NONCE_LEN: usize = 12;

/// AES-256-GCM, Base64 of ciphertext and tag.
///
/// # Panics
/// If `nonce` is not 12 bytes long.
pub(super) fn encrypt(key: &[u8; 32], nonce: &str, associated_data: &str, text: &str) -> String {
    let nonce = Nonce::<Aes256Gcm>::try_from(nonce.as_bytes())
        .expect("every nonce here is 12 characters of ASCII");
    let sealed = Aes256Gcm::new(key.into())
        .encrypt(
            &nonce,
            Payload {
                msg: text.as_bytes(),
                aad: associated_data.as_bytes(),
            },
        )
        .expect("only 64 GiB or more cannot be encrypted");
    STANDARD.encode(sealed)
}
