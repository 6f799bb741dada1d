//! The whole core in a small deterministic world: the real step routine over a store in memory, the
//! simulator in place of WeChat, barriers that answer or do not.

mod barriers;
mod cameras;
mod charging;
mod disk;
mod entering;
mod failing;
mod kinds;
mod leaving;
mod properties;
mod seeds;
mod traffic;
mod wire;
mod world;
