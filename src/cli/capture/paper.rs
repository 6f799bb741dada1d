//! What a capture is written on: each frame with its time, its bytes and its text.

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::NO_FILE;
use crate::clock::{Clock, TrustRule};
use crate::lane::time::Wall;

/// What stands behind it is a picture.
const SHOWN_BYTES_MAX: usize = 4096;
const BYTES_A_ROW: usize = 24;

/// A file, or stdout.
pub struct Paper {
    out: Box<dyn Write>,
    name: String,
    clock: Clock,
    /// Written so far.
    pub frames: u64,
    /// In them.
    pub bytes: u64,
}

impl Paper {
    /// A new file, or stdout.
    ///
    /// # Errors
    /// The file exists already: what was captured once may not come again.
    pub fn open(file: Option<&Path>) -> Result<Self, String> {
        let (out, name): (Box<dyn Write>, _) = match file {
            None => (Box::new(io::stdout()), "stdout".to_owned()),
            Some(path) => {
                let mut options = OpenOptions::new();
                let opened = options.write(true).create_new(true).mode(0o600).open(path);
                let name = path.display().to_string();
                let opened = opened.map_err(|error| match error.kind() {
                    ErrorKind::AlreadyExists => {
                        format!("{name} exists already; name another file, or move it away")
                    }
                    _ => format!("{name} cannot be written: {error}"),
                })?;
                (Box::new(opened), name)
            }
        };
        Ok(Self {
            out,
            name,
            clock: Clock::system(TrustRule::Rtc, Wall(0)),
            frames: 0,
            bytes: 0,
        })
    }

    /// Writes a frame that came just now.
    pub fn write(&mut self, from: &str, frame: &[u8]) -> Result<(), (u8, String)> {
        self.frames = self.frames.saturating_add(1);
        let length = u64::try_from(frame.len()).unwrap_or(u64::MAX);
        self.bytes = self.bytes.saturating_add(length);
        let text = format!("{}  {from}  {}", self.time(), described(frame));
        self.put(&text)
    }

    /// Writes down something that is not the device's.
    pub fn note(&mut self, what: &str) -> Result<(), (u8, String)> {
        eprintln!("parkgate: {what}");
        let text = format!("{}  # {what}\n", self.time());
        self.put(&text)
    }

    /// Sees that everything is written.
    pub fn end(mut self) -> Result<(), String> {
        let name = self.name;
        self.out.flush().map_err(|error| format!("{name}: {error}"))
    }

    fn put(&mut self, text: &str) -> Result<(), (u8, String)> {
        let put = self.out.write_all(text.as_bytes());
        put.and_then(|()| self.out.flush())
            .map_err(|error| (NO_FILE, format!("{} cannot be written: {error}", self.name)))
    }

    fn time(&self) -> String {
        let ms = self.clock.now().wall.0;
        match jiff::Timestamp::from_millisecond(ms) {
            Ok(time) => format!("{:.3}", time.display_with_offset(jiff::tz::offset(8))),
            Err(_) => format!("{ms} ms after 1970"),
        }
    }
}

fn described(frame: &[u8]) -> String {
    let shown = frame.get(..SHOWN_BYTES_MAX).unwrap_or(frame);
    let mut text = format!("{} bytes", frame.len());
    if shown.len() < frame.len() {
        // Writing to a string cannot fail.
        let _ = write!(text, ", the first {} of them", shown.len());
    }
    text.push('\n');
    for row in shown.chunks(BYTES_A_ROW) {
        let bytes: Vec<String> = row.iter().map(|byte| format!("{byte:02X}")).collect();
        let _ = writeln!(text, "    {}", bytes.join(" "));
    }
    let _ = writeln!(text, "    {}", readable(shown));
    text
}

/// The bytes as text in the encoding that fits; what is no text is escaped.
fn readable(bytes: &[u8]) -> String {
    let decoded = match std::str::from_utf8(bytes) {
        Ok(text) => Some(text.into()),
        Err(error) if error.error_len().is_none() => {
            Some(String::from_utf8_lossy(&bytes[..error.valid_up_to()]))
        }
        Err(_) => encoding_rs::GB18030.decode_without_bom_handling_and_without_replacement(bytes),
    };
    let mut text = String::from("|");
    match decoded {
        Some(decoded) => {
            for c in decoded.chars() {
                match c.is_control() {
                    true => text.extend(c.escape_default()),
                    false => text.push(c),
                }
            }
        }
        None => text.extend(bytes.escape_ascii().map(char::from)),
    }
    text.push('|');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_shown_as_bytes_and_as_text() {
        assert_eq!(
            described("粤B\r\n".as_bytes()),
            "6 bytes\n    E7 B2 A4 42 0D 0A\n    |粤B\\r\\n|\n"
        );
        let rows = described(&[0xff; 25]);
        assert_eq!(rows.lines().count(), 4, "{rows}");
        let picture = described(&[b'A'; 5000]);
        assert!(picture.starts_with("5000 bytes, the first 4096 of them\n"));
    }

    #[test]
    fn text_is_shown_in_its_encoding_and_noise_is_escaped() {
        assert_eq!(readable(&[0xd4, 0xc1, b'B']), "|粤B|");
        assert_eq!(readable(b"\xff\x00"), "|\\xff\\x00|");
    }

    #[test]
    fn what_was_captured_once_is_not_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("capture.txt");
        let mut paper = Paper::open(Some(&file)).unwrap();
        paper.write("/dev/ttyS1", b"$PGH,1\r\n").unwrap();
        paper.end().unwrap();
        let refused = Paper::open(Some(&file)).err().unwrap();
        assert!(refused.contains("exists already"), "{refused}");
        let written = std::fs::read_to_string(&file).unwrap();
        let first = written.lines().next().unwrap();
        assert!(first.ends_with("+08:00  /dev/ttyS1  8 bytes"), "{first}");
    }
}
