//! X.509 certificates and RSA public keys, as far as WeChat Pay uses them.

use x509_parser::certificate::X509Certificate;
use x509_parser::oid_registry::OID_PKCS1_RSAENCRYPTION;
use x509_parser::prelude::FromDer;
use x509_parser::public_key::PublicKey;
use x509_parser::x509::{AttributeTypeAndValue, SubjectPublicKeyInfo, X509Name};

use super::pem::{self, PemFault};
use super::reply::printable;
use super::trust::key_id;
use crate::lane::time::Wall;

const MIN_RSA_BITS: usize = 2048;

/// A certificate of the merchant or of the platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// 40 upper-case hex digits.
    pub serial: String,
    /// Common name of whom it is for: of a merchant, the merchant id. Empty where there is none.
    pub subject: String,
    /// Common name, or else organisation, of who issued it.
    pub issuer: String,
    /// First moment of validity.
    pub not_before: Wall,
    /// Last moment of validity.
    pub not_after: Wall,
    /// The key it vouches for.
    pub key: RsaPublicKey,
    /// The whole certificate.
    pub der: Vec<u8>,
}

/// An RSA public key of at least 2048 bits: DER of the PKCS#1 structure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RsaPublicKey(Vec<u8>);

impl Certificate {
    /// Reads the first certificate of a PEM text.
    pub fn from_pem(pem: &str) -> Result<Self, PemFault> {
        Self::from_der(&pem::certificate(pem)?)
    }

    /// Reads a certificate. Its own signature is not checked here.
    pub fn from_der(der: &[u8]) -> Result<Self, PemFault> {
        let (_, certificate) = X509Certificate::from_der(der).map_err(|_| PemFault::Damaged)?;
        let validity = certificate.validity();
        let wall = |seconds: i64| Wall(seconds.saturating_mul(1000));
        Ok(Self {
            serial: serial(certificate.raw_serial()),
            subject: common_name(certificate.subject()).unwrap_or_default(),
            issuer: issuer(certificate.issuer()),
            not_before: wall(validity.not_before.timestamp()),
            not_after: wall(validity.not_after.timestamp()),
            key: RsaPublicKey::from_spki(certificate.public_key())?,
            der: der.to_vec(),
        })
    }

    /// Whether it may be relied on at this time.
    pub fn valid_at(&self, now: Wall) -> bool {
        self.not_before <= now && now <= self.not_after
    }
}

impl RsaPublicKey {
    /// Reads the first SubjectPublicKeyInfo of a PEM text.
    pub fn from_pem(pem: &str) -> Result<Self, PemFault> {
        Self::from_spki_der(&pem::public_key(pem)?)
    }

    /// Reads a SubjectPublicKeyInfo.
    pub fn from_spki_der(der: &[u8]) -> Result<Self, PemFault> {
        let (_, spki) = SubjectPublicKeyInfo::from_der(der).map_err(|_| PemFault::Damaged)?;
        Self::from_spki(&spki)
    }

    /// The key as signature verification takes it.
    pub fn bits(&self) -> &[u8] {
        &self.0
    }

    fn from_spki(spki: &SubjectPublicKeyInfo<'_>) -> Result<Self, PemFault> {
        let is_rsa = spki.algorithm.algorithm == OID_PKCS1_RSAENCRYPTION;
        match spki.parsed() {
            Ok(PublicKey::RSA(key)) if is_rsa && key.key_size() >= MIN_RSA_BITS => {
                Ok(Self(spki.subject_public_key.data.to_vec()))
            }
            _ => Err(PemFault::NotRsa),
        }
    }
}

fn issuer(name: &X509Name<'_>) -> String {
    let organisation = || text(name.iter_organization().next()?);
    common_name(name).or_else(organisation).unwrap_or_default()
}

fn common_name(name: &X509Name<'_>) -> Option<String> {
    text(name.iter_common_name().next()?)
}

/// As it may stand in a log and on a terminal.
fn text(attribute: &AttributeTypeAndValue<'_>) -> Option<String> {
    let text = attribute.as_str().ok()?;
    Some(printable(text, NAME_CHARS_MAX))
}

const NAME_CHARS_MAX: usize = 64;

/// The serial's bytes as 40 upper-case hex digits. DER puts a zero byte before a number whose
/// first bit is set; that one is not part of the serial as WeChat writes it.
fn serial(raw: &[u8]) -> String {
    let start = raw.iter().position(|byte| *byte != 0).unwrap_or(raw.len());
    let digits: String = raw[start..]
        .iter()
        .map(|byte| format!("{byte:02X}"))
        .collect();
    key_id(&digits)
}

#[cfg(test)]
mod tests {
    use super::super::tests::vectors::{text, vectors};
    use super::*;

    #[test]
    fn serials_of_every_certificate_are_full_width() {
        let material = &vectors()["material"];
        for name in [
            "merchant",
            "platform_cert_1",
            "platform_cert_2_leading_zero_serial",
        ] {
            let certificate = Certificate::from_pem(text(&material[name]["cert_pem"])).unwrap();
            assert_eq!(certificate.serial, text(&material[name]["serial_no"]));
            assert_eq!(certificate.not_before, Wall(1_704_067_200_000));
            assert!(!certificate.issuer.is_empty());
        }
        let merchant = Certificate::from_pem(text(&material["merchant"]["cert_pem"])).unwrap();
        assert_eq!(merchant.subject, text(&material["mchid"]));
        assert_eq!(serial(&[0x00, 0xB1, 0x02]).len(), 40);
        assert!(serial(&[0x00, 0xB1, 0x02]).ends_with("000B102"));
    }

    #[test]
    fn a_public_key_file_and_its_certificate_agree() {
        let merchant = &vectors()["material"]["merchant"];
        let key = RsaPublicKey::from_pem(text(&merchant["public_key_pem"])).unwrap();
        let certificate = Certificate::from_pem(text(&merchant["cert_pem"])).unwrap();
        assert_eq!(key, certificate.key);
    }

    #[test]
    fn validity_counts_both_ends() {
        let material = &vectors()["material"];
        let certificate =
            Certificate::from_pem(text(&material["platform_cert_1"]["cert_pem"])).unwrap();
        let (from, to) = (certificate.not_before, certificate.not_after);
        for (wall, valid) in [
            (from.plus_ms(-1), false),
            (from, true),
            (to, true),
            (to.plus_ms(1), false),
        ] {
            assert_eq!(certificate.valid_at(wall), valid);
        }
    }

    #[test]
    fn rubbish_is_refused() {
        let pem = text(&vectors()["material"]["merchant"]["cert_pem"]).to_owned();
        let der = pem::certificate(&pem).unwrap();
        for length in 0..der.len() {
            assert!(Certificate::from_der(&der[..length]).is_err());
        }
        assert_eq!(
            Certificate::from_pem(text(&vectors()["material"]["merchant"]["public_key_pem"]))
                .unwrap_err()
                .to_string(),
            "it holds a public key where a certificate belongs; the two files may have been swapped"
        );
    }
}
