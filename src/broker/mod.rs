//! How an MQTT broker is reached: address, login, TLS, and one connection from CONNECT to its end.
//!
//! Password, certificates and key are read anew for every connection, so that a file that was put
//! right or renewed needs no restart.

pub mod backoff;
mod connection;
mod fault;
mod tls;

#[cfg(test)]
pub(crate) mod tests;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rumqttc::{MqttOptions, TlsConfiguration, Transport};

pub use connection::{Connection, WRITE_WITHIN};
pub use fault::LinkFault;

use crate::causes;
use crate::config::{self, ClientCertificate, read_secret};

/// A broker, and how the box presents itself there.
#[derive(Clone)]
pub struct Endpoint {
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Login, where the broker wants one.
    pub username: Option<String>,
    /// File with the password.
    pub password_file: Option<PathBuf>,
    /// For `mqtts`.
    pub tls: Option<TlsFiles>,
}

/// PEM files for TLS. The public authorities are known without.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsFiles {
    /// A further authority whose signature on the broker's certificate is believed.
    pub ca_file: Option<PathBuf>,
    /// With which the box identifies itself.
    pub client_certificate: Option<ClientCertificate>,
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({})", self.address())
    }
}

impl Endpoint {
    /// The broker of a configuration.
    pub fn of(mqtt: &config::Mqtt) -> Self {
        let tls = mqtt.broker.tls.then(|| TlsFiles {
            ca_file: mqtt.ca_file.clone(),
            client_certificate: mqtt.client_certificate.clone(),
        });
        Self {
            host: mqtt.broker.host.clone(),
            port: mqtt.broker.port,
            username: mqtt.username.clone(),
            password_file: mqtt.password_file.clone(),
            tls,
        }
    }

    /// As it stands in messages.
    pub fn address(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// With whom TLS is spoken there; None without TLS.
    ///
    /// # Errors
    /// [`LinkFault::NotReady`].
    pub fn tls_config(&self) -> Option<Result<Arc<rustls::ClientConfig>, LinkFault>> {
        let config = tls::client(self.tls.as_ref()?);
        Some(config.map_err(|error| LinkFault::NotReady {
            address: self.address(),
            detail: causes::told(&error),
        }))
    }

    /// Reads the files and makes of them what a connection needs.
    fn options(&self, client_id: &str) -> Result<MqttOptions, LinkFault> {
        let not_ready = |why: &(dyn std::error::Error + 'static)| LinkFault::NotReady {
            address: self.address(),
            detail: causes::told(why),
        };
        let mut options = MqttOptions::new(client_id, &self.host, self.port);
        if let Some(username) = &self.username {
            let password = match &self.password_file {
                Some(file) => read_secret(file)
                    .map_err(|error| not_ready(&error))?
                    .to_string(),
                None => String::new(),
            };
            options.set_credentials(username, password);
        }
        if let Some(files) = &self.tls {
            let config = tls::client(files).map_err(|error| not_ready(&error))?;
            let tls = TlsConfiguration::Rustls(config);
            options.set_transport(Transport::tls_with_config(tls));
        }
        Ok(options)
    }

    fn certificate_file(&self) -> Option<&Path> {
        let own = self.tls.as_ref()?.client_certificate.as_ref()?;
        Some(&own.certificate_file)
    }
}
