//! What the client is told, and what is wrong with it.

use std::sync::Arc;

use reqwest::header::HeaderValue;

use super::certificate::{Certificate, RsaPublicKey};
use super::hosts::{HostFault, Hosts};
use super::pem::{self, PemFault};
use super::seal::{ApiV3Keys, NotAKey};
use super::secret::Secret;
use super::sign::{Credentials, FileSigner, Signer};
use super::transport::{Wiring, WiringFault};
use super::trust::{KeyRing, is_public_key_id};
use crate::lane::time::Wall;
use crate::store::sha256;

/// The `User-Agent` that WeChat Pay asks every client to send.
pub const USER_AGENT: &str = concat!("parkgate/", env!("CARGO_PKG_VERSION"), " (linux)");

/// What the client needs to know. The texts of files, not their paths.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The calling merchant.
    pub mchid: String,
    /// Its private key.
    pub key: MerchantKey,
    /// The certificate that belongs to the key.
    pub certificate: MerchantCertificate,
    /// 32 letters and digits each, tried in order; may be empty with a public key alone.
    pub api_v3_keys: Vec<Secret>,
    /// Primary first, then the backup.
    pub base_urls: Vec<String>,
    /// PEM of further roots, for proxies and tests.
    pub ca_pem: Option<String>,
    /// The box's own trust store counts too.
    pub system_roots: bool,
    /// `http://host:port`. The environment's proxy settings are not looked at.
    pub proxy: Option<String>,
    /// The WeChat Pay public key, for merchants that have one.
    pub public_key: Option<PublicKey>,
    /// Whether to fetch platform certificates.
    pub platform_certificates: bool,
    /// Whether a refusal without a signature proves that WeChat has not taken a charge on.
    pub believe_unsigned_errors: bool,
    /// Usually [`USER_AGENT`].
    pub user_agent: String,
}

/// Where signatures come from.
#[derive(Clone)]
pub enum MerchantKey {
    /// The text of `apiclient_key.pem`.
    Pem(Secret),
    /// A key that is held elsewhere.
    Signer(Arc<dyn Signer>),
}

/// How WeChat Pay knows the key.
#[derive(Clone, Debug)]
pub enum MerchantCertificate {
    /// Its serial, hex.
    Serial(String),
    /// The text of `apiclient_cert.pem`.
    Pem(String),
}

/// A WeChat Pay public key as the merchant platform gives it out.
#[derive(Clone, Debug)]
pub struct PublicKey {
    /// `PUB_KEY_ID_` and what follows.
    pub id: String,
    /// The text of `pub_key.pem`.
    pub pem: String,
}

