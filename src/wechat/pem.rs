//! PEM files as people hand them over: the right kind, or told what it is instead.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::pem::{Error, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, SubjectPublicKeyInfoDer};
use zeroize::Zeroizing;

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

/// One block of a PEM text.
pub enum Block {
    /// A key that nobody may see; wiped when dropped.
    PrivateKey(PrivateKeyDer<'static>),
    /// A key behind a password.
    Encrypted,
    Certificate(CertificateDer<'static>),
    PublicKey(SubjectPublicKeyInfoDer<'static>),
    Request,
    /// A block that does not decode.
    Damaged,
    /// Of another label.
    Other,
}

/// Every block, in order; empty where there is none.
pub fn blocks(pem: &str) -> Vec<Block> {
    let begins = pem.match_indices("-----BEGIN ").map(|(at, _)| at);
    begins
        .map(|at| block(pem.get(at..).unwrap_or_default()))
        .collect()
}

/// The block at the start of `pem`.
fn block(pem: &str) -> Block {
    let label = pem
        .strip_prefix("-----BEGIN ")
        .and_then(|rest| rest.split_once("-----"));
    let Some((label, rest)) = label else {
        return Block::Damaged;
    };
    // Without what follows, which is another block.
    let end = format!("-----END {label}-----");
    let Some(length) = rest.find(&end) else {
        return Block::Damaged;
    };
    let length = pem.len() - rest.len() + length + end.len();
    let pem = pem.get(..length).unwrap_or_default().as_bytes();
    match label {
        "PRIVATE KEY" | "RSA PRIVATE KEY" | "EC PRIVATE KEY" => {
            PrivateKeyDer::from_pem_slice(pem).map_or(Block::Damaged, Block::PrivateKey)
        }
        "ENCRYPTED PRIVATE KEY" => Block::Encrypted,
        "CERTIFICATE" => {
            CertificateDer::from_pem_slice(pem).map_or(Block::Damaged, Block::Certificate)
        }
        "PUBLIC KEY" => {
            SubjectPublicKeyInfoDer::from_pem_slice(pem).map_or(Block::Damaged, Block::PublicKey)
        }
        "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST" => Block::Request,
        _ => Block::Other,
    }
}

/// A PEM text of one block, wiped when dropped.
pub fn text(label: &str, der: &[u8]) -> Zeroizing<String> {
    const LINE: usize = 64;
    let base64 = Zeroizing::new(STANDARD.encode(der));
    // Room for everything at once: a text that grows would leave copies behind.
    let room = base64.len() + base64.len() / LINE + 2 * label.len() + 64;
    let mut text = Zeroizing::new(String::with_capacity(room));
    text.push_str("-----BEGIN ");
    text.push_str(label);
    text.push_str("-----\n");
    for (at, char) in base64.chars().enumerate() {
        if at > 0 && at % LINE == 0 {
            text.push('\n');
        }
        text.push(char);
    }
    text.push_str("\n-----END ");
    text.push_str(label);
    text.push_str("-----\n");
    text
}

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
    fn every_block_is_seen_and_a_text_reads_back() {
        let der = [0x30; 100];
        let first = text("CERTIFICATE", &der);
        assert!(first.lines().all(|line| line.len() <= 64), "{}", *first);
        assert_eq!(*certificate(&first).unwrap(), der[..]);
        let both = format!(
            "note\n{}between\n{}-----BEGIN X",
            *first,
            *text("PUBLIC KEY", &der)
        );
        let kinds = blocks(&both);
        assert!(
            matches!(
                kinds[..],
                [Block::Certificate(_), Block::PublicKey(_), Block::Damaged]
            ),
            "{}",
            kinds.len()
        );
        assert!(blocks("no block").is_empty());
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
