//! The key and the certificate that belong together, out of all that was found.

use super::piece::{Found, Key, Piece};
use crate::bilingual::Both;
use crate::wechat::Certificate;

/// A key and its certificate.
#[derive(Debug)]
pub struct Pair<'a> {
    pub key: &'a Key,
    pub certificate: &'a Certificate,
}

/// Why there is no pair.
#[derive(Debug)]
pub enum PairFault {
    /// No private key among the files.
    NoKey,
    /// The only private key has a password of its own.
    EncryptedKey,
    /// A PKCS#12 file stays closed.
    Locked,
    /// No certificate among the files.
    NoCertificate,
    /// Keys and certificates, and no two that belong together.
    NoneFits {
        /// Serials of the certificates.
        serials: Vec<String>,
    },
    /// More pairs than one.
    Several {
        /// Serials of their certificates.
        serials: Vec<String>,
    },
}

/// The one pair; the same one in two files counts once.
pub fn choose(found: &[Found]) -> Result<Pair<'_>, PairFault> {
    let keys: Vec<&Key> = found.iter().filter_map(as_key).collect();
    let certificates: Vec<&Certificate> = found.iter().filter_map(as_certificate).collect();
    let mut pairs: Vec<Pair<'_>> = Vec::new();
    for certificate in &certificates {
        let is_new = || pairs.iter().all(|it| it.certificate.der != certificate.der);
        if let Some(key) = keys.iter().find(|key| key.public == certificate.key)
            && is_new()
        {
            pairs.push(Pair { key, certificate });
        }
    }
    let serials = |of: Vec<&Certificate>| of.iter().map(|it| it.serial.clone()).collect();
    match pairs.len() {
        1 => Ok(pairs.remove(0)),
        0 if keys.is_empty() => Err(no_key(found)),
        0 if certificates.is_empty() => Err(PairFault::NoCertificate),
        0 => Err(PairFault::NoneFits {
            serials: serials(certificates),
        }),
        _ => Err(PairFault::Several {
            serials: serials(pairs.iter().map(|pair| pair.certificate).collect()),
        }),
    }
}

fn no_key(found: &[Found]) -> PairFault {
    let has = |wanted: fn(&Piece) -> bool| found.iter().any(|it| wanted(&it.piece));
    if has(|piece| matches!(piece, Piece::Locked)) {
        PairFault::Locked
    } else if has(|piece| matches!(piece, Piece::EncryptedKey)) {
        PairFault::EncryptedKey
    } else {
        PairFault::NoKey
    }
}

fn as_key(found: &Found) -> Option<&Key> {
    match &found.piece {
        Piece::PrivateKey(key) => Some(key),
        _ => None,
    }
}

fn as_certificate(found: &Found) -> Option<&Certificate> {
    match &found.piece {
        Piece::Certificate(certificate) => Some(certificate),
        _ => None,
    }
}

impl PairFault {
    /// What is wrong and what to do.
    pub fn told(&self) -> Both {
        match self {
            Self::NoKey => both!(
                "no private key is among these files; give apiclient_key.pem, the certificate tool's ZIP, or \
                 apiclient_cert.p12. The key never leaves the machine where the tool ran",
                "这些文件中没有私钥；请提供 apiclient_key.pem、证书工具生成的 ZIP 或 apiclient_cert.p12。\
                 私钥只保存在运行证书工具的电脑上"
            ),
            Self::EncryptedKey => both!(
                "the private key is encrypted with a password; write it again without one: openssl pkcs8 -topk8 \
                 -nocrypt -in OLD -out NEW",
                "私钥带有密码；请去掉密码后再导入：openssl pkcs8 -topk8 -nocrypt -in 旧文件 -out 新文件"
            ),
            Self::Locked => both!(
                "the P12 file is opened by another password; WeChat's default is the merchant id. Give \
                 --password-file FILE, or type it when asked",
                "P12 密码不正确；微信默认密码为商户号。请用 --password-file 文件，或按提示输入"
            ),
            Self::NoCertificate => both!(
                "no certificate is among these files; give apiclient_cert.pem of the same request, or download \
                 it again from the merchant platform",
                "这些文件中没有证书；请提供同一次申请的 apiclient_cert.pem，或在商户平台重新下载"
            ),
            Self::NoneFits { serials } => both!(
                "no private key belongs to certificate {serials}; key and certificate are of different \
                 requests: give the two files of one ZIP",
                "没有与证书 {serials} 匹配的私钥；私钥和证书来自不同的申请，请使用同一个 ZIP 中的两个文件",
                serials = serials.join(", "),
            ),
            Self::Several { serials } => both!(
                "there is more than one pair, with certificates {serials}; give the files of the one to use",
                "存在多组密钥和证书（{serials}）；请只提供要使用的一组",
                serials = serials.join(", "),
            ),
        }
    }
}
