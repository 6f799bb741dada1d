//! A look at who serves at an address: its name, whether it answers, and which certificate it shows.
//! Blocks; nothing is sent but the handshake.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{CertificateError, ClientConfig, ClientConnection, Error as RustlsError};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

use crate::lane::time::Wall;

/// The longest answer of a proxy, bytes.
const HEAD_MAX: usize = 4096;

/// What a server shows of itself, to whoever trusts its authority.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// Until when its certificate is valid.
    pub ends: Wall,
}

/// Why there is no TLS with a server that answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TlsFault {
    /// Signed by nobody whom this box knows.
    UnknownAuthority,
    /// For other names.
    WrongName,
    /// Not valid today; since when, where the library says so.
    OutOfDate { ended: Option<Wall> },
    /// It answers, in another protocol.
    NotTls,
    /// Anything else, in the library's words.
    Other(String),
}

/// Addresses of a name, or why there are none.
pub fn resolve(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    let addresses: Vec<SocketAddr> = (host, port).to_socket_addrs()?.collect();
    match addresses.is_empty() {
        true => Err(io::Error::other("the name has no address")),
        false => Ok(addresses),
    }
}

/// A connection to the first address that takes one.
///
/// # Errors
/// The last one's.
pub fn connect(addresses: &[SocketAddr], within: Duration) -> io::Result<TcpStream> {
    let mut last = io::Error::other("no address");
    for address in addresses {
        match TcpStream::connect_timeout(address, within) {
            Ok(stream) => {
                stream.set_read_timeout(Some(within))?;
                stream.set_write_timeout(Some(within))?;
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// A connection to `host` through an HTTP proxy: its tunnel, whose end nobody has spoken to yet.
///
/// # Errors
/// As [`connect`] has them of the proxy; its refusal; an answer that is none.
pub fn tunnel(proxy: &str, host: &str, port: u16, within: Duration) -> io::Result<TcpStream> {
    let url = reqwest::Url::parse(proxy).map_err(io::Error::other)?;
    let at = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let addresses = resolve(at, url.port_or_known_default().unwrap_or(80))?;
    let mut stream = connect(&addresses, within)?;
    let asked = format!("CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n");
    stream.write_all(asked.as_bytes())?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") && head.len() < HEAD_MAX {
        let mut byte = [0];
        // Byte by byte: what follows is TLS already.
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head);
    let status = head.lines().next().unwrap_or_default();
    match status.split(' ').nth(1) {
        Some(code) if code.starts_with('2') => Ok(stream),
        _ => Err(io::Error::other(format!("the proxy answers {status:?}"))),
    }
}

/// The handshake, and what the server showed in it.
pub fn greet(
    mut stream: TcpStream,
    host: &str,
    config: Arc<ClientConfig>,
) -> Result<Shown, TlsFault> {
    let other = |error: &dyn std::fmt::Display| TlsFault::Other(error.to_string());
    let name = ServerName::try_from(host.to_owned()).map_err(|error| other(&error))?;
    let mut tls = ClientConnection::new(config, name).map_err(|error| other(&error))?;
    while tls.is_handshaking() {
        tls.complete_io(&mut stream)
            .map_err(|error| fault(&error))?;
    }
    let ends = tls
        .peer_certificates()
        .and_then(|chain| ends(chain.first()?));
    tls.send_close_notify();
    // It has shown what it had to show.
    let _ = tls.complete_io(&mut stream);
    let ends = ends.ok_or_else(|| other(&"its certificate cannot be read"))?;
    Ok(Shown { ends })
}

/// When a certificate ends, whatever its key.
pub fn ends(der: &[u8]) -> Option<Wall> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let seconds = certificate.validity().not_after.timestamp();
    Some(Wall(seconds.saturating_mul(1000)))
}

fn fault(error: &io::Error) -> TlsFault {
    let inner = error.get_ref();
    match inner.and_then(|it| it.downcast_ref::<RustlsError>()) {
        Some(RustlsError::InvalidCertificate(fault)) => of_certificate(fault),
        Some(RustlsError::InvalidMessage(_)) => TlsFault::NotTls,
        _ => TlsFault::Other(error.to_string()),
    }
}

fn of_certificate(fault: &CertificateError) -> TlsFault {
    match fault {
        CertificateError::UnknownIssuer => TlsFault::UnknownAuthority,
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            TlsFault::WrongName
        }
        CertificateError::ExpiredContext { not_after, .. } => {
            let seconds = i64::try_from(not_after.as_secs()).ok();
            TlsFault::OutOfDate {
                ended: seconds.map(|seconds| Wall(seconds.saturating_mul(1000))),
            }
        }
        CertificateError::Expired
        | CertificateError::NotValidYet
        | CertificateError::NotValidYetContext { .. } => TlsFault::OutOfDate { ended: None },
        other => TlsFault::Other(format!("its certificate is faulty ({other})")),
    }
}
