//! What a key of a file is called, takes, and means when it is left out.

use std::fmt;

/// A key that a file may have, for `docs/configure.md` and `parkgate config explain`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// With its sections, `exit.if_wechat_silent.normal_up_to_fen`.
    pub path: String,
    /// Whether it must be given, and what holds if not.
    pub need: Need,
    /// Which values are taken.
    pub range: String,
    /// What kind of value.
    pub takes: Takes,
}

/// What kind of value a key takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    Text,
    /// One of a few texts.
    Word,
    Path,
    /// A list of texts.
    Texts,
    Flag,
    Integer,
    /// A whole number of fen.
    Fen,
    /// A decimal fraction.
    Decimal,
    Duration,
}

impl Takes {
    /// For people.
    pub fn word(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Word => "word",
            Self::Path => "path",
            Self::Texts => "list of texts",
            Self::Flag => "true or false",
            Self::Integer | Self::Fen => "whole number",
            Self::Decimal => "decimal number",
            Self::Duration => "duration",
        }
    }

    /// What it is counted in.
    pub fn unit(self) -> Option<&'static str> {
        match self {
            Self::Fen => Some("fen"),
            Self::Duration => Some("ms, s, m, h or d, in quotes"),
            _ => None,
        }
    }
}

/// What becomes of a key that is left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Need {
    /// That is a fault.
    Required,
    /// Nothing stands in its place.
    Optional,
    /// As if this had been written.
    Default(String),
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Required => f.write_str("required"),
            Self::Optional => f.write_str("none"),
            Self::Default(value) => f.write_str(value),
        }
    }
}
