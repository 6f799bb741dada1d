//! PKCS#12 (RFC 7292), as the certificate tool leaves it beside the PEM files: enough of it to take a key and
//! certificates out. Whether the password fits shows by what comes out; the seal over the whole is not looked
//! at, since a key that does not belong to its certificate is refused anyway.
//!
//! Not by the one library that is kept up: it costs 370 KB of a program that is to have 8 MB. The ciphers are
//! libraries.

use std::num::NonZeroU32;

use aes::{Aes128, Aes192, Aes256};
use cbc::Decryptor;
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockModeDecrypt, InnerIvInit, KeyInit, KeyIvInit};
use des::{TdesEde2, TdesEde3};
use rc2::Rc2;
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use ring::pbkdf2;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use zeroize::Zeroizing;

use super::der::{self, Element};
use super::piece::{Key, Piece, certificate};
use crate::wechat::Secret;

/// Whether the bytes look like PKCS#12: a sequence that begins with version 3.
pub fn is_pkcs12(bytes: &[u8]) -> bool {
    let version =
        der::read(bytes, der::SEQUENCE).and_then(|(body, _)| der::read(body, der::INTEGER));
    matches!(version, Some(([3], _)))
}

/// Everything in it; None if the password is another one, or the file is not what it seems.
pub fn open(bytes: &[u8], password: &Secret) -> Option<Vec<Piece>> {
    let password = Password::new(password.expose());
    let (file, _) = der::read(bytes, der::SEQUENCE)?;
    let (_version, rest) = der::read(file, der::INTEGER)?;
    let (safe, _seal) = der::read(rest, der::SEQUENCE)?;
    let safes = contents(safe, &password)?;
    let mut pieces = Vec::new();
    for safe in der::elements(der::read(&safes, der::SEQUENCE)?.0)? {
        let bags = contents(safe.body(der::SEQUENCE)?, &password)?;
        take(der::read(&bags, der::SEQUENCE)?.0, &password, &mut pieces)?;
    }
    (!pieces.is_empty()).then_some(pieces)
}

type Bytes = Zeroizing<Vec<u8>>;

const DATA: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x07, 0x01];
const ENCRYPTED_DATA: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x07, 0x06];
/// Before the kind of a bag.
const BAG: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x0C, 0x0A, 0x01];
const KEY: u8 = 1;
const SHROUDED_KEY: u8 = 2;
const CERTIFICATE: u8 = 3;
const NESTED: u8 = 6;
/// Before the kind of the ciphers that PKCS#12 brought itself.
const PBE: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x0C, 0x01];
const PBES2: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x05, 0x0D];
const PBKDF2: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x05, 0x0C];
/// Before the hash of an HMAC.
const HMAC: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x02];
const AES: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01];

/// More rounds than any tool sets would keep a small box busy for minutes.
const ROUNDS_MAX: u32 = 10_000_000;
/// Bags in bags.
const DEPTH_MAX: usize = 4;

/// What a ContentInfo holds, decrypted where it is encrypted.
fn contents(info: &[u8], password: &Password) -> Option<Bytes> {
    let (kind, rest) = der::read(info, der::OID)?;
    let (body, _) = der::read(rest, der::CONTEXT_0)?;
    if kind == DATA {
        let (octets, _) = der::read(body, der::OCTETS)?;
        return Some(Zeroizing::new(octets.to_vec()));
    }
    if kind != ENCRYPTED_DATA {
        return None;
    }
    let (data, _) = der::read(body, der::SEQUENCE)?;
    let (_version, rest) = der::read(data, der::INTEGER)?;
    let (info, _) = der::read(rest, der::SEQUENCE)?;
    let (_kind, rest) = der::read(info, der::OID)?;
    let (algorithm, rest) = der::read(rest, der::SEQUENCE)?;
    let (octets, _) = der::read(rest, der::CONTEXT_0_OCTETS)?;
    decrypt(algorithm, octets, password)
}

