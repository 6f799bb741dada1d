//! The whole core in a small deterministic world: the real step routine over a store in memory, the
//! simulator in place of WeChat, barriers that answer or do not.

mod barriers;
mod bookkeeping;
mod cameras;
mod cars;
mod charging;
mod commits;
mod disk;
mod entering;
mod evidencing;
mod failing;
mod guarded;
mod held;
mod kinds;
mod lasting;
mod leaving;
mod properties;
mod rerunning;
mod silent;
mod spoiled;
mod stories;
mod views;
mod world;
