//! The whole gate in a hostile world: the real park, queues and step routine, and around them a car
//! park, a broker, a disk, a clock and WeChat, in which anything goes wrong that a seed says; and an
//! oracle that watches (docs/simulation.md).

mod barrier;
mod bills;
mod broker;
mod camera;
mod clock;
mod codes;
mod crash_points;
mod disk;
mod doing;
mod faults;
mod favours;
mod keys;
mod letter;
mod letters;
mod line;
mod machine;
mod network;
mod office;
mod oracle;
mod people;
mod planting;
mod power;
mod refunds;
mod rounds;
mod seeds;
mod shrink;
pub mod site;
mod trace;
mod vehicles;
pub mod wire;
mod world;
