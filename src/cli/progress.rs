//! How far long work is, on a terminal and nowhere else.

use std::io::{IsTerminal, Write};

use super::words::Lang;

/// One line on stderr that is written over.
pub struct Progress {
    lang: Lang,
    shown: bool,
}

impl Progress {
    /// Shown if somebody looks on.
    pub fn new(lang: Lang) -> Self {
        let shown = std::io::stderr().is_terminal();
        Self { lang, shown }
    }

    /// So many of so many segments are done.
    pub fn told(&mut self, done: usize, of: usize) {
        if self.shown {
            Self::tell(&self.lang.progress(done, of));
        }
    }

    /// The work is done, or has failed.
    pub fn end(&self) {
        if self.shown {
            Self::tell("");
        }
    }

    fn tell(text: &str) {
        // Nobody may look on.
        let _ = write!(std::io::stderr(), "\r\x1b[K{text}");
    }
}
