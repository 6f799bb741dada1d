//! What a file holds, whatever it is called.

use rustls::pki_types::PrivateKeyDer;
use zeroize::Zeroizing;

use crate::bilingual::Pair as Words;
use crate::bilingual::pair;
use crate::wechat::pem::{self, Block, PemFault};
use crate::wechat::sign::FileSigner;
use crate::wechat::{Certificate, RsaPublicKey, Secret};

/// A thing in a file.
#[derive(Debug)]
pub enum Piece {
    /// The half that signs.
    PrivateKey(Key),
    /// A key behind a password.
    EncryptedKey,
    /// A certificate of RSA.
    Certificate(Box<Certificate>),
    /// A public key alone, such as WeChat Pay's.
    PublicKey(RsaPublicKey),
    /// A request for a certificate.
    Request,
    /// 32 letters and digits, as an APIv3 key is.
    ApiV3Key,
    /// PKCS#12 whose password is another one.
    Locked,
    /// It looks like one of these, and is none that can be used.
    Unusable(PemFault),
    /// Nothing of use here.
    Unknown,
}

/// A private key: as it is written to its file, and its other half.
#[derive(Debug)]
pub struct Key {
    /// PEM.
    pub pem: Secret,
    /// What its certificate must vouch for.
    pub public: RsaPublicKey,
}

/// A piece, and where it was.
#[derive(Debug)]
pub struct Found {
    /// Name of the file, in an archive with the archive's before it.
    pub file: String,
    /// What it is.
    pub piece: Piece,
}

impl Key {
    /// Checks a key's DER: PKCS#8 or PKCS#1, RSA of at least 2048 bits.
    pub fn from_der(der: &PrivateKeyDer<'_>) -> Result<Self, PemFault> {
        let label = match der {
            PrivateKeyDer::Pkcs1(_) => "RSA PRIVATE KEY",
            PrivateKeyDer::Sec1(_) => return Err(PemFault::NotRsa),
            _ => "PRIVATE KEY",
        };
        let pem = pem::text(label, der.secret_der());
        Self::from_pem(Secret::of(pem))
    }

    /// Checks a key's PEM.
    pub fn from_pem(pem: Secret) -> Result<Self, PemFault> {
        let signer = FileSigner::from_pem(&pem)?;
        let public = RsaPublicKey::from_spki_der(&signer.public_key())?;
        Ok(Self { pem, public })
    }
}

impl Piece {
    /// What it is, in words.
    pub fn word(&self) -> Words {
        match self {
            Self::PrivateKey(_) => pair("private key", "私钥"),
            Self::EncryptedKey => pair("private key behind a password", "加密的私钥"),
            Self::Certificate(_) => pair("certificate", "证书"),
            Self::PublicKey(_) => pair("public key", "公钥"),
            Self::Request => pair("certificate request", "证书请求"),
            Self::ApiV3Key => pair("APIv3 key", "APIv3 密钥"),
            Self::Locked => pair("PKCS#12, opened by another password", "PKCS#12（密码不符）"),
            Self::Unusable(PemFault::NotRsa) => {
                pair("key or certificate that is not RSA", "非 RSA 密钥或证书")
            }
            Self::Unusable(_) => pair("damaged key or certificate", "已损坏的密钥或证书"),
            Self::Unknown => pair("nothing of use", "无用内容"),
        }
    }

    /// The same for programs.
    pub fn id(&self) -> &'static str {
        match self {
            Self::PrivateKey(_) => "private_key",
            Self::EncryptedKey => "encrypted_key",
            Self::Certificate(_) => "certificate",
            Self::PublicKey(_) => "public_key",
            Self::Request => "certificate_request",
            Self::ApiV3Key => "api_v3_key",
            Self::Locked => "locked",
            Self::Unusable(_) => "unusable",
            Self::Unknown => "unknown",
        }
    }
}

/// Everything in a plain file: PEM, the DER of a certificate, an APIv3 key. At least one piece.
pub fn pieces(bytes: &[u8]) -> Vec<Piece> {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return vec![binary(bytes)];
    };
    let blocks = pem::blocks(text);
    if blocks.is_empty() {
        return vec![bare(text)];
    }
    blocks.into_iter().map(piece).collect()
}

fn piece(block: Block) -> Piece {
    match block {
        Block::PrivateKey(der) => {
            let der = Wiped(der);
            Key::from_der(&der.0).map_or_else(Piece::Unusable, Piece::PrivateKey)
        }
        Block::Encrypted => Piece::EncryptedKey,
        Block::Certificate(der) => certificate(&der),
        Block::PublicKey(der) => {
            RsaPublicKey::from_spki_der(&der).map_or_else(Piece::Unusable, Piece::PublicKey)
        }
        Block::Request => Piece::Request,
        Block::Damaged => Piece::Unusable(PemFault::Damaged),
        Block::Other => Piece::Unknown,
    }
}

pub(super) fn certificate(der: &[u8]) -> Piece {
    let certificate = Certificate::from_der(der);
    certificate.map_or_else(Piece::Unusable, |it| Piece::Certificate(Box::new(it)))
}

/// The DER of a certificate, as `.cer` files are.
fn binary(bytes: &[u8]) -> Piece {
    match Certificate::from_der(bytes) {
        Ok(certificate) => Piece::Certificate(Box::new(certificate)),
        Err(_) => Piece::Unknown,
    }
}

/// A text without PEM: an APIv3 key, or the base64 of a certificate as the merchant platform shows it.
fn bare(text: &str) -> Piece {
    let text = text.trim();
    if text.len() == 32 && text.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return Piece::ApiV3Key;
    }
    let letters: Zeroizing<String> = Zeroizing::new(text.split_whitespace().collect());
    match base64::Engine::decode(&base64::engine::general_purpose::STANDARD, &*letters) {
        Ok(der) if !der.is_empty() => binary(&Zeroizing::new(der)),
        _ => Piece::Unknown,
    }
}

/// Wiped when dropped, which the library leaves to its user.
struct Wiped(PrivateKeyDer<'static>);

impl Drop for Wiped {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.0);
    }
}
