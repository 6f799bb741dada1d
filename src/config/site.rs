//! `[site]`: which car park, which box.

use serde::{Deserialize, Serialize};

use super::document::{Need, Section};
use super::value::shortened;
use crate::lane::plate::is_province;

/// The car park and the box in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Site {
    /// Stands in topics and callback addresses.
    pub id: String,
    /// The box's name within the site.
    #[serde(rename = "box")]
    pub box_id: String,
    /// `parking_name` as the driver reads it; at most 32 characters.
    pub name: String,
    /// Whom a driver at the gate can call.
    pub support_phone: Option<String>,
    /// The province that most cars here come from, the first character of their plates.
    pub province: Option<char>,
    /// How many cars there is room for; None: they are not counted.
    pub places: Option<u64>,
}

/// What an identifier may be made of.
pub(super) const IDENTIFIER: &str = "1 to 32 of 0-9 A-Z a-z -";

impl Site {
    pub(super) fn read(section: &mut Section<'_>) -> Self {
        let id = section.parsed("id", Need::Required, IDENTIFIER, identifier);
        let box_id = section.parsed("box", Need::Required, IDENTIFIER, identifier);
        let name = section.parsed("name", Need::Required, "1 to 32 characters", parking_name);
        section.choice("timezone", Some("+08:00"), &[("+08:00", ())], &[]);
        let support_phone = section.parsed(
            "support_phone",
            Need::Optional,
            "3 to 20 of 0-9 + - blank",
            phone,
        );
        let province = section.parsed("province", Need::Optional, "one character", province);
        let places = section.integer("places", Need::Optional, 1..=1_000_000);
        Self {
            id: id.unwrap_or_default(),
            box_id: box_id.unwrap_or_default(),
            name: name.unwrap_or_default(),
            support_phone,
            province,
            places,
        }
    }
}

/// A name that may stand in topics, addresses and WeChat's `device_id`.
pub(super) fn identifier(text: &str) -> Result<String, String> {
    let fits = (1..=32).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    match fits {
        true => Ok(text.to_owned()),
        false => Err(format!(
            "{:?} is not usable in topics and addresses; write {IDENTIFIER}",
            shortened(text)
        )),
    }
}

fn parking_name(text: &str) -> Result<String, String> {
    let count = text.chars().count();
    if text.trim().is_empty() || count > 32 {
        return Err(format!("{count} characters; WeChat takes 1 to 32"));
    }
    let odd = |c: &char| u32::from(*c) > 0xFFFF || c.is_control();
    match text.chars().find(odd) {
        Some(odd) => Err(format!("{odd:?} is not taken by WeChat; leave it out")),
        None => Ok(text.to_owned()),
    }
}

fn province(text: &str) -> Result<char, String> {
    let mut chars = text.trim().chars();
    match (chars.next(), chars.next()) {
        (Some(province), None) if is_province(province) => Ok(province),
        _ => Err(format!(
            "{:?} begins no plate; write the one character of your province, like 粤",
            shortened(text)
        )),
    }
}

fn phone(text: &str) -> Result<String, String> {
    let fits = (3..=20).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || b"+- ".contains(&byte));
    match fits {
        true => Ok(text.to_owned()),
        false => Err(format!(
            "{:?} is no telephone number; write 3 to 20 of 0-9 + - blank",
            shortened(text)
        )),
    }
}
