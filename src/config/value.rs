//! What a key may hold: the typed questions that a [`Section`] is asked.

use std::ops::{Range, RangeInclusive};
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::DeValue;

use super::document::{Need, Section, Takes};
use super::duration::{self, NoDuration};
use super::fault::excerpt;
use super::nearest::nearest;
use super::secret::CREDENTIAL;

impl<'d> Section<'d> {
    /// A text that `parse` understands; its error says what is wrong and what to write.
    pub(super) fn parsed<T>(
        &mut self,
        key: &'static str,
        need: Need,
        range: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        self.parsed_as(Takes::Text, key, need, range, parse)
    }

    fn parsed_as<T>(
        &mut self,
        takes: Takes,
        key: &'static str,
        need: Need,
        range: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let default = match &need {
            Need::Default(value) => Some(value.trim_matches('"').to_owned()),
            _ => None,
        };
        let Some(value) = self.value(key, need, range, takes) else {
            return parse(&default?).ok();
        };
        let parsed = match value.get_ref().as_str() {
            Some(text) => parse(text),
            None => Err(wrong_type(value, &format!("a text in quotes: {range}"))),
        };
        self.or_note(key, &value.span(), parsed)
    }

    /// One of the words in `choices`; words in `later` are known to the design, not to this version.
    pub(super) fn choice<T: Copy>(
        &mut self,
        key: &'static str,
        default: Option<&str>,
        choices: &[(&str, T)],
        later: &[&str],
    ) -> Option<T> {
        let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
        let range = quoted_list(&words);
        let need = default.map_or(Need::Required, |word| Need::Default(format!("\"{word}\"")));
        self.parsed_as(Takes::Word, key, need, &range, |text| {
            if let Some((_, value)) = choices.iter().find(|(word, _)| *word == text) {
                return Ok(*value);
            }
            let problem = if later.contains(&text) {
                format!("{text:?} is not in this version")
            } else {
                format!("{:?} is unknown", shortened(text))
            };
            let fix = match nearest(text, words.iter().copied()) {
                Some(word) => format!("{word:?}"),
                None => words
                    .iter()
                    .map(|word| format!("{word:?}"))
                    .collect::<Vec<_>>()
                    .join(" or "),
            };
            Err(format!("{problem}; write {fix}"))
        })
    }

    /// `true` or `false`.
    pub(super) fn flag(&mut self, key: &'static str, default: bool) -> bool {
        let need = Need::Default(default.to_string());
        let Some(value) = self.value(key, need, "true, false", Takes::Flag) else {
            return default;
        };
        let parsed = value
            .get_ref()
            .as_bool()
            .ok_or_else(|| wrong_type(value, "true or false, without quotes"));
        self.or_note(key, &value.span(), parsed).unwrap_or(default)
    }

    /// A whole number within `range`.
    pub(super) fn integer(
        &mut self,
        key: &'static str,
        need: Need,
        range: RangeInclusive<u64>,
    ) -> Option<u64> {
        let default = match &need {
            Need::Default(value) => value.parse().ok(),
            _ => None,
        };
        let shown = format!("{} – {}", range.start(), range.end());
        let is_money = key == "fen" || key.ends_with("_fen");
        let takes = if is_money { Takes::Fen } else { Takes::Integer };
        let Some(value) = self.value(key, need, &shown, takes) else {
            return default;
        };
        let wanted = format!("a whole number from {} to {}", range.start(), range.end());
        let parsed = match value.get_ref().as_integer() {
            None if is_money => Err(wrong_type(
                value,
                &format!("{wanted}, in fen: 5 yuan are 500"),
            )),
            None => Err(wrong_type(value, &wanted)),
            Some(integer) => u64::from_str_radix(integer.as_str(), integer.radix())
                .ok()
                .filter(|number| range.contains(number))
                .ok_or_else(|| format!("{} is out of range; write {wanted}", self.excerpt(value))),
        };
        self.or_note(key, &value.span(), parsed)
    }

    /// A whole number from 0 to `most`.
    pub(super) fn small(&mut self, key: &'static str, need: Need, most: u8) -> Option<u8> {
        let number = self.integer(key, need, 0..=u64::from(most))?;
        u8::try_from(number).ok()
    }

    /// A number from 0 to 1 with at most three decimals, in thousandths.
    pub(super) fn permille(&mut self, key: &'static str, need: Need) -> Option<u16> {
        const WANTED: &str = "0 to 1 with at most three decimals, such as 0.85";
        let default = match &need {
            Need::Default(value) => permille(value),
            _ => None,
        };
        let Some(value) = self.value(key, need, "0 – 1", Takes::Decimal) else {
            return default;
        };
        let parsed = match value.get_ref() {
            DeValue::Float(number) => permille(number.as_str()),
            DeValue::Integer(number) if number.radix() == 10 => permille(number.as_str()),
            DeValue::Integer(_) => None,
            _ => {
                self.note(key, &value.span(), wrong_type(value, WANTED));
                return None;
            }
        };
        let parsed = parsed.ok_or_else(|| {
            let found = self.excerpt(value);
            format!("{found} is out of range; write {WANTED}")
        });
        self.or_note(key, &value.span(), parsed)
    }