/// What is missing or does not fit, and how to mend it.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// Not digits.
    #[error("mchid {0:?} is no merchant number: give the digits shown in the merchant platform")]
    MerchantId(String),
    /// The private key cannot be read.
    #[error(
        "the merchant's private key cannot be used: give apiclient_key.pem as the certificate tool wrote it"
    )]
    PrivateKey(#[source] PemFault),
    /// The certificate cannot be read.
    #[error("the merchant's certificate cannot be used: give apiclient_cert.pem, or its serial")]
    Certificate(#[source] PemFault),
    /// Not hex, or too long.
    #[error(
        "the certificate serial {0:?} is not up to 40 hex digits: copy it from the merchant platform, API security"
    )]
    CertificateSerial(String),
    /// Two files that do not belong together.
    #[error(
        "the private key does not belong to certificate {serial}: give the key and the certificate of the same request"
    )]
    KeyMismatch {
        /// The certificate's serial.
        serial: String,
    },
    /// An APIv3 key of the wrong form.
    #[error(
        "APIv3 key no. {number} has {chars} characters or odd ones; it must be the 32 letters and digits set in the merchant platform"
    )]
    ApiV3Key {
        /// Which one, from 1.
        number: usize,
        /// Its length.
        chars: usize,
    },
    /// Platform certificates come sealed.
    #[error(
        "no APIv3 key is given, and platform certificates cannot be opened without: give it, or a public key with platform_certificates = false"
    )]
    NoApiV3Key,
    /// Not an id.
    #[error(
        "the public key's id {0:?} is none: copy it whole, PUB_KEY_ID_ included, from the merchant platform, API security"
    )]
    PublicKeyId(String),
    /// The public key cannot be read.
    #[error(
        "WeChat Pay's public key cannot be used: give pub_key.pem as downloaded from the merchant platform"
    )]
    PublicKey(#[source] PemFault),
    /// The merchant's own key where WeChat Pay's belongs.
    #[error(
        "the public key {0} is the merchant's own; give the one of WeChat Pay, pub_key.pem from the merchant platform"
    )]
    OwnPublicKey(String),
    /// No answer could ever be believed.
    #[error(
        "there is nothing to verify answers with: give WeChat Pay's public key, or leave platform_certificates on"
    )]
    NothingToTrust,
    /// No host.
    #[error("no base URL is given: give https://api.mch.weixin.qq.com and its backup")]
    NoBaseUrl,
    /// A host that cannot be asked.
    #[error("base URL no. {number} cannot be used")]
    BaseUrl {
        /// Which one, from 1.
        number: usize,
        /// What is wrong with it.
        #[source]
        fault: HostFault,
    },
    /// The extra roots cannot be read.
    #[error("the file of extra roots (ca_file) cannot be used: give PEM certificates")]
    Roots(#[source] PemFault),
    /// Not a proxy's URL.
    #[error("the proxy cannot be used: give http://host:port")]
    Proxy(#[source] reqwest::Error),
    /// Empty, or not text that a header can carry.
    #[error("the user agent {0:?} is empty or not plain text")]
    UserAgent(String),
    /// TLS or the HTTP client refuses the set-up.
    #[error("connections cannot be set up")]
    Wiring(#[source] WiringFault),
}

/// Settings that passed every check.
pub(super) struct Checked {
    pub credentials: Credentials,
    /// When the merchant's certificate ends, where the certificate was given.
    pub certificate_ends: Option<Wall>,
    pub api_v3_keys: ApiV3Keys,
    pub ring: KeyRing,
    pub platform_certificates: bool,
    pub believe_unsigned_errors: bool,
    pub hosts: Hosts,
    pub wiring: Wiring,
    pub user_agent: HeaderValue,
}

impl Settings {
    /// A digest of all keys, so that a change is seen without keeping them. A signer elsewhere is always the
    /// same.
    pub(super) fn keys_digest(&self) -> sha256::Hash {
        let mut digest = sha256::Sha256::new();
        let mut part = |bytes: &[u8]| {
            digest.update(&bytes.len().to_be_bytes());
            digest.update(bytes);
        };
        match &self.key {
            MerchantKey::Pem(pem) => part(pem.expose().as_bytes()),
            MerchantKey::Signer(_) => part(&[]),
        }
        match &self.certificate {
            MerchantCertificate::Serial(text) | MerchantCertificate::Pem(text) => {
                part(text.trim().as_bytes());
            }
        }
        for key in &self.api_v3_keys {
            part(key.expose().as_bytes());
        }
        if let Some(PublicKey { id, pem }) = &self.public_key {
            part(id.as_bytes());
            part(pem.trim().as_bytes());
        }
        digest.finish()
    }

    /// Checks everything that can be checked without asking WeChat Pay.
    pub(super) fn check(self) -> Result<Checked, SetupError> {
        let mchid = self.mchid.trim().to_owned();
        if mchid.is_empty() || mchid.len() > 32 || !mchid.bytes().all(|b| b.is_ascii_digit()) {
            return Err(SetupError::MerchantId(self.mchid));
        }
        let (signer, own_key) = signer(&self.key)?;
        let (serial, certificate) = certificate(&self.certificate)?;
        if let (Some(own), Some(certificate)) = (&own_key, &certificate)
            && *own != certificate.key
        {
            return Err(SetupError::KeyMismatch { serial });
        }
        let api_v3_keys = ApiV3Keys::new(&self.api_v3_keys)
            .map_err(|NotAKey { number, chars }| SetupError::ApiV3Key { number, chars })?;
        if self.platform_certificates && api_v3_keys.is_empty() {
            return Err(SetupError::NoApiV3Key);
        }
        let ring = ring(self.public_key.as_ref(), own_key.as_ref())?;
        if self.public_key.is_none() && !self.platform_certificates {
            return Err(SetupError::NothingToTrust);
        }
        Ok(Checked {
            credentials: Credentials {
                mchid,
                serial,
                signer,
            },
            certificate_ends: certificate.map(|it| it.not_after),
            api_v3_keys,
            ring,
            platform_certificates: self.platform_certificates,
            believe_unsigned_errors: self.believe_unsigned_errors,
            hosts: hosts(&self.base_urls)?,
            wiring: wiring(
                self.ca_pem.as_deref(),
                self.system_roots,
                self.proxy.as_deref(),
            )?,
            user_agent: user_agent(self.user_agent)?,
        })
    }
}

/// With whom TLS is spoken at WeChat's hosts: the public web's roots and these.
///
/// # Errors
/// As [`Settings`] with the same file.
pub fn tls(
    ca_pem: Option<&str>,
    system_roots: bool,
) -> Result<Arc<rustls::ClientConfig>, SetupError> {
    let wiring = wiring(ca_pem, system_roots, None)?;
    let config = super::transport::tls(&wiring).map_err(SetupError::Wiring)?;
    Ok(Arc::new(config))
}

impl std::fmt::Debug for MerchantKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Pem(_) => "Pem(…)",
            Self::Signer(_) => "Signer(…)",
        })
    }
}

