//! Plates: numbers, colours, shapes (GA 36-2018).

use serde::{Deserialize, Serialize};

/// A normalised plate: upper case, half width, no separators. Shown masked above DEBUG.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PlateNumber(String);

impl PlateNumber {
    /// The whole plate: for WeChat, the ledger and comparison, not for logs above DEBUG.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The plate with its middle hidden, `粤B·8***88`, for logs and screens.
    pub fn masked(&self) -> String {
        let chars: Vec<char> = self.0.chars().collect();
        let shown_tail = 2.min(chars.len().saturating_sub(3));
        let head: String = chars.iter().take(2).collect();
        let third: String = chars.iter().skip(2).take(1).collect();
        let tail: String = chars[chars.len() - shown_tail..].iter().collect();
        format!("{head}·{third}***{tail}")
    }
}

/// Masked, so that a stray `{:?}` leaks nothing.
impl std::fmt::Debug for PlateNumber {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.masked())
    }
}

/// WeChat's word for the plate's colour (`wechat-pay.md` 2.0).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum PlateColor {
    Blue,
    Green,
    Yellow,
    Black,
    White,
    /// Yellow-green, large new-energy vehicles.
    LimeGreen,
}
