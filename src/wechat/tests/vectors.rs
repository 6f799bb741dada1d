//! The test vectors: throw-away keys, and what other implementations made with them.

use serde_json::Value;

use crate::wechat::certificate::{Certificate, RsaPublicKey};
use crate::wechat::secret::Secret;
use crate::wechat::settings::{MerchantCertificate, MerchantKey, PublicKey, Settings, USER_AGENT};
use crate::wechat::trust::{KeyRing, SignatureHeaders};

/// The platform certificate whose serial has no leading zero.
pub const PLATFORM: &str = "platform_cert_1";
/// The one whose serial has.
pub const OTHER_PLATFORM: &str = "platform_cert_2_leading_zero_serial";

pub fn vectors() -> Value {
    serde_json::from_str(include_str!("../../../tests/fixtures/wechat-vectors.json")).unwrap()
}

/// The string at this place; panics where there is none.
pub fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

/// Both platform certificates and the public key.
pub fn full_ring(vectors: &Value) -> KeyRing {
    let material = &vectors["material"];
    let ring = KeyRing::default();
    let key = &material["wechatpay_public_key"];
    let public_key = RsaPublicKey::from_pem(text(&key["public_key_pem"])).unwrap();
    ring.add_public_key(text(&key["public_key_id"]), public_key);
    let certificates = [PLATFORM, OTHER_PLATFORM]
        .map(|name| Certificate::from_pem(text(&material[name]["cert_pem"])).unwrap());
    ring.replace_certificates(certificates.into());
    ring
}

/// The signature headers of an answer or callback.
pub fn headers(case: &Value) -> SignatureHeaders {
    let header = |name: &str| case["headers"][name].as_str().map(str::to_owned);
    SignatureHeaders {
        timestamp: header("Wechatpay-Timestamp"),
        nonce: header("Wechatpay-Nonce"),
        signature: header("Wechatpay-Signature"),
        serial: header("Wechatpay-Serial"),
        signature_type: header("Wechatpay-Signature-Type"),
    }
}

/// Settings that fit the vectors' keys: public key and platform certificates.
pub fn settings(base_urls: &[&str]) -> Settings {
    let vectors = vectors();
    let material = &vectors["material"];
    let (merchant, key) = (&material["merchant"], &material["wechatpay_public_key"]);
    Settings {
        mchid: text(&material["mchid"]).into(),
        key: MerchantKey::Pem(Secret::new(text(&merchant["private_key_pem_pkcs8"]))),
        certificate: MerchantCertificate::Pem(text(&merchant["cert_pem"]).into()),
        api_v3_keys: vec![Secret::new(text(&material["apiv3_key"]))],
        base_urls: base_urls.iter().map(|url| (*url).to_owned()).collect(),
        ca_pem: None,
        system_roots: false,
        proxy: None,
        public_key: Some(PublicKey {
            id: text(&key["public_key_id"]).into(),
            pem: text(&key["public_key_pem"]).into(),
        }),
        platform_certificates: true,
        believe_unsigned_errors: false,
        user_agent: USER_AGENT.into(),
    }
}
