//! Times as people read them, in Beijing time, whole seconds.

use serde::{Deserialize, Deserializer, Serializer, de};

use crate::lane::time::Wall;

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde asks for this signature"
)]
pub fn serialize<S: Serializer>(at: &Wall, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&at.to_rfc3339())
}

pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Wall, D::Error> {
    let text = String::deserialize(deserializer)?;
    Wall::from_rfc3339(&text).ok_or_else(|| de::Error::custom(format!("{text:?} is no time")))
}

/// The same for a time that may not be there.
pub mod option {
    use super::{Deserialize, Deserializer, Serializer, Wall, de};

    #[expect(clippy::ref_option, reason = "serde asks for this signature")]
    pub fn serialize<S: Serializer>(at: &Option<Wall>, serializer: S) -> Result<S::Ok, S::Error> {
        match at {
            Some(at) => serializer.serialize_some(&at.to_rfc3339()),
            None => serializer.serialize_none(),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(de: D) -> Result<Option<Wall>, D::Error> {
        let text = Option::<String>::deserialize(de)?;
        let Some(text) = text else { return Ok(None) };
        let at = Wall::from_rfc3339(&text);
        at.map(Some)
            .ok_or_else(|| de::Error::custom(format!("{text:?} is no time")))
    }
}
