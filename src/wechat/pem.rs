//! PEM files as people hand them over: the right kind, or told what it is instead.

use rustls::pki_types::pem::{Error, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, SubjectPublicKeyInfoDer};

/// Why a PEM text cannot serve.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PemFault {
    /// No PEM block at all.
    #[error("it holds no PEM block (a line -----BEGIN …-----); give the file as downloaded")]
    NotPem,
    /// PEM, but of something else.
    #[error("it holds {found} where {expected} belongs; the two files may have been swapped")]
    WrongKind {
        /// What should be there.
        expected: &'static str,
        /// What is.
        found: &'static str,
    },
    /// A key behind a password.
    #[error(
        "the key is encrypted with a password; write it again without one (openssl pkcs8 -topk8 -nocrypt)"
    )]
    Encrypted,
    /// A block that does not decode.
    #[error("the PEM block is damaged; copy the whole file again")]
    Damaged,
    /// Decodes, but is not what WeChat Pay works with.
    #[error("it is not an RSA key of at least 2048 bits, the only kind used here")]
    NotRsa,
}

const PRIVATE_KEY: &str = "a private key";
const CERTIFICATE: &str = "a certificate";
const PUBLIC_KEY: &str = "a public key";
const PKCS1_PUBLIC_KEY: &str = "a public key in the older PKCS#1 form (RSA PUBLIC KEY)";

/// The first private key: PKCS#8, PKCS#1 or SEC1.
pub fn private_key(pem: &str) -> Result<PrivateKeyDer<'static>, PemFault> {
    first(pem, PRIVATE_KEY)
}

/// The first certificate.
pub fn certificate(pem: &str) -> Result<CertificateDer<'static>, PemFault> {
    first(pem, CERTIFICATE)
}

/// Every certificate, at least one.
pub fn certificates(pem: &str) -> Result<Vec<CertificateDer<'static>>, PemFault> {
    let all: Vec<_> = CertificateDer::pem_slice_iter(pem.as_bytes())
        .collect::<Result<_, _>>()
        .map_err(|_| PemFault::Damaged)?;
    if all.is_empty() {
        return Err(missing(pem, CERTIFICATE));
    }
    Ok(all)
}

/// The first public key (SubjectPublicKeyInfo).
pub fn public_key(pem: &str) -> Result<SubjectPublicKeyInfoDer<'static>, PemFault> {
    first(pem, PUBLIC_KEY)
}

fn first<T: PemObject>(pem: &str, expected: &'static str) -> Result<T, PemFault> {
    match T::from_pem_slice(pem.as_bytes()) {
        Ok(found) => Ok(found),
        Err(Error::NoItemsFound) => Err(missing(pem, expected)),
        Err(_) => Err(PemFault::Damaged),
    }
}

/// Says what the text holds instead of `expected`.
fn missing(pem: &str, expected: &'static str) -> PemFault {
    let holds = |label: &str| pem.contains(&format!("-----BEGIN {label}-----"));
    if holds("ENCRYPTED PRIVATE KEY") {
        return PemFault::Encrypted;
    }
    let found = if holds("CERTIFICATE") {
        CERTIFICATE
    } else if holds("PUBLIC KEY") {
        PUBLIC_KEY
    } else if holds("RSA PUBLIC KEY") {
        PKCS1_PUBLIC_KEY
    } else if holds("PRIVATE KEY") || holds("RSA PRIVATE KEY") || holds("EC PRIVATE KEY") {
        PRIVATE_KEY
    } else if holds("CERTIFICATE REQUEST") {
        "a certificate request"
    } else if pem.contains("-----BEGIN ") {
        "something else"
    } else {
        return PemFault::NotPem;
    };
    PemFault::WrongKind { expected, found }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_file_is_named() {
        let certificate_text = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert_eq!(
            private_key(certificate_text).unwrap_err(),
            PemFault::WrongKind {
                expected: PRIVATE_KEY,
                found: CERTIFICATE
            }
        );
        assert_eq!(
            private_key("0123456789abcdef").unwrap_err(),
            PemFault::NotPem
        );
        assert_eq!(private_key("").unwrap_err(), PemFault::NotPem);
        assert_eq!(
            private_key(
                "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAA==\n-----END ENCRYPTED PRIVATE KEY-----\n"
            )
            .unwrap_err(),
            PemFault::Encrypted
        );
        assert_eq!(
            public_key("-----BEGIN RSA PUBLIC KEY-----\nAA==\n-----END RSA PUBLIC KEY-----\n")
                .unwrap_err(),
            PemFault::WrongKind {
                expected: PUBLIC_KEY,
                found: PKCS1_PUBLIC_KEY
            }
        );
    }

    #[test]
    fn a_torn_file_is_damaged() {
        for torn in [
            "-----BEGIN CERTIFICATE-----\nMIID",
            "-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n",
        ] {
            assert_eq!(certificate(torn).unwrap_err(), PemFault::Damaged, "{torn}");
            assert_eq!(certificates(torn).unwrap_err(), PemFault::Damaged, "{torn}");
        }
    }
}
