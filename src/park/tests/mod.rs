//! The whole core in a small deterministic world: the real step routine over a store in memory, the
//! simulator in place of WeChat, barriers that answer or do not.

mod asked;
mod barriers;
mod bookkeeping;
mod cameras;
mod cars;
mod charging;
mod commits;
mod crash_points;
mod disk;
mod entering;
mod evidencing;
mod exceptions;
mod failing;
mod faults;
mod guarded;
mod held;
mod kinds;
mod lasting;
mod leaving;
mod lists;
mod named;
mod owing;
mod parts;
mod people;
mod properties;
mod release;
mod rerunning;
mod reviewed;
mod seeds;
mod silent;
mod spoiled;
mod stories;
mod traffic;
mod views;
mod world;
