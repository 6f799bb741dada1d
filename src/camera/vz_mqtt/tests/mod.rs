//! The fixtures of `tests/fixtures/gate-index.json`, and whatever else may arrive.

mod anything;
mod inbound;
mod outbound;
mod pictures;

use std::path::PathBuf;

use serde_json::Value;

use crate::lane::time::{BootId, Moment, Now, Wall};

fn fixture(path: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(path);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn index(list: &str) -> Vec<Value> {
    let index: Value = serde_json::from_slice(&fixture("gate-index.json")).unwrap();
    index[list].as_array().unwrap().clone()
}

fn wall(rfc3339: &str) -> Wall {
    Wall(rfc3339.parse::<jiff::Timestamp>().unwrap().as_millisecond())
}

fn at(wall: Wall) -> Now {
    Now {
        moment: Moment(1_000_000),
        wall,
        trusted: true,
        boot: BootId(7),
    }
}
