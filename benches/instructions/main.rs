//! What one event costs in instructions: from the bytes of a camera's message, as the broker delivers
//! them, to the bytes of the open command, with the records on disk in between. The daemon's own code
//! runs, with its ledger and without its sockets.
//!
//! `benches/instructions.sh` runs this in Callgrind, which counts what is spent within the functions of
//! [`measured`]; everything around them is there so that the car park stays as it was. By itself this
//! binary measures nothing.
//!
//! `instructions FORM ROUNDS STORE`: so many rounds of two cars, one that leaves soon and one that pays,
//! with the store in the folder `STORE`, which must not be there yet.

mod cars;
mod lanes;
mod measured;

use std::error::Error;
use std::path::Path;

use cars::Cars;
use lanes::{Behind, Lanes};

type Outcome<T> = Result<T, Box<dyn Error>>;

/// Cars inside all the while.
const INSIDE: usize = 100;
/// The tariff lets the one go free and charges the other.
const SHORT_MS: u64 = 10 * 60_000;
const LONG_MS: u64 = 40 * 60_000;

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [form, rounds, store] = arguments.as_slice() else {
        println!("SKIPPED: benches/instructions.sh runs this and counts. Nothing was measured.");
        return Ok(());
    };
    let (picture, behind) = match form.as_str() {
        "plain" => (false, Behind::Nothing),
        "picture" => (true, Behind::Nothing),
        "rows" => (false, Behind::Rows),
        "index" => (false, Behind::Index),
        _ => return Err(format!("no form {form}").into()),
    };
    let mut lanes = Lanes::open(Path::new(store), Cars::new(picture), behind)?;
    let rounds: usize = rounds.parse()?;
    for _ in 0..INSIDE {
        lanes.enter()?;
    }
    for _ in 0..rounds {
        let car = lanes.enter()?;
        lanes.wait(SHORT_MS)?;
        lanes.leave_free(&car)?;
        let car = lanes.enter()?;
        lanes.wait(LONG_MS)?;
        lanes.leave_charged(&car)?;
    }
    lanes.close()
}
