//! Lines of any other make, taken apart by a regular expression.

use std::fmt;

use regex_lite::{Captures, Regex, RegexBuilder};
use serde::{Deserialize, Serialize};

use super::fields::Fields;
use crate::camera::plate_text::PlateText;
use crate::camera::serial::FrameFault;
use crate::lane::plate::PlateFault;

/// The groups that a pattern may name.
const GROUPS: [&str; 5] = ["plate", "color", "confidence", "time", "lane"];
/// Longer patterns are refused.
const PATTERN_BYTES_MAX: usize = 512;
/// What a compiled pattern may take; `.{1000}{1000}` is refused.
const COMPILED_BYTES_MAX: usize = 256 * 1024;

/// A regular expression with the named group `plate`, and any of `color`, `confidence`, `time` and
/// `lane`. It is looked for anywhere in a line, unless `^` and `$` say otherwise, and never takes
/// longer than in proportion to the line.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Pattern(Regex);

/// Why a text is no [`Pattern`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternFault {
    #[error("no regular expression ({0}); backslashes need single quotes around the pattern")]
    Syntax(String),
    #[error("longer than {PATTERN_BYTES_MAX} bytes; write a shorter one")]
    TooLong,
    #[error("names no plate; write (?<plate>…) around its characters")]
    NoPlate,
    #[error(
        "names {0:?}, which means nothing here; known are plate, color, confidence, time, lane"
    )]
    Unknown(String),
}

impl Pattern {
    /// Compiles a pattern.
    ///
    /// # Errors
    /// See [`PatternFault`].
    pub fn new(text: &str) -> Result<Self, PatternFault> {
        if text.len() > PATTERN_BYTES_MAX {
            return Err(PatternFault::TooLong);
        }
        let regex = RegexBuilder::new(text)
            .size_limit(COMPILED_BYTES_MAX)
            .build()
            .map_err(|error| PatternFault::Syntax(error.to_string()))?;
        let mut names = regex.capture_names().flatten();
        if let Some(unknown) = names.find(|name| !GROUPS.contains(name)) {
            return Err(PatternFault::Unknown(unknown.to_owned()));
        }
        let pattern = Self(regex);
        match pattern.names("plate") {
            true => Ok(pattern),
            false => Err(PatternFault::NoPlate),
        }
    }

    /// Whether the pattern has the group.
    pub fn names(&self, group: &str) -> bool {
        self.0.capture_names().flatten().any(|name| name == group)
    }

    /// Matches a line in the encoding in which it says something, UTF-8 first, by the same rule as
    /// [`crate::camera::plate_text`].
    pub(super) fn read(&self, line: &[u8]) -> Result<Matched, FrameFault> {
        let utf8 = std::str::from_utf8(line).ok();
        let matched = utf8.and_then(|text| self.matched(text, false));
        if let Some(matched) = &matched
            && matched.plate.parsed != Err(PlateFault::Invalid)
        {
            return Ok(matched.clone());
        }
        let gbk = encoding_rs::GB18030.decode_without_bom_handling_and_without_replacement(line);
        let as_gbk = gbk.as_deref().and_then(|text| self.matched(text, true));
        let is_better = |matched: &Matched| matched.plate.parsed != Err(PlateFault::Invalid);
        match (matched, as_gbk) {
            (Some(_), Some(gbk)) if is_better(&gbk) => Ok(gbk),
            (Some(matched), _) | (None, Some(matched)) => Ok(matched),
            (None, None) if utf8.is_none() && gbk.is_none() => Err(FrameFault::Encoding),
            (None, None) => Err(FrameFault::NoMatch),
        }
    }

    fn matched(&self, text: &str, gbk: bool) -> Option<Matched> {
        let found = self.0.captures(text)?;
        let group = |found: &Captures<'_>, name: &str| {
            let text = found.name(name)?.as_str().trim();
            Some(text.to_owned()).filter(|text| !text.is_empty())
        };
        Some(Matched {
            plate: PlateText::of(found.name("plate").map_or("", |plate| plate.as_str()), gbk),
            color: group(&found, "color"),
            confidence: group(&found, "confidence"),
            time: group(&found, "time"),
            lane: group(&found, "lane"),
        })
    }
}

/// The groups of a line that matched.
#[derive(Clone, Debug)]
pub(super) struct Matched {
    plate: PlateText,
    color: Option<String>,
    confidence: Option<String>,
    time: Option<String>,
    lane: Option<String>,
}

impl Matched {
    pub fn fields(&self) -> Fields<'_> {
        Fields {
            address: self.lane.as_deref(),
            number: None,
            age_s: None,
            plate: self.plate.clone(),
            color: self.color.as_deref().unwrap_or_default().into(),
            confidence: self.confidence.as_deref(),
            time: self.time.as_deref(),
        }
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

impl Eq for Pattern {}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0.as_str())
    }
}

impl TryFrom<String> for Pattern {
    type Error = PatternFault;

    fn try_from(text: String) -> Result<Self, PatternFault> {
        Self::new(&text)
    }
}

impl From<Pattern> for String {
    fn from(pattern: Pattern) -> Self {
        pattern.0.as_str().to_owned()
    }
}
