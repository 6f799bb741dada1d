//! A JSON body, read key by key and strictly: nothing missing, nothing unknown, nothing ill-typed.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::refusal::Refusal;
use super::time;
use crate::lane::time::Wall;

/// A time as it was written and as it is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct WrittenTime {
    pub text: String,
    pub wall: Wall,
}

const COLORS: [&str; 6] = ["BLUE", "GREEN", "YELLOW", "BLACK", "WHITE", "LIMEGREEN"];

/// The bytes as JSON, without characters beyond the Basic Multilingual Plane (`wechat-pay.md` 1.2).
pub(super) fn parse(body: &[u8]) -> Result<Value, Refusal> {
    let value: Value = serde_json::from_slice(body)
        .map_err(|error| Refusal::parameter("body", "", None, &format!("is not JSON: {error}")))?;
    check_characters(&value, "")?;
    Ok(value)
}

fn check_characters(value: &Value, at: &str) -> Result<(), Refusal> {
    let refuse = || {
        Refusal::parameter(
            "body",
            at,
            None,
            "has a character that needs more than three bytes of UTF-8",
        )
    };
    match value {
        Value::String(text) if !is_basic(text) => Err(refuse()),
        Value::Array(items) => items.iter().try_for_each(|item| check_characters(item, at)),
        Value::Object(map) => map.iter().try_for_each(|(key, item)| {
            if !is_basic(key) {
                return Err(refuse());
            }
            check_characters(item, &format!("{at}/{key}"))
        }),
        _ => Ok(()),
    }
}

fn is_basic(text: &str) -> bool {
    text.chars().all(|char| char.len_utf8() <= 3)
}

/// One object of a body; every key is taken once, and [`Fields::finish`] refuses the rest.
pub(super) struct Fields<'a> {
    object: &'a Map<String, Value>,
    at: String,
    taken: BTreeSet<&'static str>,
}

/// Addresses of this machine.
const LOOPBACK: [&str; 3] = ["http://127.0.0.1:", "http://localhost:", "http://[::1]:"];

impl<'a> Fields<'a> {
    /// The body's top level.
    pub fn of(body: &'a Value) -> Result<Self, Refusal> {
        Self::at(body, String::new())
    }

    fn at(value: &'a Value, at: String) -> Result<Self, Refusal> {
        match value {
            Value::Object(object) => Ok(Self {
                object,
                at,
                taken: BTreeSet::new(),
            }),
            other => Err(Refusal::parameter(
                "body",
                &at,
                Some(other),
                "is not an object",
            )),
        }
    }

    /// A text of 1 to `longest` characters.
    pub fn text(&mut self, key: &'static str, longest: usize) -> Result<String, Refusal> {
        self.optional_text(key, longest)?
            .ok_or_else(|| self.refuse(key, "is missing"))
    }

    /// As [`Self::text`]; None if the key is absent.
    pub fn optional_text(
        &mut self,
        key: &'static str,
        longest: usize,
    ) -> Result<Option<String>, Refusal> {
        let Some(value) = self.take(key) else {
            return Ok(None);
        };
        let Value::String(text) = value else {
            return Err(self.refuse(key, "is not a string"));
        };
        if text.is_empty() || text.chars().count() > longest {
            return Err(self.refuse(key, &format!("is not 1 to {longest} characters long")));
        }
        if text.chars().any(char::is_control) {
            return Err(self.refuse(key, "has a control character"));
        }
        Ok(Some(text.clone()))
    }