fn take(bags: &[u8], password: &Password, pieces: &mut Vec<Piece>) -> Option<()> {
    let mut waiting = vec![(Zeroizing::new(bags.to_vec()), 0)];
    while let Some((bags, depth)) = waiting.pop() {
        for bag in der::elements(&bags)? {
            let (kind, rest) = der::read(bag.body(der::SEQUENCE)?, der::OID)?;
            let (value, _attributes) = der::read(rest, der::CONTEXT_0)?;
            match kind.strip_prefix(BAG) {
                Some([KEY]) => pieces.push(key(value)?),
                Some([SHROUDED_KEY]) => {
                    let (shrouded, _) = der::read(value, der::SEQUENCE)?;
                    let (algorithm, rest) = der::read(shrouded, der::SEQUENCE)?;
                    let (octets, _) = der::read(rest, der::OCTETS)?;
                    pieces.push(key(&decrypt(algorithm, octets, password)?)?);
                }
                Some([CERTIFICATE]) => {
                    let (bag, _) = der::read(value, der::SEQUENCE)?;
                    let (_kind, rest) = der::read(bag, der::OID)?;
                    let (explicit, _) = der::read(rest, der::CONTEXT_0)?;
                    pieces.push(certificate(der::read(explicit, der::OCTETS)?.0));
                }
                Some([NESTED]) if depth < DEPTH_MAX => {
                    let (inner, _) = der::read(value, der::SEQUENCE)?;
                    waiting.push((Zeroizing::new(inner.to_vec()), depth + 1));
                }
                // Lists of revoked certificates, secrets of others.
                _ => {}
            }
        }
    }
    Some(())
}

/// What decrypts to no key at all was decrypted with another password.
fn key(pkcs8: &[u8]) -> Option<Piece> {
    der::read(pkcs8, der::SEQUENCE)?;
    let der = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(pkcs8));
    Some(Key::from_der(&der).map_or_else(Piece::Unusable, Piece::PrivateKey))
}

fn decrypt(algorithm: &[u8], octets: &[u8], password: &Password) -> Option<Bytes> {
    let (kind, rest) = der::read(algorithm, der::OID)?;
    let (parameters, _) = der::read(rest, der::SEQUENCE)?;
    match (kind == PBES2, kind.strip_prefix(PBE)) {
        (true, _) => decrypt_pbes2(parameters, octets, password),
        (false, Some([cipher])) => decrypt_pbe(*cipher, parameters, octets, password),
        (false, _) => None,
    }
}

/// The ciphers of PKCS#12 itself: triple DES and RC2, by a key that SHA-1 draws out of the password.
fn decrypt_pbe(cipher: u8, parameters: &[u8], octets: &[u8], password: &Password) -> Option<Bytes> {
    const TRIPLE_DES: u8 = 3;
    const DOUBLE_DES: u8 = 4;
    const RC2_128: u8 = 5;
    const RC2_40: u8 = 6;
    let (salt, rest) = der::read(parameters, der::OCTETS)?;
    let rounds = rounds(der::read(rest, der::INTEGER)?.0)?.get();
    let iv = password.draw(2, salt, rounds, 8);
    let key = |length| password.draw(1, salt, rounds, length);
    match cipher {
        TRIPLE_DES => cbc::<TdesEde3>(&key(24), &iv, octets),
        DOUBLE_DES => cbc::<TdesEde2>(&key(16), &iv, octets),
        RC2_128 => rc2(&key(16), 128, &iv, octets),
        RC2_40 => rc2(&key(5), 40, &iv, octets),
        _ => None,
    }
}

/// PBKDF2 and AES, as everybody writes it today.
fn decrypt_pbes2(parameters: &[u8], octets: &[u8], password: &Password) -> Option<Bytes> {
    let (derivation, rest) = der::read(parameters, der::SEQUENCE)?;
    let (scheme, _) = der::read(rest, der::SEQUENCE)?;
    let (kind, rest) = der::read(derivation, der::OID)?;
    if kind != PBKDF2 {
        return None;
    }
    let (parameters, _) = der::read(rest, der::SEQUENCE)?;
    let (salt, rest) = der::read(parameters, der::OCTETS)?;
    let (count, rest) = der::read(rest, der::INTEGER)?;
    // The key's length may follow, and which HMAC it is, unless it is that of SHA-1.
    let rest = der::read(rest, der::INTEGER).map_or(rest, |(_length, rest)| rest);
    let hmac = match der::read(rest, der::SEQUENCE) {
        None => pbkdf2::PBKDF2_HMAC_SHA1,
        Some((hmac, _)) => match der::read(hmac, der::OID)?.0.strip_prefix(HMAC)? {
            [7] => pbkdf2::PBKDF2_HMAC_SHA1,
            [9] => pbkdf2::PBKDF2_HMAC_SHA256,
            [10] => pbkdf2::PBKDF2_HMAC_SHA384,
            [11] => pbkdf2::PBKDF2_HMAC_SHA512,
            _ => return None,
        },
    };
    let (cipher, rest) = der::read(scheme, der::OID)?;
    let (iv, _) = der::read(rest, der::OCTETS)?;
    let key = |length: usize| {
        let mut key = Zeroizing::new(vec![0; length]);
        pbkdf2::derive(
            hmac,
            rounds(count)?,
            salt,
            password.utf8.as_bytes(),
            &mut key,
        );
        Some(key)
    };
    match cipher.strip_prefix(AES)? {
        [2] => cbc::<Aes128>(&key(16)?, iv, octets),
        [22] => cbc::<Aes192>(&key(24)?, iv, octets),
        [42] => cbc::<Aes256>(&key(32)?, iv, octets),
        _ => None,
    }
}

