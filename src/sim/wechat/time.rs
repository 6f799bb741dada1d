//! WeChat's ways of writing a time (`wechat-pay.md` 1.2).

use jiff::Timestamp;
use jiff::tz::Offset;

use crate::lane::time::Wall;

/// Reads `yyyy-MM-DDTHH:mm:ss[.fraction](Z|±HH:MM)`; anything looser is refused.
pub(super) fn parse(text: &str) -> Option<Wall> {
    if !has_strict_form(text.as_bytes()) {
        return None;
    }
    let timestamp: Timestamp = text.parse().ok()?;
    Some(Wall(timestamp.as_millisecond()))
}

/// Whole seconds, +08:00.
pub(super) fn format(wall: Wall) -> String {
    Offset::constant(8)
        .to_datetime(timestamp(wall))
        .strftime("%Y-%m-%dT%H:%M:%S+08:00")
        .to_string()
}

/// As [`format`], with milliseconds.
pub(super) fn format_ms(wall: Wall) -> String {
    Offset::constant(8)
        .to_datetime(timestamp(wall))
        .strftime("%Y-%m-%dT%H:%M:%S%.3f+08:00")
        .to_string()
}

/// The calendar day at +08:00, `yyyyMMdd`.
pub(super) fn day(wall: Wall) -> String {
    Offset::constant(8)
        .to_datetime(timestamp(wall))
        .strftime("%Y%m%d")
        .to_string()
}

/// The form of the HTTP `Date` header.
pub(super) fn http_date(wall: Wall) -> String {
    Offset::UTC
        .to_datetime(timestamp(wall))
        .strftime("%a, %d %b %Y %H:%M:%S GMT")
        .to_string()
}

/// Whole seconds since 1970.
pub(super) fn seconds(wall: Wall) -> i64 {
    wall.0.div_euclid(1000)
}

/// A wall clock beyond the calendar's range counts as its end.
fn timestamp(wall: Wall) -> Timestamp {
    Timestamp::from_millisecond(wall.0).unwrap_or(if wall.0 < 0 {
        Timestamp::MIN
    } else {
        Timestamp::MAX
    })
}

fn has_strict_form(text: &[u8]) -> bool {
    const DATE_TIME: &[u8] = b"dddd-dd-ddTdd:dd:dd";
    const OFFSET: &[u8] = b"dd:dd";
    let Some((date_time, rest)) = text.split_at_checked(DATE_TIME.len()) else {
        return false;
    };
    let rest = match rest.strip_prefix(b".") {
        Some(fraction) => {
            let digits = fraction.iter().take_while(|b| b.is_ascii_digit()).count();
            if !(1..=9).contains(&digits) {
                return false;
            }
            &fraction[digits..]
        }
        None => rest,
    };
    let zone_fits = match rest {
        b"Z" => true,
        [b'+' | b'-', offset @ ..] => fits(offset, OFFSET),
        _ => false,
    };
    fits(date_time, DATE_TIME) && zone_fits
}

/// Whether `text` has the shape of `pattern`, where `d` stands for a digit.
fn fits(text: &[u8], pattern: &[u8]) -> bool {
    text.len() == pattern.len()
        && text
            .iter()
            .zip(pattern)
            .all(|(byte, expected)| match expected {
                b'd' => byte.is_ascii_digit(),
                _ => byte == expected,
            })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_documented_forms_are_read() {
        let ten = Wall(1_763_949_600_000);
        for text in [
            "2025-11-24T10:00:00+08:00",
            "2025-11-24T02:00:00Z",
            "2025-11-24T10:00:00.000+08:00",
        ] {
            assert_eq!(parse(text), Some(ten), "{text}");
        }
        for text in [
            "",
            "2025-11-24 10:00:00+08:00",
            "2025-11-24T10:00:00",
            "2025-11-24T10:00:00+0800",
            "2025-11-24T10:00:00+08",
            "2025-11-24t10:00:00z",
            "2025-11-24T10:00+08:00",
            "2025-11-24T10:00:00.+08:00",
            "2025-13-24T10:00:00+08:00",
            "2025-02-30T10:00:00+08:00",
            "2025-11-24T25:00:00+08:00",
            "2025-11-24T10:00:00+08:00[Asia/Shanghai]",
            "２０25-11-24T10:00:00+08:00",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn times_are_written_in_beijing_time() {
        let ten = Wall(1_763_949_600_999);
        assert_eq!(format(ten), "2025-11-24T10:00:00+08:00");
        assert_eq!(day(ten), "20251124");
        assert_eq!(http_date(ten), "Mon, 24 Nov 2025 02:00:00 GMT");
        assert_eq!(seconds(Wall(-1)), -1);
        format(Wall(i64::MIN));
        format(Wall(i64::MAX));
    }
}
