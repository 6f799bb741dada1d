//! Keys of one sandbox: made when it starts for the first time, so that no two have the same, and kept
//! in its folder for the next start.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::thread;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    PKCS_RSA_SHA256, SerialNumber, date_time_ymd,
};
use rsa::PrivateKey;
use rsa::pkcs8::{DecodePrivateKey, EncodePrivateKey, EncodePublicKey, LineEnding};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde::{Deserialize, Serialize};

use super::files::{self, FilesError};
use crate::lane::time::Wall;
use crate::sim::material;
use crate::sim::wechat::{PlatformCertificate, RsaKeys, Seal, SealError, Settings, Trust};

/// Everything that has to be kept secret of a sandbox, the client's part and WeChat's.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keys {
    /// Issues all certificates here; PEM.
    root_key: String,
    /// What a client trusts for TLS, and what the other certificates are issued by; PEM.
    pub(super) root_certificate: String,
    /// The client's.
    pub(super) merchant: Issued,
    /// Those that it had before, the oldest first.
    #[serde(default)]
    merchant_before: Vec<Former>,
    /// WeChat's, the oldest first.
    platform: Vec<Issued>,
    /// `PUB_KEY_ID_…`.
    pub(super) public_key_id: String,
    /// The private half of the WeChat Pay public key; PKCS#8 PEM.
    wechatpay_key: String,
    /// 32 letters and digits.
    pub(super) api_v3_key: String,
}

/// A key and its certificate.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Issued {
    /// 40 hexadecimal digits, upper case.
    pub(super) serial: String,
    /// PKCS#8 PEM.
    pub(super) key: String,
    /// PEM.
    pub(super) certificate: String,
    effective: Wall,
    expires: Wall,
}

/// What the client signed with before it was given another key.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Former {
    serial: String,
    /// PEM.
    public_key: String,
    /// None: accepted beside the newest one.
    refused_from: Option<Wall>,
}

