//! `[lists]`: plates with a rule of their own.

use std::collections::BTreeSet;
use std::ops::Range;

use serde::de::IntoDeserializer;
use serde::de::value::Error as ValueError;
use serde::{Deserialize, Serialize};

use super::document::{Need, Section};
use crate::lane::plate::PlateNumber;

/// Short lists, kept in the config itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lists {
    /// Not let in.
    pub blocked: BTreeSet<PlateNumber>,
    /// Come and go without paying.
    pub permits: BTreeSet<PlateNumber>,
    /// Police, military, ambulance and rescue vehicles pay nothing.
    pub free_special_vehicles: bool,
}

/// Longer lists do not belong into a config file.
const MOST: usize = 10_000;

impl Lists {
    pub(super) fn read(section: &mut Section<'_>) -> Self {
        let blocked = plates(section, "blocked");
        let permits = plates(section, "permits");
        for (plate, span) in &permits {
            if blocked.iter().any(|(other, _)| other == plate) {
                section.note(
                    "permits",
                    span,
                    "stands under blocked too; leave one out".into(),
                );
            }
        }
        let set = |list: Vec<(PlateNumber, _)>| list.into_iter().map(|(plate, _)| plate).collect();
        Self {
            blocked: set(blocked),
            permits: set(permits),
            free_special_vehicles: section.flag("free_special_vehicles", true),
        }
    }
}

fn plates(section: &mut Section<'_>, key: &'static str) -> Vec<(PlateNumber, Range<usize>)> {
    let default = Need::Default("[]".into());
    let mut plates = Vec::new();
    for (text, span) in section.texts(key, default, "plates", 0..=MOST) {
        match plate(text) {
            Some(plate) => plates.push((plate, span)),
            None => section.note(
                key,
                &span,
                "no plate; write province, letter and serial, such as \"粤B12345\"".into(),
            ),
        }
    }
    plates
}

/// A plate as a person types it: blanks, dots and hyphens dropped, half width, upper case.
fn plate(text: &str) -> Option<PlateNumber> {
    let plate: String = text
        .chars()
        .map(half_width)
        .filter(|c| !c.is_whitespace() && !['·', '•', '.', '-'].contains(c))
        .flat_map(char::to_uppercase)
        .collect();
    let count = plate.chars().count();
    let is_han = |c: char| ('\u{4E00}'..='\u{9FFF}').contains(&c);
    let fits = (5..=9).contains(&count)
        && plate
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || is_han(c))
        && plate.chars().any(is_han);
    if !fits {
        return None;
    }
    let text: serde::de::value::StringDeserializer<ValueError> = plate.into_deserializer();
    PlateNumber::deserialize(text).ok()
}

fn half_width(c: char) -> char {
    match c {
        '\u{FF01}'..='\u{FF5E}' => char::from_u32(u32::from(c) - 0xFEE0).unwrap_or(c),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plates_are_normalised() {
        for (text, kept) in [
            ("粤B12345", "粤B12345"),
            (" 粤b·12345 ", "粤B12345"),
            ("粤Ｂ-１２３４５", "粤B12345"),
            ("粤BD12345", "粤BD12345"),
            ("WJ粤1234X", "WJ粤1234X"),
            ("粤B1234警", "粤B1234警"),
        ] {
            assert_eq!(plate(text).unwrap().as_str(), kept, "{text}");
        }
        for text in ["", "粤", "B12345", "粤B12345678", "粤B1234?", "粤B1234é"] {
            assert!(plate(text).is_none(), "{text}");
        }
    }
}
