//! What `.ci/machine.sh` runs in a virtual machine whose power is cut: says how many commits the disk
//! holds, and then each that is acknowledged.

#![expect(clippy::unwrap_used, reason = "a test")]

mod writer;

use std::io::{Write, stdout};
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use parkgate::store::ledger::Options;

use writer::{Writer, read};

/// Shorter than a commit takes in a virtual machine.
const LOOK_EVERY: Duration = Duration::from_micros(100);

fn main() {
    let disk = PathBuf::from(std::env::args_os().nth(1).unwrap());
    let mut told = read(&disk);
    say(&format!("found {told}"));
    let options = Options {
        first_segment_bytes: 4 * 4096,
        segment_bytes: 32 * 4096,
        ..Options::default()
    };
    let writer = Writer::start(&disk, &options);
    // Until the power is cut, or a commit fails.
    while !writer.has_ended() {
        let acknowledged = writer.acknowledged();
        if acknowledged > told {
            told = acknowledged;
            say(&format!("acknowledged {told}"));
        }
        thread::sleep(LOOK_EVERY);
    }
    writer.stop();
}

fn say(line: &str) {
    let mut out = stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).unwrap();
}
