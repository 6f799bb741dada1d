//! parkgate: the daemon on the box that controls the gates of a car park.
//!
//! **The lane decides. The ledger remembers. The adapters do.**

#[macro_use]
pub mod bilingual;
#[macro_use]
mod planted;

pub mod barrier;
pub mod bills;
pub mod books;
pub mod broker;
pub mod camera;
pub mod causes;
pub mod charges;
pub mod cli;
pub mod clock;
pub mod config;
pub mod control;
pub mod credentials;
pub mod display;
pub mod doctor;
pub mod evidence;
pub mod gate;
pub mod health;
mod json;
pub mod lane;
pub mod notice;
pub mod park;
pub mod prepare;
pub mod rerun;
pub mod retention;
pub mod serial;
#[cfg(feature = "demo")]
pub mod sim;
#[cfg(test)]
#[cfg(feature = "demo")]
mod simulation;
pub mod site;
#[cfg(test)]
mod spoiled;
pub mod store;
pub mod story;
pub mod tls;
pub mod wechat;
