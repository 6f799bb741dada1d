mod exchange;
mod failover;
mod refresh;
mod server;
mod spoiled;
mod tls;
pub mod vectors;
