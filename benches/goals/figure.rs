//! Figures on their way from whatever measured them to the table of goals.

use std::fs::File;
use std::io::{Result, Write};

/// Keeps a figure, if the variable `PARKGATE_FIGURES` names a file for them. A script does the same with
/// `echo "NAME VALUE" >> "$PARKGATE_FIGURES"`. The names are those of `goals.txt`.
pub fn put(name: &str, value: f64) -> Result<()> {
    let Some(path) = std::env::var_os("PARKGATE_FIGURES") else {
        return Ok(());
    };
    let mut file = File::options().create(true).append(true).open(path)?;
    writeln!(file, "{name} {value}")
}