    /// A duration within `range`, in milliseconds; `example_ms` stands in the advice.
    pub(super) fn duration_ms(
        &mut self,
        key: &'static str,
        need: Need,
        example_ms: u64,
        range: RangeInclusive<u64>,
    ) -> Option<u64> {
        let (low, high) = (
            duration::format_ms(*range.start()),
            duration::format_ms(*range.end()),
        );
        let example = duration::format_ms(example_ms);
        let shown = format!("{low} – {high}");
        if let Some(value) = self.given(key)
            && value.get_ref().as_str().is_none()
        {
            let text = wrong_type(
                value,
                &format!("a duration in quotes, such as \"{example}\""),
            );
            let span = value.span();
            self.value(key, need, &shown, Takes::Duration);
            self.note(key, &span, text);
            return None;
        }
        self.parsed_as(Takes::Duration, key, need, &shown, |text| {
            let found = shortened(text);
            match duration::parse_ms(text) {
                Ok(ms) if range.contains(&ms) => Ok(ms),
                Ok(_) | Err(NoDuration::TooLong) => Err(format!(
                    "{found:?} is out of range; write \"{low}\" to \"{high}\""
                )),
                Err(NoDuration::NoUnit(number)) => {
                    let meant = duration::in_unit_of(number, example_ms);
                    let fits = duration::parse_ms(&meant).is_ok_and(|ms| range.contains(&ms));
                    let fix = if fits { &meant } else { &example };
                    Err(format!("{found:?} has no unit; write \"{fix}\""))
                }
                Err(NoDuration::Shape) => Err(format!(
                    "{found:?} is no duration; write a whole number and one of ms, s, m, h, d, such as \"{example}\""
                )),
            }
        })
    }

    /// As [`Section::duration_ms`], whole seconds only.
    pub(super) fn seconds(
        &mut self,
        key: &'static str,
        need: Need,
        example_ms: u64,
        range_ms: RangeInclusive<u64>,
    ) -> Option<u64> {
        let ms = self.duration_ms(key, need, example_ms, range_ms)?;
        if ms % 1000 != 0 {
            self.fault(
                key,
                "parts of a second are not priced; write whole seconds".to_owned(),
            );
            return None;
        }
        Some(ms / 1000)
    }

    /// An absolute file name. The value is never quoted in a fault: people paste keys here.
    pub(super) fn path(&mut self, key: &'static str, need: Need) -> Option<PathBuf> {
        self.parsed_as(Takes::Path, key, need, "absolute path", absolute_path)
    }

    /// A file with a key, a certificate or a password: an absolute name, or a credential of systemd.
    pub(super) fn file(&mut self, key: &'static str, need: Need) -> Option<PathBuf> {
        self.parsed(key, need, FILE, key_file)
    }

    /// A list of texts, each with its place in the file; `count` is how many there may be.
    pub(super) fn texts(
        &mut self,
        key: &'static str,
        need: Need,
        range: &str,
        count: RangeInclusive<usize>,
    ) -> Vec<(&'d str, Range<usize>)> {
        let Some(value) = self.value(key, need, range, Takes::Texts) else {
            return Vec::new();
        };
        let Some(items) = value.get_ref().as_array() else {
            let text = wrong_type(
                value,
                &format!("a list in brackets: [\"…\", \"…\"], {range}"),
            );
            self.note(key, &value.span(), text);
            return Vec::new();
        };
        if !count.contains(&items.len()) {
            let (least, most) = (count.start(), count.end());
            let text = format!("{} entries; write {least} to {most}", items.len());
            self.note(key, &value.span(), text);
        }
        let mut texts = Vec::new();
        for item in items.iter() {
            match item.get_ref().as_str() {
                Some(text) => texts.push((text, item.span())),
                None => self.note(key, &item.span(), wrong_type(item, "a text in quotes")),
            }
        }
        texts
    }

    fn or_note<T>(&self, key: &str, span: &Range<usize>, parsed: Result<T, String>) -> Option<T> {
        parsed.map_err(|text| self.note(key, span, text)).ok()
    }
}

/// `text` as it is quoted in a fault: not endless.
pub(super) fn shortened(text: &str) -> String {
    excerpt(text, &(0..text.len()))
}

/// Thousandths of a decimal fraction from 0 to 1, by its digits: no floating point.
fn permille(text: &str) -> Option<u16> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let decimals = decimals.trim_end_matches('0');
    if decimals.len() > 3 || !decimals.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let thousandths: u16 = format!("{decimals:0<3}").parse().ok()?;
    match whole {
        "0" => Some(thousandths),
        "1" if thousandths == 0 => Some(1000),
        _ => None,
    }
}

/// The check behind [`Section::path`], for lists of paths.
pub(super) fn absolute_path(text: &str) -> Result<PathBuf, String> {
    if text.contains("-----BEGIN") || text.contains('\n') {
        return Err(
            "this is the content of a file; write the name of the file that holds it".into(),
        );
    }
    if text.contains('\0') || !Path::new(text).is_absolute() {
        return Err("no absolute path; write the file's full name, from / on".into());
    }
    Ok(PathBuf::from(text))
}

/// What a key file may be called.
pub(super) const FILE: &str = "absolute path or credential:name";

/// See [`FILE`]. The value is never quoted in a fault: people paste keys here.
pub(super) fn key_file(text: &str) -> Result<PathBuf, String> {
    let Some(name) = text.strip_prefix(CREDENTIAL) else {
        return absolute_path(text);
    };
    let fits = (1..=64).contains(&name.len())
        && !name.starts_with('.')
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    match fits {
        true => Ok(PathBuf::from(text)),
        false => Err(
            "no name of a credential; write credential: and 1 to 64 of 0-9 A-Z a-z . _ -".into(),
        ),
    }
}

/// What stands there instead of what is wanted; never the value itself.
pub(super) fn wrong_type(value: &Spanned<DeValue<'_>>, wanted: &str) -> String {
    let found = match value.get_ref() {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a decimal number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    };
    format!("found {found}; write {wanted}")
}

fn quoted_list(words: &[&str]) -> String {
    words
        .iter()
        .map(|word| format!("\"{word}\""))
        .collect::<Vec<_>>()
        .join(", ")
}
