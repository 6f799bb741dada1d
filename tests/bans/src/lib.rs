//! One use of each path that clippy.toml forbids, with the path in a comment behind it. Clippy must
//! complain on exactly these lines, naming that path (.ci/bans.sh). Nothing here ever runs.

pub type Map = std::collections::HashMap<u8, u8>; // ban: std::collections::HashMap
pub type Set = std::collections::HashSet<u8>; // ban: std::collections::HashSet

pub fn clocks(then: std::time::SystemTime) {
    let _ = std::time::SystemTime::now(); // ban: std::time::SystemTime::now
    let _ = then.elapsed(); // ban: std::time::SystemTime::elapsed
    let _ = std::time::Instant::now(); // ban: std::time::Instant::now
    let _ = jiff::Timestamp::now(); // ban: jiff::Timestamp::now
    let _ = jiff::ZonedDateTime::now(); // ban: jiff::ZonedDateTime::now
    let _ = rustix::time::clock_gettime(rustix::time::ClockId::Boottime); // ban: rustix::time::clock_gettime
}

/// Through `Db`, as code would: it has no `flush` of its own and lends the tree's.
pub fn sled_flush(db: &sled::Db) {
    let _ = db.flush(); // ban: sled::Tree::flush
    drop(db.flush_async()); // ban: sled::Tree::flush_async
    let _ = sled::open("parkgate"); // ban: sled::open
}

pub fn rsa_decryption<R: rsa::rand_core::TryCryptoRng>(key: &rsa::PrivateKey, rng: &mut R) {
    use rsa::traits::{Decryptor, RandomizedDecryptor};
    let _ = key.decrypt(rsa::Pkcs1v15Encrypt, &[]); // ban: rsa::PrivateKey::decrypt
    let _ = key.decrypt_blinded(rng, rsa::Pkcs1v15Encrypt, &[]); // ban: rsa::PrivateKey::decrypt_blinded
    let key = rsa::pkcs1v15::DecryptingKey::new(key.clone());
    let _ = key.decrypt(&[]); // ban: rsa::traits::Decryptor::decrypt
    let _ = key.decrypt_with_rng(rng, &[]); // ban: rsa::traits::RandomizedDecryptor::decrypt_with_rng
}

pub fn http_clients() {
    drop(reqwest::get("https://localhost")); // ban: reqwest::get
    drop(reqwest::Client::new()); // ban: reqwest::Client::new
    drop(reqwest::Client::builder()); // ban: reqwest::Client::builder
    drop(reqwest::ClientBuilder::new()); // ban: reqwest::ClientBuilder::new
}

pub fn queues_without_limit() {
    drop(std::sync::mpsc::channel::<u8>()); // ban: std::sync::mpsc::channel
    drop(tokio::sync::mpsc::unbounded_channel::<u8>()); // ban: tokio::sync::mpsc::unbounded_channel
}
