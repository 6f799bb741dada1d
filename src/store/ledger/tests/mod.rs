pub(super) mod trial;
mod world;

mod copies;
mod damage;
mod faults;
mod folder;
mod format;
mod model;
mod parts;
mod power;
mod purge;
mod segments;
