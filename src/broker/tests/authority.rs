//! A certificate authority that lives as long as a test.

use std::fs;
use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};

/// Signs certificates into a folder.
pub struct Authority {
    folder: PathBuf,
    issuer: Issuer<'static, KeyPair>,
    /// Its own certificate.
    pub certificate_file: PathBuf,
}

/// Certificate and key as files.
pub struct Pair {
    pub certificate_file: PathBuf,
    pub key_file: PathBuf,
}

impl Authority {
    pub fn new(folder: &Path, name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let certificate_file = folder.join(format!("{name}.pem"));
        fs::write(&certificate_file, params.self_signed(&key).unwrap().pem()).unwrap();
        Self {
            folder: folder.to_owned(),
            issuer: Issuer::new(params, key),
            certificate_file,
        }
    }

    /// For a host, valid today.
    pub fn sign(&self, file: &str, host: &str) -> Pair {
        self.sign_until(file, host, 2099)
    }

    /// For a host, valid until the start of a year.
    pub fn sign_until(&self, file: &str, host: &str, year: i32) -> Pair {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![host.to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, file);
        params.not_before = date_time_ymd(2000, 1, 1);
        params.not_after = date_time_ymd(year, 1, 1);
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let pair = Pair {
            certificate_file: self.folder.join(format!("{file}.pem")),
            key_file: self.folder.join(format!("{file}.key")),
        };
        fs::write(&pair.certificate_file, certificate.pem()).unwrap();
        fs::write(&pair.key_file, key.serialize_pem()).unwrap();
        pair
    }
}