    /// A text of `[0-9A-Za-z]`.
    pub fn alphanumeric(&mut self, key: &'static str, longest: usize) -> Result<String, Refusal> {
        let text = self.text(key, longest)?;
        if !text.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(self.refuse(key, "has characters other than digits and letters"));
        }
        Ok(text)
    }

    /// One of a fixed list of words.
    pub fn word(&mut self, key: &'static str, words: &[&str]) -> Result<String, Refusal> {
        self.optional_word(key, words)?
            .ok_or_else(|| self.refuse(key, "is missing"))
    }

    /// As [`Self::word`]; None if the key is absent.
    pub fn optional_word(
        &mut self,
        key: &'static str,
        words: &[&str],
    ) -> Result<Option<String>, Refusal> {
        let text = self.optional_text(key, 32)?;
        match text {
            Some(word) if !words.contains(&word.as_str()) => {
                Err(self.refuse(key, &format!("is not one of {}", words.join(", "))))
            }
            other => Ok(other),
        }
    }

    /// A whole number from 0.
    pub fn whole(&mut self, key: &'static str) -> Result<u64, Refusal> {
        match self.take(key) {
            None => Err(self.refuse(key, "is missing")),
            Some(value) => value
                .as_u64()
                .ok_or_else(|| self.refuse(key, "is not a whole number from 0")),
        }
    }

    /// An RFC 3339 time.
    pub fn time(&mut self, key: &'static str) -> Result<WrittenTime, Refusal> {
        let text = self.text(key, 32)?;
        match time::parse(&text) {
            Some(wall) => Ok(WrittenTime { text, wall }),
            None => Err(self.refuse(key, "is not of the form yyyy-MM-DDTHH:mm:ss+08:00")),
        }
    }

    /// As [`Self::time`]; None if the key is absent.
    pub fn optional_time(&mut self, key: &'static str) -> Result<Option<WrittenTime>, Refusal> {
        match self.object.contains_key(key) {
            true => self.time(key).map(Some),
            false => Ok(None),
        }
    }

    /// A plate without separators, as WeChat wants it.
    pub fn plate(&mut self, key: &'static str) -> Result<String, Refusal> {
        let text = self.text(key, 32)?;
        match plate_fault(&text) {
            None => Ok(text),
            Some(issue) => Err(self.refuse(key, issue)),
        }
    }

    /// A word for a plate's colour.
    pub fn color(&mut self, key: &'static str) -> Result<String, Refusal> {
        self.word(key, &COLORS)
    }

    /// An https address without a query; `loopback`: or one of this machine without TLS.
    pub fn notify_url(&mut self, loopback: bool) -> Result<String, Refusal> {
        let url = self.text("notify_url", 256)?;
        let is_loopback = loopback && LOOPBACK.iter().any(|start| url.starts_with(start));
        let host = url
            .strip_prefix("https://")
            .or_else(|| url.strip_prefix("http://").filter(|_| is_loopback))
            .map(|rest| rest.split('/').next().unwrap_or_default());
        match host {
            None => Err(self.refuse("notify_url", "does not start with https://")),
            Some("") => Err(self.refuse("notify_url", "names no host")),
            Some(_) if url.contains(['?', '#']) => {
                Err(self.refuse("notify_url", "has a query or fragment"))
            }
            Some(_) if !url.bytes().all(|byte| byte.is_ascii_graphic()) => {
                Err(self.refuse("notify_url", "has blanks or characters that are not ASCII"))
            }
            Some(_) => Ok(url),
        }
    }

    /// An object within this one.
    pub fn object(&mut self, key: &'static str) -> Result<Fields<'a>, Refusal> {
        match self.take(key) {
            None => Err(self.refuse(key, "is missing")),
            Some(value) => Fields::at(value, format!("{}/{key}", self.at)),
        }
    }

    /// Refuses the keys that were not asked for.
    pub fn finish(self) -> Result<(), Refusal> {
        match self
            .object
            .keys()
            .find(|key| !self.taken.contains(key.as_str()))
        {
            None => Ok(()),
            Some(unknown) => Err(Refusal::unknown_parameter(
                "body",
                &format!("{}/{unknown}", self.at),
            )),
        }
    }

    /// A refusal of the value of `key`.
    pub fn refuse(&self, key: &str, issue: &str) -> Refusal {
        Refusal::parameter(
            "body",
            &format!("{}/{key}", self.at),
            self.object.get(key),
            issue,
        )
    }

    fn take(&mut self, key: &'static str) -> Option<&'a Value> {
        self.taken.insert(key);
        self.object.get(key)
    }
}

/// What is wrong with a plate; None if nothing is.
pub(in crate::sim) fn plate_fault(plate: &str) -> Option<&'static str> {
    let fits =
        |char: char| char.is_ascii_digit() || char.is_ascii_uppercase() || is_ideograph(char);
    if !plate.chars().all(fits) {
        Some("has characters other than digits, upper-case letters and Chinese characters")
    } else if plate.chars().count() < 2 {
        Some("is too short for a plate")
    } else {
        None
    }
}

/// Whether `word` is one of WeChat's words for a plate's colour.
pub(in crate::sim) fn is_color(word: &str) -> bool {
    COLORS.contains(&word)
}

fn is_ideograph(char: char) -> bool {
    ('\u{4E00}'..='\u{9FFF}').contains(&char)
}
