//! TLS towards the broker, from files.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

use super::TlsFiles;
use crate::config::{MissingSecret, read_public, read_secret};

/// Why the files do not serve.
#[derive(Debug, thiserror::Error)]
pub(super) enum TlsFilesError {
    #[error(transparent)]
    Unreadable(#[from] MissingSecret),
    #[error("{} holds no certificate that can be used; write it as PEM", .file.display())]
    NoCertificate {
        file: PathBuf,
        #[source]
        source: Option<rustls::Error>,
    },
    /// The parser's own words could quote the key.
    #[error("{} holds no private key; write it as PEM, without a password", .file.display())]
    NoKey { file: PathBuf },
    #[error("certificate {} and key {} do not belong together", .certificate_file.display(), .key_file.display())]
    NoPair {
        certificate_file: PathBuf,
        key_file: PathBuf,
        #[source]
        source: rustls::Error,
    },
    #[error("TLS cannot be set up")]
    Provider(#[source] rustls::Error),
}

/// The public authorities and the configured one; the box's own certificate, if there is one.
pub(super) fn client(files: &TlsFiles) -> Result<Arc<ClientConfig>, TlsFilesError> {
    let mut roots = RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    if let Some(file) = &files.ca_file {
        for certificate in certificates(file)? {
            let unusable = |source| TlsFilesError::NoCertificate {
                file: file.clone(),
                source: Some(source),
            };
            roots.add(certificate).map_err(unusable)?;
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(TlsFilesError::Provider)?
        .with_root_certificates(roots);
    let Some(own) = &files.client_certificate else {
        return Ok(Arc::new(builder.with_no_client_auth()));
    };
    let chain = certificates(&own.certificate_file)?;
    let key = PrivateKeyDer::from_pem_slice(read_secret(&own.key_file)?.as_bytes());
    let key = key.map_err(|_| TlsFilesError::NoKey {
        file: own.key_file.clone(),
    })?;
    let client = builder.with_client_auth_cert(chain, key);
    client
        .map(Arc::new)
        .map_err(|source| TlsFilesError::NoPair {
            certificate_file: own.certificate_file.clone(),
            key_file: own.key_file.clone(),
            source,
        })
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsFilesError> {
    let text = read_public(file)?;
    let parsed: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text.as_bytes()).collect();
    match parsed {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        Ok(_) | Err(_) => Err(TlsFilesError::NoCertificate {
            file: file.to_owned(),
            source: None,
        }),
    }
}
