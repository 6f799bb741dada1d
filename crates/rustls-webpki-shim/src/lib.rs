//! rumqttc 0.25 depends on rustls-webpki 0.102, which has open advisories and no fixed release.
//! It only names `webpki::Error` in one enum and parses no certificate with it, so the current
//! line can stand in. Delete this crate when rumqttc moves to rustls-webpki 0.103.
pub use current::*;
