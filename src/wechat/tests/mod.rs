mod exchange;
mod failover;
mod obstacles;
mod refresh;
mod server;
mod tls;
pub mod vectors;
