//! A ledger for tests of what stands in one.

use std::path::Path;

use super::{Identity, Ledger, Options};

/// Opens it, or makes it under this number. Its upkeep is done within the calls.
pub fn ledger(dir: &Path, number: u64) -> Ledger {
    let identity = Identity {
        site: "s".into(),
        box_id: "b".into(),
    };
    let options = Options {
        inline_upkeep: true,
        ..Options::default()
    };
    let (ledger, _) = Ledger::open(dir, &identity, &options, number).unwrap();
    ledger
}