/// Why there are no keys.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The folder or a file in it.
    #[error(transparent)]
    Files(#[from] FilesError),
    /// The kept keys are not what this program writes.
    #[error(
        "{file} does not hold a sandbox's keys; move it away, and new ones are made at the next start"
    )]
    Damaged {
        file: String,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// They were made years ago.
    #[error(
        "the sandbox's certificates in {file} have run out; move it away, and new ones are made at the next start"
    )]
    Expired { file: String },
    /// A key could not be made.
    #[error("cannot make an RSA key")]
    Rsa(#[from] rsa::Error),
    /// A key could not be written as PEM.
    #[error("cannot write a key as PEM")]
    Pkcs8(#[from] rsa::pkcs8::Error),
    /// A public key could not be written as PEM.
    #[error("cannot write a public key as PEM")]
    Spki(#[from] rsa::pkcs8::spki::Error),
    /// A certificate could not be issued.
    #[error("cannot issue a certificate")]
    Certificate(#[from] rcgen::Error),
    /// The system's random numbers.
    #[error("the system gives no random numbers")]
    Random(#[from] getrandom::Error),
    /// A kept key could not be read.
    #[error("a kept key cannot be used")]
    Seal(#[from] SealError),
    /// A kept key or certificate could not be read for TLS.
    #[error("TLS cannot be set up")]
    Tls(#[from] rustls::Error),
    /// One of them is no PEM.
    #[error("a kept certificate or key is no PEM")]
    Pem(#[from] rustls::pki_types::pem::Error),
}

const BITS: usize = 2048;
/// As WeChat's own.
const VALID_YEARS: i16 = 5;
const ROOT_NAME: &str = "parkgate sandbox root";
const ALPHANUMERIC: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// Within the folder; everything else there is written from it.
const KEPT: &str = "keys.json";

impl Keys {
    /// Those that `folder` holds, or new ones that it will hold from now on.
    pub(super) fn of(folder: &Path, now: Wall) -> Result<Self, KeysError> {
        let path = folder.join(KEPT);
        let file = path.display().to_string();
        let Some(text) = files::read(&path)? else {
            let keys = Self::make(now)?;
            keys.keep(folder)?;
            return Ok(keys);
        };
        let keys: Self = serde_json::from_str(&text).map_err(|source| KeysError::Damaged {
            file: file.clone(),
            source: source.into(),
        })?;
        let all = keys.platform.iter().chain([&keys.merchant]);
        if keys.platform.is_empty() || all.into_iter().any(|it| it.expires <= now) {
            return Err(KeysError::Expired { file });
        }
        keys.seal().map_err(|source| KeysError::Damaged {
            file,
            source: Box::new(source),
        })?;
        Ok(keys)
    }

    /// New ones. Takes a few seconds: four RSA keys are made.
    pub(super) fn make(now: Wall) -> Result<Self, KeysError> {
        let [merchant, first, second, wechatpay] = rsa_keys()?;
        let (root_key, root_certificate) = root(now)?;
        let (merchant_serial, first_serial) = (serial(None)?, serial(None)?);
        // Big integers lose a leading zero, and so do clients that compare serials as such.
        let second_serial = serial(Some(0x0A))?;
        let issue = |key, serial, name| issue(&root_key, key, serial, name, now);
        Ok(Self {
            merchant: issue(merchant, merchant_serial, material::MCHID)?,
            merchant_before: Vec::new(),
            platform: vec![
                issue(first, first_serial, PLATFORM_NAME)?,
                issue(second, second_serial, PLATFORM_NAME)?,
            ],
            root_key,
            root_certificate,
            public_key_id: format!("PUB_KEY_ID_01{}", digits(30)?),
            wechatpay_key: wechatpay,
            api_v3_key: alphanumeric(32)?,
        })
    }

    /// Writes everything into `folder`, the client's part as files of their own.
    pub(super) fn keep(&self, folder: &Path) -> Result<(), KeysError> {
        let text = serde_json::to_string_pretty(self).expect("keys and names are plain text");
        files::write_secret(&folder.join(KEPT), &text)?;
        Ok(())
    }

    /// One more platform certificate, which signs nothing yet.
    pub(super) fn add_platform(&mut self, now: Wall) -> Result<PlatformCertificate, KeysError> {
        let key = rsa_key()?;
        let issued = issue(&self.root_key, key, serial(None)?, PLATFORM_NAME, now)?;
        let certificate = issued.shown();
        self.platform.push(issued);
        Ok(certificate)
    }

    /// Another key and certificate of the client; the one it had stays accepted.
    pub(super) fn add_merchant(&mut self, now: Wall) -> Result<(), KeysError> {
        let key = rsa_key()?;
        let issued = issue(&self.root_key, key, serial(None)?, material::MCHID, now)?;
        let before = std::mem::replace(&mut self.merchant, issued);
        self.merchant_before.push(Former {
            public_key: public_pem(&before.key)?,
            serial: before.serial,
            refused_from: None,
        });
        Ok(())
    }

    /// Of the client's certificates only the newest is accepted, from a time on. Those that are refused by
    /// now are forgotten.
    pub(super) fn retire_merchant(&mut self, from: Wall, now: Wall) {
        for former in &mut self.merchant_before {
            let earlier = former.refused_from.filter(|earlier| *earlier < from);
            former.refused_from = Some(earlier.unwrap_or(from));
        }
        self.merchant_before
            .retain(|former| former.refused_from.is_none_or(|from| now < from));
    }

    /// The client's certificates by serial, each with when it is refused from.
    pub(super) fn merchant_serials(&self) -> BTreeMap<String, Option<Wall>> {
        let before = self.merchant_before.iter();
        before
            .map(|former| (former.serial.clone(), former.refused_from))
            .chain([(self.merchant.serial.clone(), None)])
            .collect()
    }

    /// Forgets the platform certificates that are not in use any more.
    pub(super) fn retain_platform(&mut self, serials: &[String]) {
        self.platform.retain(|it| serials.contains(&it.serial));
    }

    /// Another APIv3 key.
    pub(super) fn change_api_v3_key(&mut self) -> Result<[u8; 32], KeysError> {
        self.api_v3_key = alphanumeric(32)?;
        Ok(self.api_v3_key_bytes())
    }

    /// What the simulator signs and checks with.
    pub(super) fn seal(&self) -> Result<Arc<Seal>, SealError> {
        let merchant = public_pem(&self.merchant.key).unwrap_or_default();
        let mut keys = RsaKeys::default()
            .caller(&self.merchant.serial, &merchant)?
            .platform(&self.public_key_id, &self.wechatpay_key)?;
        for former in &self.merchant_before {
            keys = keys.caller(&former.serial, &former.public_key)?;
        }
        for issued in &self.platform {
            keys = keys.platform(&issued.serial, &issued.key)?;
        }
        Ok(Arc::new(Seal::Rsa(keys)))
    }

    /// The WeChat Pay public key, PEM.
    pub(super) fn public_key(&self) -> Result<String, KeysError> {
        public_pem(&self.wechatpay_key)
    }

    /// Puts them in the place of those that anybody may know.
    pub(super) fn put_into(&self, settings: &mut Settings) -> Result<(), KeysError> {
        settings.seal = self.seal()?;
        settings.api_v3_key = self.api_v3_key_bytes();
        settings.merchant.serials = self.merchant_serials();
        let certificates: Vec<PlatformCertificate> =
            self.platform.iter().map(Issued::shown).collect();
        let first = certificates.first().map(|it| it.serial.clone());
        settings.trust = Trust {
            mode: settings.trust.mode,
            signing: first.into_iter().collect(),
            certificates,
            next: Vec::new(),
            public_key_id: self.public_key_id.clone(),
        };
        Ok(())
    }

    /// TLS under a certificate for this machine's names and `address`, made for this run.
    pub(super) fn tls(&self, address: IpAddr, now: Wall) -> Result<Arc<ServerConfig>, KeysError> {
        let key = KeyPair::generate()?;
        let mut names = vec!["localhost".to_owned(), "127.0.0.1".into(), "::1".into()];
        if !address.is_unspecified() && !address.is_loopback() {
            names.push(address.to_string());
        }
        let mut params = CertificateParams::new(names)?;
        params
            .distinguished_name
            .push(DnType::CommonName, "parkgate sandbox");
        be_valid(&mut params, now);
        let certificate = params.signed_by(&key, &issuer(&self.root_key, now)?)?;
        let key = PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes())?;
        let root = CertificateDer::from_pem_slice(self.root_certificate.as_bytes())?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone(), root], key)?;
        Ok(Arc::new(config))
    }

    fn api_v3_key_bytes(&self) -> [u8; 32] {
        let bytes = self.api_v3_key.as_bytes();
        bytes.first_chunk().copied().unwrap_or_default()
    }
}

const PLATFORM_NAME: &str = "Tenpay.com sign (parkgate sandbox)";

impl Issued {
    fn shown(&self) -> PlatformCertificate {
        PlatformCertificate {
            serial: self.serial.clone(),
            pem: self.certificate.clone(),
            effective: self.effective,
            expires: self.expires,
        }
    }
}

/// Four PKCS#8 keys, made at the same time.
fn rsa_keys() -> Result<[String; 4], KeysError> {
    thread::scope(|scope| {
        let making = [(); 4].map(|()| scope.spawn(rsa_key));
        let [a, b, c, d] = making.map(|thread| thread.join().expect("making a key does not panic"));
        Ok([a?, b?, c?, d?])
    })
}

fn rsa_key() -> Result<String, KeysError> {
    let key = PrivateKey::new(&mut getrandom::SysRng, BITS)?;
    Ok(key.to_pkcs8_pem(LineEnding::LF)?.to_string())
}

fn public_pem(private_pem: &str) -> Result<String, KeysError> {
    let key = PrivateKey::from_pkcs8_pem(private_pem)?;
    Ok(key.to_public_key().to_public_key_pem(LineEnding::LF)?)
}

/// Key and certificate.
fn root(now: Wall) -> Result<(String, String), KeysError> {
    let key = KeyPair::generate()?;
    let certificate = root_params(now)?.self_signed(&key)?;
    Ok((key.serialize_pem(), certificate.pem()))
}

fn root_params(now: Wall) -> Result<CertificateParams, KeysError> {
    let mut params = CertificateParams::new(Vec::new())?;
    params
        .distinguished_name
        .push(DnType::CommonName, ROOT_NAME);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    be_valid(&mut params, now);
    Ok(params)
}

fn issuer(root_key: &str, now: Wall) -> Result<Issuer<'static, KeyPair>, KeysError> {
    Ok(Issuer::new(root_params(now)?, KeyPair::from_pem(root_key)?))
}

fn issue(
    root_key: &str,
    key: String,
    serial: [u8; 20],
    name: &str,
    now: Wall,
) -> Result<Issued, KeysError> {
    let pair = KeyPair::from_pkcs8_pem_and_sign_algo(&key, &PKCS_RSA_SHA256)?;
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name.push(DnType::CommonName, name);
    params.serial_number = Some(SerialNumber::from_slice(&serial));
    let (effective, expires) = be_valid(&mut params, now);
    let certificate = params.signed_by(&pair, &issuer(root_key, now)?)?;
    Ok(Issued {
        serial: serial.iter().map(|byte| format!("{byte:02X}")).collect(),
        certificate: certificate.pem(),
        key,
        effective,
        expires,
    })
}

/// From the day before, so that no time zone is in its way.
fn be_valid(params: &mut CertificateParams, now: Wall) -> (Wall, Wall) {
    const DAY_MS: i64 = 24 * 3600 * 1000;
    let day = |wall: Wall, years: i16| {
        let at = jiff::Timestamp::from_millisecond(wall.0).unwrap_or_default();
        let date = jiff::tz::Offset::UTC.to_datetime(at).date();
        let year = date.year().saturating_add(years);
        // The 28th is in every month.
        let (month, day) = (date.month().unsigned_abs(), date.day().unsigned_abs());
        let day = day.min(28);
        let midnight = format!("{year:04}-{month:02}-{day:02}T00:00:00Z");
        let midnight = Wall::from_rfc3339(&midnight).unwrap_or(wall);
        (date_time_ymd(i32::from(year), month, day), midnight)
    };
    let (not_before, effective) = day(now.plus_ms(-DAY_MS), 0);
    let (not_after, expires) = day(now, VALID_YEARS);
    params.not_before = not_before;
    params.not_after = not_after;
    (effective, expires)
}

/// 40 digits of which the first two are these, or a whole number's without leading zeros.
fn serial(first: Option<u8>) -> Result<[u8; 20], KeysError> {
    let mut serial = [0; 20];
    getrandom::fill(&mut serial)?;
    serial[0] = first.unwrap_or(0x10 | (serial[0] & 0x6F));
    Ok(serial)
}

fn digits(count: usize) -> Result<String, KeysError> {
    drawn(&ALPHANUMERIC[..10], count)
}

fn alphanumeric(count: usize) -> Result<String, KeysError> {
    drawn(ALPHANUMERIC, count)
}

fn drawn(letters: &[u8], count: usize) -> Result<String, KeysError> {
    let mut text = String::with_capacity(count);
    for _ in 0..count {
        let drawn = usize::try_from(getrandom::u32()?).unwrap_or(0) % letters.len();
        text.push(char::from(letters[drawn]));
    }
    Ok(text)
}
