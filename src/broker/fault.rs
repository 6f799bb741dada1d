//! Why there is no connection, each with what to do about it.

use rumqttc::{ConnectReturnCode, ConnectionError, StateError, TlsError};
use rustls::{AlertDescription, CertificateError, Error as RustlsError};

use super::Endpoint;

/// Why there is no connection.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkFault {
    /// A file that the connection needs is missing or wrong; it is read again at the next attempt.
    #[error("parkgate cannot present itself to the broker at {address}: {detail}")]
    NotReady { address: String, detail: String },
    #[error(
        "no MQTT connection to {address}: {detail}; check [mqtt] url, the network and whether the \
         broker runs"
    )]
    Unreachable { address: String, detail: String },
    #[error("{address} does not speak TLS; write mqtt:// in [mqtt] url, or the broker's TLS port")]
    NoTls { address: String },
    #[error(
        "the certificate of the broker at {address} is for {names}; write one of these names in \
         [mqtt] url, or give the broker a certificate for this one"
    )]
    WrongName { address: String, names: String },
    #[error(
        "the certificate of the broker at {address} is not valid today; renew it, and check the \
         clock of this box"
    )]
    OutOfDate { address: String },
    #[error(
        "the certificate of the broker at {address} is signed by an authority that this box does \
         not know; name the authority's certificate in [mqtt] ca_file"
    )]
    UnknownAuthority { address: String },
    #[error(
        "the broker at {address} wants a certificate of this box; set [mqtt] \
         client_certificate_file and client_key_file"
    )]
    CertificateWanted { address: String },
    #[error(
        "the broker at {address} refuses this box's certificate {file} ({detail}); have it issued \
         anew by the authority that the broker knows"
    )]
    CertificateRefused {
        address: String,
        file: String,
        detail: String,
    },
    #[error("no TLS with the broker at {address}: {detail}; check its certificate and TLS version")]
    Tls { address: String, detail: String },
    #[error("the broker refused the login ({code}); check user name, password and client id")]
    LoginRefused { code: String },
    #[error("the broker did not answer {question} in time")]
    Silent { question: &'static str },
    #[error("the broker serves none of the cameras' topics; check its access rules")]
    NothingSubscribed,
    #[error("connection lost: {detail}")]
    Lost { detail: String },
    #[error("the connection's task panicked; please report it with the log")]
    Panicked,
    #[error("the link was closed")]
    Closed,
}

impl LinkFault {
    /// What an attempt to connect ended with.
    pub(super) fn of_connect(error: ConnectionError, endpoint: &Endpoint) -> Self {
        let address = endpoint.address();
        if let Some(error) = tls_error(&error) {
            return Self::of_tls(error, address, endpoint);
        }
        match error {
            ConnectionError::ConnectionRefused(code) => Self::LoginRefused {
                code: refusal(code).to_owned(),
            },
            // Without the packet, which may be our own, with the password, sent back.
            ConnectionError::NotConnAck(_) => Self::Unreachable {
                address,
                detail: "what answers there is no MQTT broker".into(),
            },
            error => Self::Unreachable {
                address,
                detail: plain(&error),
            },
        }
    }

    /// What a connection ended with. In TLS 1.3 a broker refuses the client's certificate only after
    /// the handshake.
    pub(super) fn of_connection(error: &ConnectionError, endpoint: &Endpoint) -> Self {
        match tls_error(error) {
            Some(error @ RustlsError::AlertReceived(_)) => {
                Self::of_tls(error, endpoint.address(), endpoint)
            }
            _ => Self::Lost {
                detail: describe(error),
            },
        }
    }

    fn of_tls(error: &RustlsError, address: String, endpoint: &Endpoint) -> Self {
        match error {
            RustlsError::InvalidCertificate(fault) => match fault {
                CertificateError::NotValidForName => Self::WrongName {
                    address,
                    names: "other names".to_owned(),
                },
                CertificateError::NotValidForNameContext { presented, .. } => Self::WrongName {
                    address,
                    names: names(presented),
                },
                CertificateError::Expired
                | CertificateError::ExpiredContext { .. }
                | CertificateError::NotValidYet
                | CertificateError::NotValidYetContext { .. } => Self::OutOfDate { address },
                CertificateError::UnknownIssuer => Self::UnknownAuthority { address },
                other => Self::Tls {
                    address,
                    detail: format!("its certificate is faulty ({other})"),
                },
            },
            RustlsError::InvalidMessage(_) => Self::NoTls { address },
            RustlsError::AlertReceived(alert) if is_about_our_certificate(*alert) => {
                match endpoint.certificate_file() {
                    Some(file) => Self::CertificateRefused {
                        address,
                        file: file.display().to_string(),
                        detail: format!("{alert:?}"),
                    },
                    None => Self::CertificateWanted { address },
                }
            }
            other => Self::Tls {
                address,
                detail: other.to_string(),
            },
        }
    }
}

/// The names of a certificate, not endlessly many.
fn names(presented: &[String]) -> String {
    const SHOWN: usize = 4;
    if presented.is_empty() {
        return "no name at all".to_owned();
    }
    let shown = presented.iter().take(SHOWN).map(|name| readable(name));
    shown.collect::<Vec<_>>().join(", ")
}

/// rustls shows a name as `DnsName("mq.example.cn")`.
fn readable(name: &str) -> String {
    let quoted = name.split('"').nth(1);
    quoted.unwrap_or(name).chars().take(80).collect()
}

fn is_about_our_certificate(alert: AlertDescription) -> bool {
    matches!(
        alert,
        AlertDescription::CertificateRequired
            | AlertDescription::BadCertificate
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateUnknown
            | AlertDescription::UnknownCA
            | AlertDescription::AccessDenied
            // What TLS 1.2 says for want of a better word.
            | AlertDescription::HandshakeFailure
    )
}

/// TLS's own word, however deep it is wrapped. An I/O error holds it beside the chain of causes.
fn tls_error(error: &ConnectionError) -> Option<&RustlsError> {
    let first: &(dyn std::error::Error + 'static) = error;
    let mut causes = std::iter::successors(Some(first), |error| error.source());
    causes.find_map(|error| {
        let wrapped = error.downcast_ref::<std::io::Error>();
        let inner = wrapped.and_then(|error| error.get_ref()?.downcast_ref());
        inner.or_else(|| error.downcast_ref())
    })
}

fn refusal(code: ConnectReturnCode) -> &'static str {
    match code {
        ConnectReturnCode::Success => "no reason given",
        ConnectReturnCode::RefusedProtocolVersion => "it does not speak MQTT 3.1.1",
        ConnectReturnCode::BadClientId => "client id not accepted",
        ConnectReturnCode::ServiceUnavailable => "service unavailable",
        ConnectReturnCode::BadUserNamePassword => "bad user name or password",
        ConnectReturnCode::NotAuthorized => "not authorised",
    }
}

fn describe(error: &ConnectionError) -> String {
    match error {
        ConnectionError::MqttState(StateError::AwaitPingResp) => {
            "the broker did not answer a ping".into()
        }
        ConnectionError::MqttState(StateError::Deserialization(error)) => {
            format!("the broker sent what is not MQTT ({error})")
        }
        other => plain(other),
    }
}

/// Without the library's own headings.
fn plain(error: &ConnectionError) -> String {
    match error {
        ConnectionError::Io(error)
        | ConnectionError::Tls(TlsError::Io(error))
        | ConnectionError::MqttState(StateError::Io(error)) => error.to_string(),
        ConnectionError::NetworkTimeout => "no answer in time".to_owned(),
        other => other.to_string(),
    }
}
