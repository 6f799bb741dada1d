//! Documents with one place in them made wrong, for the tests of whatever reads documents.

use serde_json::Value;

/// A document with one fault.
pub struct Spoiled {
    /// Where, and what is there.
    pub what: String,
    /// The document, on one line. It need not be JSON any more, nor text.
    pub text: Vec<u8>,
}

/// What stands in a place where something else belongs.
const WRONG: [&[u8]; 36] = [
    b"null",
    b"true",
    b"false",
    b"0",
    b"1",
    b"-1",
    b"7",
    b"1.5",
    b"-0.0",
    b"1e308",
    b"1e999",
    b"4294967296",
    b"9007199254740993",
    b"9223372036854775807",
    b"-9223372036854775808",
    b"18446744073709551615",
    b"18446744073709551616",
    b"NaN",
    b"\"\"",
    b"\" \"",
    b"\"0\"",
    b"\"-1\"",
    b"\"18446744073709551616\"",
    b"\"\\u0000\"",
    b"\"\\ud800\"",
    b"\"\\u202e\\u0007\\n\\u001b[31m\"",
    b"\"\xff\xfe\"",
    b"\"\xe7\xb2\xa4B\xc2\xa0\xf0\x9f\x9a\x97\"",
    b"\"../../etc/passwd\"",
    b"[]",
    b"[null]",
    b"{}",
    b"{\"\":{}}",
    b"{\"a\":1,\"a\":[]}",
    b"[1,2",
    b"",
];
const LONG: usize = 3_000;
const DEEP: usize = 200;

/// Every JSON document that comes of a good one by a fault in one place: another type, another size,
/// deep nesting, no Unicode, missing, there twice, or something unknown beside it.
pub fn all(good: &Value) -> Vec<Spoiled> {
    all_in(Form::Json, good)
}

/// The same in TOML.
pub fn all_toml(good: &Value) -> Vec<Spoiled> {
    all_in(Form::Toml, good)
}

fn all_in(form: Form, good: &Value) -> Vec<Spoiled> {
    let faults = faults();
    let mut spoiled = Vec::new();
    for place in 0..places(good) {
        for fault in &faults {
            let mut writer = Writer {
                form,
                fault,
                left: place,
                text: Vec::new(),
                place: String::new(),
            };
            writer.write(good, "", true);
            let what = format!("{} {}", writer.place, fault.told());
            let text = writer.text;
            spoiled.push(Spoiled { what, text });
        }
    }
    spoiled
}

fn faults() -> Vec<Fault> {
    let long = [&b"\""[..], &vec![b'A'; LONG], b"\""].concat();
    let many = [&b"["[..], &b"0,".repeat(LONG), b"0]"].concat();
    let arrays = [b"[".repeat(DEEP), b"]".repeat(DEEP)].concat();
    let objects = [b"{\"a\":".repeat(DEEP), b"1".to_vec(), b"}".repeat(DEEP)].concat();
    let large = [long, many, arrays, objects, b"9".repeat(LONG)];
    let wrong = WRONG.iter().map(|text| text.to_vec()).chain(large);
    wrong
        .map(Fault::Is)
        .chain([Fault::Missing, Fault::Twice, Fault::NullFirst])
        .chain([Fault::NullAfter, Fault::Beside])
        .collect()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Json,
    Toml,
}

enum Fault {
    Is(Vec<u8>),
    Missing,
    Twice,
    NullFirst,
    NullAfter,
    Beside,
}

impl Fault {
    fn told(&self) -> String {
        match self {
            Self::Is(text) => {
                let start: Vec<u8> = text.iter().copied().take(40).collect();
                format!("is {}", String::from_utf8_lossy(&start))
            }
            Self::Missing => "is missing".to_owned(),
            Self::Twice => "is there twice".to_owned(),
            Self::NullFirst => "is there twice, first as null".to_owned(),
            Self::NullAfter => "is there twice, then as null".to_owned(),
            Self::Beside => "has an unknown neighbour".to_owned(),
        }
    }
}

/// How many values a value consists of, itself included.
fn places(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(places).sum(),
        Value::Object(members) => members.values().map(places).sum(),
        _ => 0,
    }
}

