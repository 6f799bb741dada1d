//! WeChat Pay: one signed request, one verified answer.

pub mod certificate;
pub mod hosts;
pub mod parking;
pub mod pem;
pub mod reply;
pub mod seal;
pub mod secret;
pub mod sign;
pub mod transport;
pub mod trust;

#[cfg(test)]
mod tests;
