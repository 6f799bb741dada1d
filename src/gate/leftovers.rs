//! What the ledger never took.

use std::path::Path;

use crate::lane::time::Wall;
use crate::park::record::Record;

/// Leaves it as a file for people beside the ledger, where that can be written.
pub fn leave(kept: &[&Record], store: &Path, now: Wall) {
    if kept.is_empty() {
        return;
    }
    let file = store.join(format!("not-in-ledger-{}.jsonl", now.0));
    let lines: Vec<u8> = kept
        .iter()
        .flat_map(|record| record.to_stored().payload.into_iter().chain(*b"\n"))
        .collect();
    match std::fs::write(&file, lines) {
        Ok(()) => tracing::error!(
            "{} records are in no ledger; they are in {}",
            kept.len(),
            file.display()
        ),
        Err(error) => tracing::error!(
            error = &error as &dyn std::error::Error,
            "{} records are in no ledger and could not be left in a file",
            kept.len()
        ),
    }
}