fn rounds(integer: &[u8]) -> Option<NonZeroU32> {
    let sum = |sum: u32, byte: &u8| sum.checked_mul(256)?.checked_add(u32::from(*byte));
    let rounds = integer.iter().try_fold(0, sum)?;
    NonZeroU32::new(rounds).filter(|rounds| rounds.get() <= ROUNDS_MAX)
}

fn cbc<C>(key: &[u8], iv: &[u8], octets: &[u8]) -> Option<Bytes>
where
    C: cbc::cipher::BlockCipherDecrypt + KeyInit,
{
    let decryptor = Decryptor::<C>::new_from_slices(key, iv).ok()?;
    unpadded(decryptor, octets)
}

fn rc2(key: &[u8], bits: usize, iv: &[u8], octets: &[u8]) -> Option<Bytes> {
    let cipher = Rc2::new_with_eff_key_len(key, bits);
    let decryptor = Decryptor::inner_iv_slice_init(cipher, iv).ok()?;
    unpadded(decryptor, octets)
}

fn unpadded(decryptor: impl BlockModeDecrypt, octets: &[u8]) -> Option<Bytes> {
    let mut bytes = Zeroizing::new(octets.to_vec());
    let length = decryptor.decrypt_padded::<Pkcs7>(&mut bytes).ok()?.len();
    bytes.truncate(length);
    Some(bytes)
}

/// As each of the two kinds of derivation takes it.
struct Password {
    utf8: Zeroizing<String>,
    /// UTF-16, big end first, with a zero behind it.
    utf16: Bytes,
}

impl Password {
    fn new(text: &str) -> Self {
        let units = text.encode_utf16().chain([0]);
        Self {
            utf8: Zeroizing::new(text.to_owned()),
            utf16: Zeroizing::new(units.flat_map(u16::to_be_bytes).collect()),
        }
    }

    /// `length` bytes for a purpose: 1 a key, 2 an initial vector (RFC 7292, B.2, with SHA-1).
    fn draw(&self, purpose: u8, salt: &[u8], rounds: u32, length: usize) -> Bytes {
        const BLOCK: usize = 64;
        let mut input = Zeroizing::new(filled(salt, BLOCK));
        input.extend_from_slice(&filled(&self.utf16, BLOCK));
        let mut drawn = Zeroizing::new(Vec::new());
        while drawn.len() < length {
            let first = Zeroizing::new([&[purpose; BLOCK][..], &input].concat());
            let mut hash = digest(&SHA1_FOR_LEGACY_USE_ONLY, &first);
            for _ in 1..rounds {
                hash = digest(&SHA1_FOR_LEGACY_USE_ONLY, hash.as_ref());
            }
            drawn.extend_from_slice(hash.as_ref());
            let addend = filled(hash.as_ref(), BLOCK);
            for block in input.chunks_mut(BLOCK) {
                add_and_one(block, addend.get(..BLOCK).unwrap_or(&addend));
            }
        }
        drawn.truncate(length);
        drawn
    }
}

/// Repeated to whole blocks.
fn filled(bytes: &[u8], block: usize) -> Vec<u8> {
    let length = bytes.len().div_ceil(block) * block;
    bytes.iter().copied().cycle().take(length).collect()
}

/// `block + addend + 1`, both numbers with their big end first.
fn add_and_one(block: &mut [u8], addend: &[u8]) {
    let mut carry = 1_u16;
    for (byte, more) in block.iter_mut().zip(addend).rev() {
        let [high, low] = (u16::from(*byte) + u16::from(*more) + carry).to_be_bytes();
        *byte = low;
        carry = u16::from(high);
    }
}

impl<'a> Element<'a> {
    /// Its contents, if it has this tag.
    fn body(&self, tag: u8) -> Option<&'a [u8]> {
        (self.tag == tag).then_some(self.contents)
    }
}
