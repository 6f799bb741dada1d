//! The operator's files: read once, checked whole, every fault at once with its place and fix.

use std::path::Path;

mod document;
pub mod duration;
mod fault;
mod nearest;
mod tariff;
#[cfg(test)]
mod tests;
mod value;

pub use self::document::{Key, Need};
pub use self::fault::{Fault, Faults, Position};

/// The text of a file; the largest that is read has 1 MiB.
fn read_file(file: &Path, file_name: &str) -> Result<String, Faults> {
    const LARGEST: u64 = 1 << 20;
    let fault = |text: String| Faults::of_file(file_name, text);
    let unreadable = |error: std::io::Error| {
        fault(format!(
            "cannot be read ({error}); check the name and the rights"
        ))
    };
    let length = std::fs::metadata(file).map_err(unreadable)?.len();
    if length > LARGEST {
        return Err(fault(format!("{length} bytes; this is no config file")));
    }
    let bytes = std::fs::read(file).map_err(unreadable)?;
    String::from_utf8(bytes).map_err(|error| {
        let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = valid.iter().filter(|byte| **byte == b'\n').count() + 1;
        fault(format!("line {line} is not UTF-8; save the file as UTF-8"))
    })
}
