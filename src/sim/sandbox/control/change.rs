//! A change of some values among many: what is not named stays, and what is named wrongly is told by its
//! name.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::problem::Problem;

/// The body of a request; nothing is an empty object.
pub(super) fn object(body: &[u8]) -> Result<Map<String, Value>, Problem> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(Map::new());
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(Problem::value("", "the body is not a JSON object")),
        Err(error) => Err(Problem::value("", format!("the body is not JSON: {error}"))),
    }
}

/// The body as a whole.
pub(super) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    let object = Value::Object(object(body)?);
    serde_json::from_value(object).map_err(|error| Problem::value("", error))
}

/// `current` with the values that `body` names in their places. Within the objects that `nested` names,
/// single values are changed, too.
pub(super) fn changed<T: Serialize + DeserializeOwned>(
    current: &T,
    body: &[u8],
    nested: &[&str],
) -> Result<T, Problem> {
    let as_json =
        |value: &T| serde_json::to_value(value).map_err(|error| Problem::value("", error));
    let mut now = as_json(current)?;
    for (key, value) in object(body)? {
        match value {
            Value::Object(parts) if nested.contains(&key.as_str()) => {
                for (part, value) in parts {
                    now[&key][&part] = value;
                    check::<T>(&now, &format!("{key}.{part}"))?;
                }
            }
            value => {
                now[&key] = value;
                check::<T>(&now, &key)?;
            }
        }
    }
    check(&now, "")
}

fn check<T: DeserializeOwned>(value: &Value, path: &str) -> Result<T, Problem> {
    serde_json::from_value(value.clone()).map_err(|error| Problem::value(path, error))
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Dials {
        count: u32,
        pause_ms: Option<u64>,
        rates: Rates,
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Rates {
        slow: u16,
        lost: u16,
    }

    #[test]
    fn named_values_change_and_others_stay() {
        let body = br#"{"pause_ms": null, "rates": {"lost": 7}}"#;
        let after = changed(&dials(), body, &["rates"]).unwrap();
        let rates = Rates { slow: 1, lost: 7 };
        let wanted = Dials {
            count: 3,
            pause_ms: None,
            rates,
        };
        assert_eq!(after, wanted);
        assert_eq!(changed(&dials(), b"", &[]).unwrap(), dials());
    }

    #[test]
    fn a_wrong_value_is_told_by_its_name() {
        for (body, named) in [
            (r#"{"count": "many"}"#, "count: invalid type"),
            (r#"{"count": -1}"#, "count: invalid value"),
            (r#"{"rates": {"lost": 70000}}"#, "rates.lost: invalid value"),
            (
                r#"{"rates": {"missing": 1}}"#,
                "rates.missing: unknown field",
            ),
            (r#"{"other": 1}"#, "other: unknown field"),
            ("[]", "not a JSON object"),
            ("{", "not JSON"),
        ] {
            let problem = changed(&dials(), body.as_bytes(), &["rates"]).unwrap_err();
            assert!(
                format!("{problem:?}").contains(named),
                "{body}: {problem:?}"
            );
        }
    }

    fn dials() -> Dials {
        let rates = Rates { slow: 1, lost: 2 };
        Dials {
            count: 3,
            pause_ms: Some(4),
            rates,
        }
    }
}
