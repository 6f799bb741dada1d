mod exchange;
mod failover;
pub mod identity;
mod obstacles;
mod refresh;
mod server;
mod spoiled;
mod tls;
pub mod vectors;
