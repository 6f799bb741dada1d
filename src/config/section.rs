//! One table of a file, asked for its keys one by one.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::document::Document;
use super::fault::excerpt;
use super::key::{Key, Need, Takes};
use super::nearest::nearest;
use super::value::{shortened, wrong_type};

/// One table of the file, given or left out.
pub(super) struct Section<'d> {
    document: &'d Document<'d>,
    /// `[exit]`, `[[lane]]`; empty for the root.
    label: String,
    /// Tables between the label and the key, with a dot after each.
    inner: String,
    /// For [`Key::path`].
    path: String,
    table: Option<&'d DeTable<'d>>,
    span: Range<usize>,
    /// Whether its required keys are missed when it is left out.
    wanted: bool,
    known: Vec<&'static str>,
    /// Required keys that are not there, and what they take.
    missing: Vec<(&'static str, String)>,
    unknown_allowed: bool,
    /// Whether its keys belong to [`Document::read_all`]'s list of keys.
    listed: bool,
}

/// How a list of tables is usually written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Written {
    /// `[[key]]` above each.
    Sections,
    /// `key = [{ … }, { … }]`, or `key = { … }` for one.
    Inline,
}

impl<'d> Section<'d> {
    /// The file's own table.
    pub(super) fn root(document: &'d Document<'d>, table: &'d DeTable<'d>) -> Self {
        Self {
            document,
            label: String::new(),
            inner: String::new(),
            path: String::new(),
            table: Some(table),
            span: 0..0,
            wanted: true,
            known: Vec::new(),
            missing: Vec::new(),
            unknown_allowed: false,
            listed: true,
        }
    }

