//! The password of a P12 file: from a file, the merchant id, or whoever sits at the terminal. Never from the
//! command line, where everybody on the machine can read it.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use crate::cli::words::Lang;
use crate::config::{MissingSecret, read_secret};
use crate::credentials::Password;
use crate::wechat::Secret;

/// What may open a file, likeliest first.
pub struct Passwords {
    given: Option<Secret>,
    mchid: Option<String>,
    lang: Lang,
    /// Tries so far, and for which file.
    tries: usize,
    of: String,
}

/// How often somebody is asked.
const ASKED_MAX: usize = 3;

impl Passwords {
    pub fn new(
        file: Option<&Path>,
        mchid: Option<&str>,
        lang: Lang,
    ) -> Result<Self, MissingSecret> {
        let given = file.map(read_secret).transpose()?;
        Ok(Self {
            given: given.map(Secret::of),
            mchid: mchid.map(str::to_owned),
            lang,
            tries: 0,
            of: String::new(),
        })
    }
}

impl Password for Passwords {
    fn next(&mut self, file: &str) -> Option<Secret> {
        if self.of != file {
            self.of = file.to_owned();
            self.tries = 0;
        }
        let known = [
            self.given.clone(),
            self.mchid.clone().map(Secret::new),
            digits(file).map(Secret::new),
        ];
        let known: Vec<Secret> = known.into_iter().flatten().collect();
        let tries = self.tries;
        self.tries += 1;
        if let Some(password) = known.get(tries) {
            return Some(password.clone());
        }
        // Whoever gives a file is a script, and is not asked.
        if self.given.is_some() || tries >= known.len() + ASKED_MAX {
            return None;
        }
        ask(&self.lang.password_of(file))
    }
}

/// The merchant id that the tool puts into the names of its files.
fn digits(file: &str) -> Option<String> {
    let runs = file.split(|c: char| !c.is_ascii_digit());
    runs.into_iter()
        .find(|run| (8..=10).contains(&run.len()))
        .map(str::to_owned)
}

/// At the terminal, unseen. None where there is none.
fn ask(prompt: &str) -> Option<Secret> {
    let mut terminal = OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/tty")
        .ok()?;
    let _unseen = Unseen::begin(&terminal)?;
    terminal.write_all(prompt.as_bytes()).ok()?;
    // Room for everything at once: a line that grows would leave copies behind.
    let mut line = Zeroizing::new(String::with_capacity(1024));
    let read = BufReader::new(terminal.try_clone().ok()?).read_line(&mut line);
    // The line's end was not shown.
    let _ = terminal.write_all(b"\n");
    let is_empty = read.ok()? == 0 || line.trim().is_empty();
    (!is_empty).then(|| Secret::of(line))
}

/// A terminal that does not show what is typed, until it is dropped.
struct Unseen {
    terminal: File,
    before: Termios,
}

impl Unseen {
    fn begin(terminal: &File) -> Option<Self> {
        let before = tcgetattr(terminal).ok()?;
        let mut unseen = before.clone();
        unseen.local_modes.remove(LocalModes::ECHO);
        tcsetattr(terminal, OptionalActions::Flush, &unseen).ok()?;
        Some(Self {
            terminal: terminal.try_clone().ok()?,
            before,
        })
    }
}

impl Drop for Unseen {
    fn drop(&mut self) {
        // Nothing can be done about a terminal that went away.
        let _ = tcsetattr(&self.terminal, OptionalActions::Flush, &self.before);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_merchant_id_is_found_in_the_tools_names() {
        assert_eq!(
            digits("1900009191_20251124_cert.zip/apiclient_cert.p12").as_deref(),
            Some("1900009191")
        );
        assert_eq!(digits("apiclient_cert.p12"), None);
    }

    #[test]
    fn a_given_password_is_tried_first_and_nobody_is_asked_after_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("password");
        std::fs::write(&file, "hunter2\n").unwrap();
        let mut passwords = Passwords::new(Some(&file), Some("1900009191"), Lang::En).unwrap();
        let mut tried = Vec::new();
        while let Some(password) = passwords.next("apiclient_cert.p12") {
            tried.push(password.expose().to_owned());
        }
        assert_eq!(tried, ["hunter2", "1900009191"]);
        assert!(
            passwords.next("another.p12").is_some(),
            "from the beginning"
        );
    }
}
