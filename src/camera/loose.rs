//! JSON as cameras write it: numbers as strings, strings as numbers, parts missing or of another
//! kind. Nothing here refuses a value; what cannot be read counts as absent. Strings are borrowed
//! where they carry no escapes, and what nobody asked for (pictures) is skipped in place.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// An integer, also one written as a string, a fraction (cut) or a boolean.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Number(pub Option<i64>);

/// A string, also one written as an integer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text<'a>(pub Option<Cow<'a, str>>);

/// An object, or nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Maybe<T>(pub Option<T>);

/// The first objects of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Few<T>(pub Vec<T>);

/// Elements of a list beyond this are skipped.
const FEW: usize = 8;
/// A longer text is no number.
const NUMBER_BYTES_MAX: usize = 64;

impl Number {
    /// Whether the number is there and is not zero.
    pub fn is_set(self) -> bool {
        self.0.is_some_and(|value| value != 0)
    }
}

impl Text<'_> {
    /// The string without blanks around it; empty if absent.
    pub fn trimmed(&self) -> &str {
        self.0.as_deref().unwrap_or_default().trim()
    }

    /// The string, if it is there, not blank, and at most `bytes_max` long.
    pub fn within(&self, bytes_max: usize) -> Option<&str> {
        Some(self.trimmed()).filter(|text| !text.is_empty() && text.len() <= bytes_max)
    }
}

impl<T> Default for Maybe<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T> Default for Few<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = match deserializer.deserialize_any(AnyKind::<IgnoredAny, false>::new())? {
            Kind::Integer(value) => Some(value),
            Kind::Fraction(value) => whole(value),
            Kind::Text(text) if text.len() > NUMBER_BYTES_MAX => None,
            Kind::Text(text) => {
                let text = text.trim();
                text.parse().ok().or_else(|| whole(text.parse().ok()?))
            }
            Kind::Object(_) | Kind::List(_) | Kind::Nothing => None,
        };
        Ok(Self(number))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = match deserializer.deserialize_any(AnyKind::<IgnoredAny, false>::new())? {
            Kind::Text(text) => Some(text),
            Kind::Integer(value) => Some(Cow::Owned(value.to_string())),
            _ => None,
        };
        Ok(Self(text))
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Maybe<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match deserializer.deserialize_any(AnyKind::<T, false>::new())? {
            Kind::Object(object) => Ok(Self(Some(object))),
            _ => Ok(Self(None)),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Few<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match deserializer.deserialize_any(AnyKind::<T, true>::new())? {
            Kind::List(list) => Ok(Self(list)),
            _ => Ok(Self::default()),
        }
    }
}

/// The whole part of a fraction that an `f64` holds exactly.
fn whole(value: f64) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "within ±2^53, and the fraction may go"
    )]
    (value.abs() <= EXACT).then_some(value as i64)
}

/// A JSON value by its kind; objects, alone or in a list, are read as `T`.
enum Kind<'de, T> {
    Integer(i64),
    Fraction(f64),
    Text(Cow<'de, str>),
    Object(T),
    List(Vec<T>),
    Nothing,
}

/// Reads lists only where one is asked for: a list within a list is skipped, so that the stack does
/// not grow with the message's nesting.
struct AnyKind<T, const LISTS: bool>(PhantomData<T>);

impl<T, const LISTS: bool> AnyKind<T, LISTS> {
    fn new() -> Self {
        Self(PhantomData)
    }
}

impl<'de, T: Deserialize<'de>, const LISTS: bool> Visitor<'de> for AnyKind<T, LISTS> {
    type Value = Kind<'de, T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Kind::Integer(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Kind::Integer(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        Ok(i64::try_from(value).map_or(Kind::Nothing, Kind::Integer))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
        Ok(Kind::Fraction(value))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Kind::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Kind::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Kind::Nothing)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Kind::Object)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut few = Vec::new();
        while LISTS && few.len() < FEW {
            match list.next_element::<Maybe<T>>()? {
                Some(Maybe(Some(object))) => few.push(object),
                Some(Maybe(None)) => {}
                None => return Ok(Kind::List(few)),
            }
        }
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Kind::List(few))
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Default, Deserialize, PartialEq)]
    #[serde(default)]
    struct Part<'a> {
        number: Number,
        #[serde(borrow)]
        text: Text<'a>,
        #[serde(borrow)]
        part: Maybe<Box<Part<'a>>>,
        #[serde(borrow)]
        parts: Few<Part<'a>>,
    }

    #[test]
    fn numbers_come_in_every_dress() {
        for (json, number) in [
            ("7", Some(7)),
            ("-7", Some(-7)),
            ("\"7\"", Some(7)),
            ("\" 7 \"", Some(7)),
            ("7.9", Some(7)),
            ("\"7.9\"", Some(7)),
            ("true", Some(1)),
            ("null", None),
            ("\"x\"", None),
            (&format!("\"{}7\"", "0".repeat(64)), None),
            ("\"\"", None),
            ("1e300", None),
            ("18446744073709551615", None),
            ("[1]", None),
            ("{\"a\":1}", None),
        ] {
            let read: Number = serde_json::from_str(json).unwrap();
            assert_eq!(read.0, number, "{json}");
        }
    }

    #[test]
    fn a_part_of_another_kind_is_absent_and_costs_nothing_else() {
        for odd in ["null", "5", "\"x\"", "[]", "[[1],2]", "true", "1.5"] {
            let json = format!("{{\"part\":{odd},\"parts\":{odd},\"unknown\":{odd},\"number\":1}}");
            let read: Part = serde_json::from_str(&json).unwrap();
            assert_eq!(
                (read.part.0, read.parts.0.len(), read.number.0),
                (None, 0, Some(1))
            );
        }
    }

    #[test]
    fn lists_are_cut_and_strings_borrowed() {
        let json = format!(
            "{{\"parts\":[{}5],\"text\":\"abc\"}}",
            "{\"number\":1},".repeat(20)
        );
        let read: Part = serde_json::from_str(&json).unwrap();
        assert_eq!(read.parts.0.len(), FEW);
        assert!(matches!(read.text.0, Some(Cow::Borrowed("abc"))));
        assert_eq!(read.text.within(2), None);
    }
}
