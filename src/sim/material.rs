//! Keys that anybody may know, for the demo and the tests; the sandbox makes its own.
//!
//! **Never use any of this against the real service.**

use std::sync::{Arc, OnceLock};

use super::wechat::LADDER_MS;
use super::wechat::{
    Merchant, Plate, PlatformCertificate, RefundOutcome, RsaKeys, Seal, SealError, Settings,
    Switches, Trust, TrustMode,
};
use crate::lane::time::Wall;

/// The merchant's id; also the CN of its certificate.
pub const MCHID: &str = "1900009191";
/// The appid bound to it.
pub const APPID: &str = "wxcbda96de0b165486";
/// A sub-merchant, for partner mode.
pub const SUB_MCHID: &str = "1900000109";
/// The appid bound to the sub-merchant.
pub const SUB_APPID: &str = "wxcbda96de0b165489";
/// Another sub-merchant of the same provider.
pub const OTHER_SUB_MCHID: &str = "1900000110";
/// Decrypts platform certificates and callbacks.
pub const API_V3_KEY: &str = "0123456789abcdefghijABCDEFGHIJ9z";

/// Serial of the merchant's API certificate.
pub const MERCHANT_SERIAL: &str = "5157F09EFDC096DE15EBE81A47057A7232F1B8E1";
/// The merchant's private key, PKCS#8 PEM.
pub const MERCHANT_KEY: &str = include_str!("material/throwaway_merchant_key.pem");
/// The merchant's API certificate.
pub const MERCHANT_CERTIFICATE: &str = include_str!("material/throwaway_merchant_cert.pem");
/// The merchant's public key.
pub const MERCHANT_PUBLIC_KEY: &str = include_str!("material/throwaway_merchant_pub.pem");

/// Serial of the first platform certificate.
pub const PLATFORM_SERIAL_1: &str = "3775B6A45ACD588826D15E583A95F5DD00000001";
/// The first platform certificate.
pub const PLATFORM_CERTIFICATE_1: &str = include_str!("material/throwaway_platform_1_cert.pem");
/// Serial of the second platform certificate, with a leading zero.
pub const PLATFORM_SERIAL_2: &str = "0A75B6A45ACD588826D15E583A95F5DD00000002";
/// The second platform certificate.
pub const PLATFORM_CERTIFICATE_2: &str = include_str!("material/throwaway_platform_2_cert.pem");
/// What issued all certificates here.
pub const ROOT_CERTIFICATE: &str = include_str!("material/throwaway_root_ca.pem");

/// Id of the WeChat Pay public key.
pub const PUBLIC_KEY_ID: &str = "PUB_KEY_ID_0119000091912026112400000000000001";
/// The WeChat Pay public key.
pub const PUBLIC_KEY: &str = include_str!("material/throwaway_wechatpay_pub.pem");

const PLATFORM_KEY_1: &str = include_str!("material/throwaway_platform_1_key.pem");
const PLATFORM_KEY_2: &str = include_str!("material/throwaway_platform_2_key.pem");
const WECHATPAY_KEY: &str = include_str!("material/throwaway_wechatpay_key.pem");

const CERTIFICATES_EFFECTIVE: Wall = Wall(1_704_067_200_000);
const CERTIFICATES_EXPIRE: Wall = Wall(2_335_219_200_000);

/// A merchant in direct mode with every permission, that trusts certificates and the public key;
/// all plates enrolled; charges deducted after two seconds.
pub fn settings(seed: u64) -> Settings {
    Settings {
        seed,
        merchant: merchant(),
        trust: trust(),
        api_v3_key: *API_V3_KEY
            .as_bytes()
            .first_chunk()
            .expect("it has 32 bytes"),
        seal: seal(),
        default_plate: Plate::default(),
        plates: std::collections::BTreeMap::new(),
        settle_after_ms: 2_000,
        refund_after_ms: 30_000,
        refund_outcome: RefundOutcome::default(),
        latency_ms: 0,
        oldest_start_ms: 30 * 24 * 3_600 * 1_000,
        future_start_ms: 300 * 1_000,
        charges_per_plate_and_day: None,
        calls_back: false,
        callback_ladder_ms: LADDER_MS.to_vec(),
        repay_after_ms: None,
        loopback_callbacks: false,
        coupon: None,
        bills_without: std::collections::BTreeSet::new(),
        switches: Switches::default(),
    }
}

/// The same as a service provider with two sub-merchants.
pub fn partner_settings(seed: u64) -> Settings {
    let mut settings = settings(seed);
    settings.merchant.sub_merchants = [
        (SUB_MCHID.into(), [SUB_APPID.into()].into()),
        (OTHER_SUB_MCHID.into(), [SUB_APPID.into()].into()),
    ]
    .into();
    settings
}

/// The keys, read once.
pub fn seal() -> Arc<Seal> {
    static SEAL: OnceLock<Arc<Seal>> = OnceLock::new();
    let read = || {
        Arc::new(Seal::Rsa(
            keys().expect("the PEM files are part of the crate"),
        ))
    };
    SEAL.get_or_init(read).clone()
}

fn keys() -> Result<RsaKeys, SealError> {
    RsaKeys::default()
        .caller(MERCHANT_SERIAL, MERCHANT_PUBLIC_KEY)?
        .platform(PLATFORM_SERIAL_1, PLATFORM_KEY_1)?
        .platform(PLATFORM_SERIAL_2, PLATFORM_KEY_2)?
        .platform(PUBLIC_KEY_ID, WECHATPAY_KEY)
}

fn merchant() -> Merchant {
    Merchant {
        mchid: MCHID.into(),
        serials: [(MERCHANT_SERIAL.into(), None)].into(),
        appids: [APPID.into()].into(),
        sub_merchants: std::collections::BTreeMap::new(),
    }
}

fn trust() -> Trust {
    let certificate = |serial: &str, pem: &str| PlatformCertificate {
        serial: serial.into(),
        pem: pem.into(),
        effective: CERTIFICATES_EFFECTIVE,
        expires: CERTIFICATES_EXPIRE,
    };
    Trust {
        mode: TrustMode::Both,
        certificates: vec![
            certificate(PLATFORM_SERIAL_1, PLATFORM_CERTIFICATE_1),
            certificate(PLATFORM_SERIAL_2, PLATFORM_CERTIFICATE_2),
        ],
        next: Vec::new(),
        signing: vec![PLATFORM_SERIAL_1.into()],
        public_key_id: PUBLIC_KEY_ID.into(),
    }
}
