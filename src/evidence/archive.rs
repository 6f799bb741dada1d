//! The archive: a zip without compression, so that every desk opens it.

use std::io::{Seek, Write};

use crate::store::sha256;
use serde_json::{Value, json};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::{Evidence, hexadecimal, readme};

/// Writes it. `told` is the story in words, by language: `en`, `zh`.
///
/// # Errors
/// When `out` cannot be written.
pub fn write<W: Write + Seek>(
    evidence: &Evidence,
    told: &[(&str, String)],
    out: W,
) -> std::io::Result<()> {
    let mut archive = Archive {
        zip: ZipWriter::new(out),
        sums: String::new(),
    };
    archive.file("README.txt", readme::text(evidence).as_bytes())?;
    for (lang, text) in told {
        archive.file(&format!("story.{lang}.txt"), text.as_bytes())?;
    }
    archive.file("story.json", pretty(&json!(evidence.story)).as_bytes())?;
    archive.file("rules.json", pretty(&json!(evidence.rules)).as_bytes())?;
    archive.file("ledger.json", pretty(&json!(evidence.ledger)).as_bytes())?;
    let mut list = String::new();
    for record in &evidence.records {
        let line = record.line();
        archive.file(&line.file, &record.stored.payload)?;
        list.push_str(&format!("{}\n", json!(line)));
    }
    archive.file("records.jsonl", list.as_bytes())?;
    for (name, bytes) in &evidence.segments {
        archive.file(&format!("ledger/{name}"), bytes)?;
    }
    archive.end()
}

struct Archive<W: Write + Seek> {
    zip: ZipWriter<W>,
    sums: String,
}

impl<W: Write + Seek> Archive<W> {
    fn file(&mut self, name: &str, bytes: &[u8]) -> std::io::Result<()> {
        let sum = hexadecimal(&sha256::of(bytes));
        self.sums.push_str(&format!("{sum}  {name}\n"));
        self.put(name, bytes)
    }

    fn put(&mut self, name: &str, bytes: &[u8]) -> std::io::Result<()> {
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Stored)
            .unix_permissions(0o600);
        self.zip.start_file(name, options)?;
        self.zip.write_all(bytes)
    }

    fn end(mut self) -> std::io::Result<()> {
        let sums = std::mem::take(&mut self.sums);
        self.put("SHA256SUMS", sums.as_bytes())?;
        self.zip.finish()?.flush()
    }
}

fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}
