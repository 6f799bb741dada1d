//! Spans of time as people write them: `"1500ms"`, `"8s"`, `"10m"`, `"72h"`, `"3d"`.

/// Unit names and their milliseconds, smallest first.
const UNITS: [(&str, u64); 5] = [
    ("ms", 1),
    ("s", 1000),
    ("m", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
];

/// Why a text is no duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoDuration {
    /// A bare number; it is given.
    NoUnit(u64),
    /// Not a whole number followed by a unit.
    Shape,
    /// More milliseconds than 64 bits hold.
    TooLong,
}

/// Milliseconds of a whole number and one unit, without a blank between them.
pub fn parse_ms(text: &str) -> Result<u64, NoDuration> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    if number.is_empty() {
        return Err(NoDuration::Shape);
    }
    let number: u64 = number.parse().map_err(|_| NoDuration::TooLong)?;
    if unit.is_empty() {
        return Err(NoDuration::NoUnit(number));
    }
    let (_, unit_ms) = UNITS
        .iter()
        .find(|(name, _)| *name == unit)
        .ok_or(NoDuration::Shape)?;
    number.checked_mul(*unit_ms).ok_or(NoDuration::TooLong)
}

/// The shortest exact writing up to hours: 1500 → `1500ms`, 259 200 000 → `72h`, 0 → `0s`.
pub fn format_ms(ms: u64) -> String {
    let unit = unit_of(ms);
    format!("{}{}", ms / unit.1, unit.0)
}

/// `number` with the unit in which `like_ms` is written.
pub(super) fn in_unit_of(number: u64, like_ms: u64) -> String {
    format!("{number}{}", unit_of(like_ms).0)
}

fn unit_of(ms: u64) -> (&'static str, u64) {
    let [milliseconds, seconds, minutes, hours, _] = UNITS;
    if ms == 0 {
        return seconds;
    }
    [hours, minutes, seconds]
        .into_iter()
        .find(|(_, unit_ms)| ms.is_multiple_of(*unit_ms))
        .unwrap_or(milliseconds)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn units_are_read() {
        for (text, ms) in [
            ("0s", 0),
            ("1500ms", 1500),
            ("8s", 8000),
            ("10m", 600_000),
            ("72h", 259_200_000),
            ("3d", 259_200_000),
        ] {
            assert_eq!(parse_ms(text), Ok(ms), "{text}");
        }
    }

    #[test]
    fn everything_else_is_refused() {
        assert_eq!(parse_ms("1500"), Err(NoDuration::NoUnit(1500)));
        for text in [
            "", "s", "-1s", "1.5s", "1 s", " 1s", "1h30m", "1S", "1min", "½h", "٣s",
        ] {
            assert_eq!(parse_ms(text), Err(NoDuration::Shape), "{text}");
        }
        for text in ["99999999999999999999ms", "18446744073709551615d"] {
            assert_eq!(parse_ms(text), Err(NoDuration::TooLong), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(ms: u64) {
            prop_assert_eq!(parse_ms(&format_ms(ms)), Ok(ms));
        }

        #[test]
        fn arbitrary_text_never_panics(text: String) {
            let _ = parse_ms(&text);
        }
    }
}
