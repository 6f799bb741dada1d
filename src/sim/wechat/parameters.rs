//! The query of a request's target, read as strictly as a body.

use serde_json::Value;

use super::message::Request;
use super::refusal::Refusal;

/// Decoded names and values; every one is taken once.
pub(super) struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// The query of `request`, percent-decoded.
    pub fn of(request: &Request) -> Result<Self, Refusal> {
        let query = request
            .target
            .split_once('?')
            .map_or("", |(_, query)| query);
        let mut pairs: Vec<(String, String)> = Vec::new();
        for part in query.split('&').filter(|part| !part.is_empty()) {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let (Some(name), Some(value)) = (decode(name), decode(value)) else {
                return Err(Refusal::parameter(
                    "query",
                    part,
                    None,
                    "is not percent-encoded UTF-8",
                ));
            };
            if pairs.iter().any(|(known, _)| *known == name) {
                return Err(Refusal::parameter("query", &name, None, "is there twice"));
            }
            pairs.push((name, value));
        }
        Ok(Self(pairs))
    }

    /// The value of `name`, which must be there.
    pub fn required(&mut self, name: &str) -> Result<String, Refusal> {
        self.optional(name)
            .filter(|value| !value.is_empty())
            .ok_or_else(|| Refusal::parameter("query", name, None, "is missing"))
    }

    /// The value of `name`.
    pub fn optional(&mut self, name: &str) -> Option<String> {
        let place = self.0.iter().position(|(known, _)| known == name)?;
        Some(self.0.swap_remove(place).1)
    }

    /// Refuses what was not asked for.
    pub fn finish(self) -> Result<(), Refusal> {
        match self.0.first() {
            None => Ok(()),
            Some((unknown, _)) => Err(Refusal::unknown_parameter("query", unknown)),
        }
    }
}

/// A refusal of the value of `name`.
pub(super) fn refuse(name: &str, value: &str, issue: &str) -> Refusal {
    Refusal::parameter("query", name, Some(&Value::from(value)), issue)
}

/// Percent-decodes; None unless the text is ASCII, every `%` has two digits, and UTF-8 comes out.
pub(in crate::sim) fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = match (first, tail) {
            (b'%', [high, low, after @ ..]) => {
                bytes.push(16 * hex(*high)? + hex(*low)?);
                after
            }
            (b'%', _) => return None,
            (byte, _) if !byte.is_ascii_graphic() => return None,
            (byte, _) => {
                bytes.push(*byte);
                tail
            }
        };
    }
    String::from_utf8(bytes).ok()
}

fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_encoding_is_decoded_strictly() {
        assert_eq!(decode("%E7%B2%A4B888888").as_deref(), Some("粤B888888"));
        for text in ["粤B888888", "%E7%B2", "%", "%4", "%zz", "a b", "%FF"] {
            assert_eq!(decode(text), None, "{text}");
        }
    }
}
