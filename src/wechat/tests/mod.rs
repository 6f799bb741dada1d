mod exchange;
mod failover;
mod refresh;
mod server;
mod tls;
pub mod vectors;
