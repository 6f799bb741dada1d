//! Against Mosquitto with TLS, with certificates made on the spot.

pub(crate) mod authority;
pub(crate) mod mosquitto;
mod tls;
