//! A key made on the box, and the request (PKCS#10, RFC 2986) that asks for a certificate of it.
//!
//! Whether WeChat's merchant platform takes a request that its own tool did not make has not been seen.

use rsa::pkcs8::{EncodePrivateKey, EncodePublicKey};
use rsa::{Pkcs1v15Sign, PrivateKey};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::der;
use crate::wechat::{Secret, pem};

/// A new key and its request.
#[derive(Debug)]
pub struct Request {
    /// PKCS#8 PEM.
    pub key: Secret,
    /// PEM; not a secret.
    pub request: String,
}

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum RequestFault {
    /// The random generator, or the library.
    #[error("no key can be made: {0}")]
    NoKey(String),
}

const BITS: usize = 2048;

/// Makes a key of 2048 bits and a request for this merchant id. Takes some seconds on a small box.
pub fn make(mchid: &str) -> Result<Request, RequestFault> {
    let failed = |error: &dyn std::fmt::Display| RequestFault::NoKey(error.to_string());
    let key = PrivateKey::new(&mut getrandom::SysRng, BITS).map_err(|it| failed(&it))?;
    let public = key.to_public_key();
    let spki = public.to_public_key_der().map_err(|it| failed(&it))?;
    let info = info(mchid, spki.as_bytes());
    let digest = Sha256::digest(&info);
    let signature = key
        .sign_with_rng(
            &mut getrandom::SysRng,
            Pkcs1v15Sign::new::<Sha256>(),
            &digest,
        )
        .map_err(|it| failed(&it))?;
    let signed = der::sequence(&[&info, SHA256_WITH_RSA, &bit_string(&signature)]);
    let pkcs8 = key.to_pkcs8_der().map_err(|it| failed(&it))?;
    let key_pem: Zeroizing<String> = pem::text("PRIVATE KEY", pkcs8.as_bytes());
    Ok(Request {
        key: Secret::of(key_pem),
        request: pem::text("CERTIFICATE REQUEST", &signed).to_string(),
    })
}

/// SEQUENCE { OID 1.2.840.113549.1.1.11, NULL }.
const SHA256_WITH_RSA: &[u8] = &[
    0x30, 0x0D, 0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x0B, 0x05, 0x00,
];
/// INTEGER 0.
const VERSION: &[u8] = &[0x02, 0x01, 0x00];
/// `[0]` without attributes.
const NO_ATTRIBUTES: &[u8] = &[0xA0, 0x00];
const COUNTRY: &[u8] = &[0x55, 0x04, 0x06];
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];

/// What is signed: version, name, key, no attributes.
fn info(mchid: &str, spki: &[u8]) -> Vec<u8> {
    let name = der::sequence(&[
        &attribute(COUNTRY, der::PRINTABLE, "CN"),
        &attribute(COMMON_NAME, der::UTF8, mchid),
    ]);
    der::sequence(&[VERSION, &name, spki, NO_ATTRIBUTES])
}

fn attribute(oid: &[u8], kind: u8, value: &str) -> Vec<u8> {
    let pair = der::sequence(&[
        &der::write(der::OID, oid),
        &der::write(kind, value.as_bytes()),
    ]);
    der::write(der::SET, &pair)
}

fn bit_string(bytes: &[u8]) -> Vec<u8> {
    // No unused bits.
    der::write(der::BIT_STRING, &[&[0], bytes].concat())
}