/// The signer, and the public half of its key where that is at hand.
fn signer(key: &MerchantKey) -> Result<(Arc<dyn Signer>, Option<RsaPublicKey>), SetupError> {
    match key {
        MerchantKey::Signer(signer) => Ok((signer.clone(), None)),
        MerchantKey::Pem(pem) => {
            let signer = FileSigner::from_pem(pem).map_err(SetupError::PrivateKey)?;
            let own = RsaPublicKey::from_spki_der(&signer.public_key())
                .map_err(SetupError::PrivateKey)?;
            Ok((Arc::new(signer), Some(own)))
        }
    }
}

fn certificate(given: &MerchantCertificate) -> Result<(String, Option<Certificate>), SetupError> {
    match given {
        MerchantCertificate::Pem(pem) => {
            let certificate = Certificate::from_pem(pem).map_err(SetupError::Certificate)?;
            Ok((certificate.serial.clone(), Some(certificate)))
        }
        MerchantCertificate::Serial(text) => {
            let digits: String = text.trim().chars().filter(|c| *c != ':').collect();
            let is_hex = digits.bytes().all(|b| b.is_ascii_hexdigit());
            if digits.is_empty() || digits.len() > 40 || !is_hex {
                return Err(SetupError::CertificateSerial(text.clone()));
            }
            Ok((super::trust::key_id(&digits), None))
        }
    }
}

fn ring(given: Option<&PublicKey>, own: Option<&RsaPublicKey>) -> Result<KeyRing, SetupError> {
    let ring = KeyRing::default();
    let Some(PublicKey { id, pem }) = given else {
        return Ok(ring);
    };
    let id = id.trim();
    if !is_public_key_id(id) {
        return Err(SetupError::PublicKeyId(id.to_owned()));
    }
    let key = RsaPublicKey::from_pem(pem).map_err(SetupError::PublicKey)?;
    if own == Some(&key) {
        return Err(SetupError::OwnPublicKey(id.to_owned()));
    }
    ring.add_public_key(id, key);
    Ok(ring)
}

fn hosts(base_urls: &[String]) -> Result<Hosts, SetupError> {
    if base_urls.is_empty() {
        return Err(SetupError::NoBaseUrl);
    }
    Hosts::new(base_urls).map_err(|(index, fault)| SetupError::BaseUrl {
        number: index.saturating_add(1),
        fault,
    })
}

fn wiring(
    ca_pem: Option<&str>,
    system_roots: bool,
    proxy: Option<&str>,
) -> Result<Wiring, SetupError> {
    let extra_roots = ca_pem.map(pem::certificates).transpose();
    let proxy = proxy.map(reqwest::Proxy::all).transpose();
    Ok(Wiring {
        extra_roots: extra_roots.map_err(SetupError::Roots)?.unwrap_or_default(),
        system_roots,
        proxy: proxy.map_err(|fault| SetupError::Proxy(fault.without_url()))?,
    })
}

fn user_agent(text: String) -> Result<HeaderValue, SetupError> {
    match HeaderValue::from_str(text.trim()) {
        Ok(value) if !value.is_empty() => Ok(value),
        _ => Err(SetupError::UserAgent(text)),
    }
}

#[cfg(test)]
#[path = "tests/settings.rs"]
mod tests;