struct Writer<'a> {
    form: Form,
    fault: &'a Fault,
    /// Places until the one with the fault.
    left: usize,
    text: Vec<u8>,
    /// Its name.
    place: String,
}

impl Writer<'_> {
    /// `key` is the value's name, where it is a member.
    fn write(&mut self, value: &Value, key: &str, is_root: bool) {
        let is_here = self.left == 0;
        self.left = self.left.wrapping_sub(1);
        if is_here {
            self.write_fault(value, key);
            return;
        }
        self.name(key);
        let (open, close, members): (&[u8], &[u8], Vec<(&str, &Value)>) = match value {
            Value::Array(items) => (b"[", b"]", items.iter().map(|item| ("", item)).collect()),
            Value::Object(members) => {
                let members = members.iter().map(|(key, value)| (&**key, value));
                (b"{", b"}", members.collect())
            }
            _ => return self.text.extend_from_slice(value.to_string().as_bytes()),
        };
        let (open, close, between): (&[u8], &[u8], u8) = match self.form {
            Form::Toml if is_root => (b"", b"\n", b'\n'),
            _ => (open, close, b','),
        };
        self.text.extend_from_slice(open);
        let mut is_first = true;
        for (key, value) in members {
            let before = self.text.len();
            if !is_first {
                self.text.push(between);
            }
            let start = self.text.len();
            self.write(value, key, false);
            match self.text.len() == start {
                true => self.text.truncate(before),
                false => is_first = false,
            }
        }
        self.text.extend_from_slice(close);
    }

    fn write_fault(&mut self, value: &Value, key: &str) {
        self.place
            .push_str(if key.is_empty() { "the item" } else { key });
        let good = value.to_string().into_bytes();
        // Only a member can be repeated by its name.
        let values: Vec<&[u8]> = match self.fault {
            Fault::Is(wrong) => vec![wrong],
            Fault::Missing => vec![],
            _ if key.is_empty() => vec![&good],
            Fault::Twice => vec![&good, &good],
            Fault::NullFirst => vec![b"null", &good],
            Fault::NullAfter => vec![&good, b"null"],
            Fault::Beside => vec![&good],
        };
        for (number, value) in values.iter().enumerate() {
            if number > 0 {
                self.text.push(b',');
            }
            self.name(key);
            self.text.extend_from_slice(value);
        }
        if matches!(self.fault, Fault::Beside) && !key.is_empty() {
            self.text.push(b',');
            self.name("nobody_knows_this");
            self.text.extend_from_slice(b"[]");
        }
    }

    fn name(&mut self, key: &str) {
        if !key.is_empty() {
            let key = Value::from(key).to_string();
            self.text.extend_from_slice(key.as_bytes());
            self.text.push(match self.form {
                Form::Json => b':',
                Form::Toml => b'=',
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_place_is_spoiled_and_nothing_else() {
        let good = json!({"a": [1, "b"], "c": {"d": null}});
        let all = all(&good);
        assert_eq!(all.len(), 6 * (WRONG.len() + 10));
        let text = |what: &str| {
            let mut fitting = all.iter().filter(|it| it.what == what);
            String::from_utf8(fitting.next().unwrap().text.clone()).unwrap()
        };
        assert_eq!(text("d is 7"), r#"{"a":[1,"b"],"c":{"d":7}}"#);
        assert_eq!(text("a is missing"), r#"{"c":{"d":null}}"#);
        assert_eq!(text("c is missing"), r#"{"a":[1,"b"]}"#);
        let twice = r#"{"a":[1,"b"],"a":[1,"b"],"c":{"d":null}}"#;
        assert_eq!(text("a is there twice"), twice);
        assert_eq!(text("the item is true"), "true");
        assert!(all.iter().all(|it| !it.text.contains(&b'\n')));
        let toml = all_toml(&good);
        let whole = toml.iter().find(|it| it.what == "d is 7").unwrap();
        assert_eq!(whole.text, b"\"a\"=[1,\"b\"]\n\"c\"={\"d\"=7}\n");
    }
}
