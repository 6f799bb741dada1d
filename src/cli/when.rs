//! Times as people write them on the command line.

use crate::clock::{Clock, TrustRule};
use crate::config::duration::parse_ms;
use crate::lane::time::Wall;

/// Reads `2026-03-01`, `2026-03-01 08:00`, RFC 3339, or how long ago: `2h`, `30d`. Without an offset it
/// is Beijing time.
pub fn when(text: &str) -> Result<Wall, String> {
    let now = now();
    at(text, now).ok_or_else(|| {
        "write a day (2026-03-01), a time (2026-03-01T08:00) or how long ago (2h, 30d)".to_owned()
    })
}

/// This machine's wall clock.
pub fn now() -> Wall {
    Clock::system(TrustRule::Rtc, Wall(0)).now().wall
}

fn at(text: &str, now: Wall) -> Option<Wall> {
    let text = text.trim();
    if let Ok(ago) = parse_ms(text) {
        return Some(now.plus_ms(i64::try_from(ago).ok()?.checked_neg()?));
    }
    let text = text.replacen(' ', "T", 1);
    let spellings = [
        text.clone(),
        format!("{text}+08:00"),
        format!("{text}:00+08:00"),
        format!("{text}T00:00:00+08:00"),
    ];
    spellings.iter().find_map(|text| Wall::from_rfc3339(text))
}

/// How many whole days ago that was, by this machine's clock; 0 for what is to come.
pub fn age_days(at: Wall) -> u64 {
    let now = now();
    let ms = now.0.saturating_sub(at.0).max(0);
    u64::try_from(ms).unwrap_or_default() / 86_400_000
}

/// A time for a list: `03-01 08:00:05`, in Beijing time.
pub fn short(at: Wall) -> String {
    let text = at.to_rfc3339();
    let short = text.get(5..19).map(|text| text.replacen('T', " ", 1));
    short.unwrap_or(text)
}

/// A time with its year.
pub fn long(at: Wall) -> String {
    let text = at.to_rfc3339();
    let long = text.get(..19).map(|text| text.replacen('T', " ", 1));
    long.unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_as_people_write_it() {
        let midnight = Wall(1_764_000_000_000);
        for text in [
            "2025-11-25",
            "2025-11-25 00:00",
            "2025-11-25T00:00:00",
            "2025-11-25T00:00:00+08:00",
            "2025-11-24T16:00:00Z",
        ] {
            assert_eq!(at(text, Wall(0)), Some(midnight), "{text}");
        }
        let two_hours_later = midnight.plus_ms(7_200_000);
        assert_eq!(at("2h", two_hours_later), Some(midnight));
        for text in ["", "yesterday", "25.11.2025", "2025-13-01", "-2h"] {
            assert_eq!(at(text, midnight), None, "{text}");
        }
        assert_eq!(short(midnight.plus_ms(5_000)), "11-25 00:00:05");
        assert_eq!(long(midnight), "2025-11-25 00:00:00");
    }
}
