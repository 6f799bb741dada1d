//! Reading TOML without stopping at the first fault.
//!
//! A [`Section`] is asked for its keys one by one. What is wrong is noted in the [`Document`] with
//! its place and fix, and reading goes on; what was not asked for is unknown and noted when the
//! section is finished. The value returned in place of a faulty one is never used, since one fault
//! refuses the whole file.

use std::cell::RefCell;
use std::ops::Range;

use toml::de::DeTable;

use super::fault::{Fault, Faults, position};
pub(super) use super::key::{Key, Need, Takes};
pub(super) use super::section::{Section, Written};
use super::syntax;

/// One file while it is read.
pub(super) struct Document<'t> {
    file: &'t str,
    pub(super) text: &'t str,
    pub(super) faults: RefCell<Vec<Fault>>,
    pub(super) keys: RefCell<Vec<Key>>,
    /// Keys that no section knew, with their faults.
    pub(super) strays: RefCell<Vec<(String, usize)>>,
}

impl<'t> Document<'t> {
    /// Reads `text` with `read`, which is handed the root section.
    ///
    /// # Errors
    /// Everything that is wrong; a syntax error stands alone, since what follows it is guesswork.
    pub(super) fn read<T>(
        file: &'t str,
        text: &'t str,
        read: impl FnOnce(&mut Section<'_>) -> T,
    ) -> Result<T, Faults> {
        let (value, faults, _) = Self::read_all(file, text, read);
        match Faults::of(faults) {
            Some(faults) => Err(faults),
            None => Ok(value.expect("no value comes only of a syntax error, which is a fault")),
        }
    }

    /// As [`Document::read`], with everything that came of it: a value even beside faults, and the
    /// keys that were asked for.
    pub(super) fn read_all<T>(
        file: &'t str,
        text: &'t str,
        read: impl FnOnce(&mut Section<'_>) -> T,
    ) -> (Option<T>, Vec<Fault>, Vec<Key>) {
        let document = Self {
            file,
            text,
            faults: RefCell::default(),
            keys: RefCell::default(),
            strays: RefCell::default(),
        };
        let value = match DeTable::parse(text) {
            Ok(table) => {
                let table = table.into_inner();
                let mut root = Section::root(&document, &table);
                let value = read(&mut root);
                let known = root.finish();
                document.send_up(&known);
                Some(value)
            }
            Err(error) => {
                let span = error.span().unwrap_or(0..0);
                let message = error.message().trim().replace('\n', ", ");
                let fix = syntax::fix(text, &span, &message);
                let fix = fix.map_or(String::new(), |fix| format!("; {fix}"));
                let text = format!("not TOML: {message}{fix}");
                document.note(&span, String::new(), text);
                None
            }
        };
        (
            value,
            document.faults.into_inner(),
            document.keys.into_inner(),
        )
    }

    /// A key that belongs to the file as a whole, and stands below the head of a section: TOML reads it as
    /// the section's.
    fn send_up(&self, known: &[&'static str]) {
        let mut faults = self.faults.borrow_mut();
        for (name, fault) in self.strays.borrow().iter() {
            if let Some(fault) = faults
                .get_mut(*fault)
                .filter(|_| known.contains(&name.as_str()))
            {
                let text = "belongs to no section; move it up, above the first line with [ ]";
                fault.text = text.to_owned();
            }
        }
    }

    pub(super) fn note(&self, span: &Range<usize>, place: String, text: String) {
        self.faults.borrow_mut().push(Fault {
            file: self.file.to_owned(),
            position: Some(position(self.text, span.start)),
            place,
            text,
        });
    }
}
