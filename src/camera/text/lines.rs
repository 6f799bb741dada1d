//! Cutting a stream of bytes into lines.

/// Longer lines lose their beginning.
pub const LINE_BYTES_MAX: usize = 256;

/// What stands between two line ends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line {
    /// Never empty, at most [`LINE_BYTES_MAX`], without its end.
    pub bytes: Vec<u8>,
    /// It was longer than that, and these are its last bytes.
    pub is_cut: bool,
}

/// Lines end with CR, LF or both; STX and ETX, which some devices put around theirs, end one too.
/// None of these bytes is part of a character in UTF-8 or GB18030.
#[derive(Debug, Default)]
pub struct Lines {
    held: Line,
}

impl Lines {
    /// Takes in what came, in whatever pieces, and returns the lines that are complete.
    pub fn take(&mut self, bytes: &[u8]) -> Vec<Line> {
        let mut lines = Vec::new();
        for byte in bytes {
            if matches!(byte, b'\r' | b'\n' | 0x02 | 0x03) {
                let line = std::mem::take(&mut self.held);
                lines.extend(Some(line.bounded()).filter(|line| !line.bytes.is_empty()));
                continue;
            }
            self.held.bytes.push(*byte);
            if self.held.bytes.len() >= 2 * LINE_BYTES_MAX {
                self.held = std::mem::take(&mut self.held).bounded();
            }
        }
        lines
    }

    /// Whether a line has begun.
    pub fn is_midway(&self) -> bool {
        !self.held.bytes.is_empty()
    }

    /// Drops a line that was begun; whether there was one.
    pub fn forget(&mut self) -> bool {
        !std::mem::take(&mut self.held).bytes.is_empty()
    }
}

impl Line {
    fn bounded(mut self) -> Self {
        if let Some(surplus) = self.bytes.len().checked_sub(LINE_BYTES_MAX)
            && surplus > 0
        {
            self.bytes.drain(..surplus);
            self.is_cut = true;
        }
        self
    }
}

/// The line without what a bus says between two talkers: no text begins or ends with these bytes.
pub fn without_noise(line: &[u8]) -> &[u8] {
    let is_noise = |byte: &u8| byte.is_ascii_control() || *byte == 0xff;
    let start = line.iter().position(|byte| !is_noise(byte));
    let end = line.iter().rposition(|byte| !is_noise(byte));
    match (start, end) {
        (Some(start), Some(end)) => &line[start..=end],
        _ => &[],
    }
}