    /// A table. If it is left out, `read` meets only defaults, and required keys are faults.
    pub(super) fn section<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&mut Section<'d>) -> T,
    ) -> T {
        self.child(key, true, read)
    }

    /// A table that may be left out whole: then None, and its required keys are not missed.
    pub(super) fn optional_section<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&mut Section<'d>) -> T,
    ) -> Option<T> {
        let given = self.table.is_some_and(|table| table.contains_key(key));
        let value = self.child(key, false, read);
        given.then_some(value)
    }

    /// An array of tables with at least one element.
    pub(super) fn sections<T>(
        &mut self,
        key: &'static str,
        mut read: impl FnMut(&mut Section<'d>) -> T,
    ) -> Vec<T> {
        self.known.push(key);
        let label = format!("[[{key}]]");
        let Some(value) = self.table.and_then(|table| table.get(key)) else {
            self.document.note(
                &self.span,
                label,
                format!("missing; write one [[{key}]] section for each {key}"),
            );
            return Vec::new();
        };
        let items = value.get_ref().as_array().map_or(&[][..], |array| array);
        if !items.iter().all(|item| item.get_ref().is_table()) || items.is_empty() {
            let text = format!("not a list of sections; write [[{key}]] above each {key}");
            self.document.note(&value.span(), label, text);
            return Vec::new();
        }
        items
            .iter()
            .map(|item| {
                let mut section = Section {
                    document: self.document,
                    label: label.clone(),
                    inner: String::new(),
                    path: key.to_owned(),
                    table: item.get_ref().as_table(),
                    span: item.span(),
                    wanted: true,
                    known: Vec::new(),
                    missing: Vec::new(),
                    unknown_allowed: false,
                    listed: self.listed,
                };
                let value = read(&mut section);
                section.finish();
                value
            })
            .collect()
    }

    /// Tables of which there may be none, one or many. If there is none, `read` meets an empty one whose
    /// value is dropped.
    pub(super) fn tables<T>(
        &mut self,
        key: &'static str,
        written: Written,
        mut read: impl FnMut(&mut Section<'d>) -> T,
    ) -> Vec<T> {
        self.known.push(key);
        let Some(value) = self.given(key) else {
            self.read_table(key, written, None, self.span.clone(), &mut read);
            return Vec::new();
        };
        if let Some(table) = value.get_ref().as_table() {
            return vec![self.read_table(key, written, Some(table), value.span(), &mut read)];
        }
        let items = value.get_ref().as_array().map_or(&[][..], |array| array);
        if items.is_empty() || !items.iter().all(|item| item.get_ref().is_table()) {
            let wanted = match written {
                Written::Sections => format!("a section, [[{}]], for each", self.section_name(key)),
                Written::Inline => format!("tables, {key} = [{{ … }}, {{ … }}]"),
            };
            self.note(key, &value.span(), wrong_type(value, &wanted));
            return Vec::new();
        }
        let items = items.iter();
        items
            .map(|item| {
                let table = item.get_ref().as_table();
                self.read_table(key, written, table, item.span(), &mut read)
            })
            .collect()
    }

    fn read_table<T>(
        &self,
        key: &'static str,
        written: Written,
        table: Option<&'d DeTable<'d>>,
        span: Range<usize>,
        read: &mut impl FnMut(&mut Section<'d>) -> T,
    ) -> T {
        let (label, inner) = match (written, self.label.is_empty()) {
            (Written::Sections, _) => (format!("[[{}]]", self.section_name(key)), String::new()),
            (Written::Inline, true) => (format!("[{key}]"), String::new()),
            (Written::Inline, false) => (self.label.clone(), format!("{}{key}.", self.inner)),
        };
        let mut section = Section {
            document: self.document,
            label,
            inner,
            path: join(&self.path, key),
            wanted: table.is_some(),
            table,
            span,
            known: Vec::new(),
            missing: Vec::new(),
            unknown_allowed: false,
            listed: self.listed,
        };
        let value = read(&mut section);
        section.finish();
        value
    }

    fn section_name(&self, key: &str) -> String {
        let outer = self.label.trim_matches(['[', ']']);
        join(outer, key)
    }

    /// Asks for keys that are described elsewhere: they stay out of the list of keys.
    pub(super) fn unlisted<T>(&mut self, read: impl FnOnce(&mut Self) -> T) -> T {
        let listed = std::mem::replace(&mut self.listed, false);
        let value = read(self);
        self.listed = listed;
        value
    }

    /// A key or table that the design names and this version does not serve.
    pub(super) fn not_yet(&mut self, key: &'static str) {
        let Some(table) = self.table else { return };
        let Some((found, _)) = table.get_key_value(key) else {
            return;
        };
        self.known.push(key);
        let place = self.place(key);
        self.document.note(
            &found.span(),
            place,
            "not in this version; leave it out".to_owned(),
        );
    }

    /// The value of `key` as it stands, after taking note of the key; a missing one is noted.
    pub(super) fn value(
        &mut self,
        key: &'static str,
        need: Need,
        range: &str,
        takes: Takes,
    ) -> Option<&'d Spanned<DeValue<'d>>> {
        self.known.push(key);
        let found = self.given(key);
        if found.is_none() && need == Need::Required {
            self.missing.push((key, range.to_owned()));
        }
        if self.listed {
            self.document.keys.borrow_mut().push(Key {
                path: join(&self.path, key),
                need,
                range: range.to_owned(),
                takes,
            });
        }
        found
    }

    /// Notes a fault of `key` where its value stands, or at the section if it is not given.
    pub(super) fn fault(&self, key: &str, text: String) {
        let span = self.given(key).map_or(self.span.clone(), Spanned::span);
        self.note(key, &span, text);
    }

    /// Notes a fault between the sections of `key`, where the first of them stands.
    pub(super) fn fault_among(&self, key: &str, text: String) {
        let items = self.given(key).and_then(|value| value.get_ref().as_array());
        let first = items.and_then(|items| items.first()).map(Spanned::span);
        let span = first.unwrap_or(self.span.clone());
        let place = format!("[[{}]]", self.section_name(key));
        self.document.note(&span, place, text);
    }

    /// Notes a fault of a section within sections, each told by its key and its name, where it begins.
    pub(super) fn fault_about(&self, place: &[(&str, &str)], text: String) {
        let mut table = self.table;
        let mut span = self.span.clone();
        for (key, name) in place {
            let items = table.and_then(|table| table.get(*key));
            let items = items.map(|items| items.get_ref());
            let list = items.and_then(|items| items.as_array());
            let one = list.into_iter().flatten().find(|item| {
                let its = item.get_ref().get("name").map(|its| its.get_ref());
                its.and_then(|its| its.as_str()) == Some(*name)
            });
            let Some(one) = one else { break };
            span = one.span();
            table = one.get_ref().as_table();
        }
        let keys: Vec<&str> = place.iter().map(|(key, _)| *key).collect();
        let place = format!("[[{}]]", self.section_name(&keys.join(".")));
        self.document.note(&span, place, text);
    }

    /// Notes a fault of `key` at `span`.
    pub(super) fn note(&self, key: &str, span: &Range<usize>, text: String) {
        self.document.note(span, self.place(key), text);
    }

    /// Whether `key` is given, rightly or wrongly.
    pub(super) fn has(&self, key: &str) -> bool {
        self.given(key).is_some()
    }

    /// Lets keys pass that were not asked for: they belong to something that is refused already.
    pub(super) fn allow_unknown(&mut self) {
        self.unknown_allowed = true;
    }

    /// Asks for keys of which nobody knows yet whether they are needed: none of them is missed.
    pub(super) fn perhaps<T>(&mut self, read: impl FnOnce(&mut Self) -> T) -> T {
        let missing = self.missing.len();
        let value = read(self);
        self.missing.truncate(missing);
        value
    }

    /// Whether this section stands in the file.
    pub(super) fn is_given(&self) -> bool {
        self.table.is_some()
    }

    /// What stands in the file as `value`, for quoting.
    pub(super) fn excerpt(&self, value: &Spanned<DeValue<'_>>) -> String {
        excerpt(self.document.text, &value.span())
    }

    /// Number of faults so far: contradictions are looked for only between values that are right.
    pub(super) fn faults(&self) -> usize {
        self.document.faults.borrow().len()
    }

    fn child<T>(
        &mut self,
        key: &'static str,
        wanted: bool,
        read: impl FnOnce(&mut Section<'d>) -> T,
    ) -> T {
        self.known.push(key);
        let is_root = self.label.is_empty();
        let value = self.given(key);
        let table = self.given_table(key);
        if let Some(value) = value
            && table.is_none()
        {
            let wanted = if is_root {
                format!("a section, [{key}]")
            } else {
                format!("a table, {key} = {{ … }}")
            };
            self.note(key, &value.span(), wrong_type(value, &wanted));
        }
        let mut section = Section {
            document: self.document,
            label: if is_root {
                format!("[{key}]")
            } else {
                self.label.clone()
            },
            inner: if is_root {
                String::new()
            } else {
                format!("{}{key}.", self.inner)
            },
            path: join(&self.path, key),
            table,
            span: value.map_or(self.span.clone(), Spanned::span),
            // A table of the wrong type is one fault, not one more for each of its keys.
            wanted: wanted && self.wanted && value.is_none(),
            known: Vec::new(),
            missing: Vec::new(),
            unknown_allowed: false,
            listed: self.listed,
        };
        let value = read(&mut section);
        section.finish();
        value
    }

    /// Notes what was not asked for, and what was missed. Gives back what was asked for.
    pub(super) fn finish(self) -> Vec<&'static str> {
        match self.table {
            Some(table) => self.note_others_than_known(table),
            None => self.note_left_out(),
        }
        self.known
    }

    fn note_others_than_known(&self, table: &DeTable<'_>) {
        let mut meant_keys = Vec::new();
        for key in table.keys().filter(|_| !self.unknown_allowed) {
            let name = key.get_ref().as_ref();
            if self.known.contains(&name) {
                continue;
            }
            let is_section = self.label.is_empty() && self.given_table(name).is_some();
            let kind = if is_section { "section" } else { "key" };
            let text = match self.meant_by(name) {
                Some(meant) => {
                    meant_keys.push(meant);
                    format!("unknown {kind}; did you mean {meant:?}?")
                }
                None => format!("unknown {kind}; known here: {}", self.known.join(", ")),
            };
            if !self.label.is_empty() {
                let fault = (name.to_owned(), self.faults());
                self.document.strays.borrow_mut().push(fault);
            }
            self.note(&shortened(name), &key.span(), text);
        }
        // A mistyped key is one mistake, not also a missing key.
        for (key, range) in &self.missing {
            if !meant_keys.contains(key) {
                self.note(
                    key,
                    &self.span,
                    format!("missing; write {key} = …, {range}"),
                );
            }
        }
    }

    /// Notes a section that is not there although it has required keys.
    fn note_left_out(&self) {
        if self.wanted && !self.missing.is_empty() {
            let keys: Vec<&str> = self.missing.iter().map(|(key, _)| *key).collect();
            let place = format!("{} {}", self.label, self.inner.trim_end_matches('.'));
            let text = format!("missing; it needs {}", keys.join(", "));
            self.document
                .note(&self.span, place.trim().to_owned(), text);
        }
    }

    /// The known key nearest to a mistyped one, rather one that is not given.
    fn meant_by(&self, name: &str) -> Option<&'static str> {
        let free = self.known.iter().filter(|key| self.given(key).is_none());
        nearest(name, free.copied()).or_else(|| nearest(name, self.known.iter().copied()))
    }

    /// The value of `key`, which may lead through tables: `camera.device_id`.
    pub(super) fn given(&self, key: &str) -> Option<&'d Spanned<DeValue<'d>>> {
        match key.split_once('.') {
            None => self.table?.get(key),
            Some((table, key)) => self.table?.get(table)?.get_ref().get(key),
        }
    }

    fn given_table(&self, key: &str) -> Option<&'d DeTable<'d>> {
        self.table?.get(key)?.get_ref().as_table()
    }

    fn place(&self, key: &str) -> String {
        if !self.label.is_empty() {
            return format!("{} {}{key}", self.label, self.inner);
        }
        match key.split_once('.') {
            Some((table, key)) => format!("[{table}] {key}"),
            None if self.given_table(key).is_some() => format!("[{key}]"),
            None => key.to_owned(),
        }
    }
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() {
        key.to_owned()
    } else {
        format!("{path}.{key}")
    }
}
