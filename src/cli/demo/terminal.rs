//! The terminal: keys as they are pressed, and its own ways again afterwards.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};

use rustix::process::getpgrp;
use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, isatty, tcgetattr, tcgetpgrp,
    tcgetwinsize, tcsetattr,
};

/// A terminal that a person sits at. Dropping it gives it back as it was found.
pub struct Terminal {
    input: OwnedFd,
    output: File,
    found: Termios,
}

/// Of a terminal that does not tell.
const COLUMNS: usize = 80;
/// Pasted text is marked as such.
const ENTER: &str = "\x1b[?2004h";
const LEAVE: &str = "\x1b[?2004l";

impl Terminal {
    /// The terminal of stdin and stdout. None: at least one of them is none, or it cannot do more
    /// than write lines, or this process runs in its background.
    pub fn of_stdio() -> Option<Self> {
        let is_dumb = std::env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb");
        let (stdin, stdout) = (io::stdin(), io::stdout());
        if is_dumb || !isatty(&stdin) || !isatty(&stdout) || tcgetpgrp(&stdin) != Ok(getpgrp()) {
            return None;
        }
        let input = stdin.as_fd().try_clone_to_owned().ok()?;
        let output = stdout.as_fd().try_clone_to_owned().ok()?;
        Self::over(input, output).ok()
    }

    /// A terminal of which one reads `input` and writes `output`.
    ///
    /// # Errors
    /// When it is none, or was closed.
    pub fn over(input: OwnedFd, output: OwnedFd) -> io::Result<Self> {
        let terminal = Self {
            found: tcgetattr(&input)?,
            input,
            output: File::from(output),
        };
        Ok(terminal)
    }

    /// What keys are read from.
    ///
    /// # Errors
    /// When no file descriptor is to be had.
    pub fn input(&self) -> io::Result<OwnedFd> {
        self.input.try_clone()
    }

    /// Has it give keys at once and unseen. Ctrl-C and Ctrl-Z stay signals.
    ///
    /// # Errors
    /// When it was closed.
    pub fn enter(&mut self) -> io::Result<()> {
        let mut modes = self.found.clone();
        let line_modes = LocalModes::ICANON | LocalModes::ECHO | LocalModes::IEXTEN;
        modes.local_modes.remove(line_modes);
        modes.local_modes.insert(LocalModes::ISIG);
        modes.special_codes[SpecialCodeIndex::VMIN] = 1;
        modes.special_codes[SpecialCodeIndex::VTIME] = 0;
        tcsetattr(&self.input, OptionalActions::Now, &modes)?;
        self.write(ENTER)
    }

    /// Gives it back as it was found. Keys that nobody has read are forgotten, so that no shell
    /// takes them for commands.
    ///
    /// # Errors
    /// When it was closed.
    pub fn leave(&mut self) -> io::Result<()> {
        self.write(LEAVE)?;
        Ok(tcsetattr(&self.input, OptionalActions::Flush, &self.found)?)
    }

    /// As wide as it is now.
    pub fn columns(&self) -> usize {
        match tcgetwinsize(&self.output) {
            Ok(size) if size.ws_col > 0 => usize::from(size.ws_col),
            _ => COLUMNS,
        }
    }

    /// Writes all of it.
    ///
    /// # Errors
    /// When it was closed.
    pub fn write(&mut self, text: &str) -> io::Result<()> {
        self.output.write_all(text.as_bytes())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // It may have been closed.
        let _ = self.leave();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rustix::fs::{Mode, OFlags, open};
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

    use super::*;
    use crate::cli::demo::keyboard::Keyboard;
    use crate::cli::demo::paint::Paint;
    use crate::cli::demo::screen::Screen;

    const DEADLINE: Duration = Duration::from_secs(20);

    #[test]
    fn a_panic_gives_the_terminal_back() {
        let (_master, line) = pair();
        let found = modes(&line);
        let terminal = terminal(&line);
        let shown = line.try_clone().unwrap();
        let panicked = std::panic::catch_unwind(move || {
            let _screen = Screen::with_foot(terminal, Paint::none()).unwrap();
            assert_ne!(modes(&shown), found);
            panic!("as a test");
        });
        assert!(panicked.is_err());
        assert_eq!(modes(&line), found);
    }

    #[tokio::test]
    async fn keys_come_at_once_and_reading_ends_while_nobody_types() {
        let (mut master, line) = pair();
        let mut terminal = terminal(&line);
        terminal.enter().unwrap();
        let mut keyboard = Keyboard::open(terminal.input().unwrap()).unwrap();
        master.write_all("粤".as_bytes()).unwrap();
        let mut typed = Vec::new();
        while typed.len() < "粤".len() {
            let piece = tokio::time::timeout(DEADLINE, keyboard.next());
            typed.extend(piece.await.unwrap().unwrap());
        }
        assert_eq!(typed, "粤".as_bytes());
        drop(keyboard);
    }

    fn terminal(line: &OwnedFd) -> Terminal {
        Terminal::over(line.try_clone().unwrap(), line.try_clone().unwrap()).unwrap()
    }

    fn modes(line: &OwnedFd) -> LocalModes {
        tcgetattr(line).unwrap().local_modes
    }

    /// A pseudo-terminal: the side of the one who types, and the line.
    fn pair() -> (File, OwnedFd) {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let master = openpt(flags).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        (
            File::from(master),
            open(&name, flags, Mode::empty()).unwrap(),
        )
    }
}
