//! A day of Beijing, as bills are made for one.

use jiff::civil::Date;
use jiff::tz::Offset;

use crate::lane::time::Wall;

/// Bills are made for the last three months.
pub const DAYS_BACK: i64 = 89;
const DAY_MS: i64 = 24 * 60 * 60 * 1000;
const BEIJING_MS: i64 = 8 * 60 * 60 * 1000;

/// One day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(Date);

impl Day {
    /// `2026-03-01`; None if that is no day.
    pub fn read(text: &str) -> Option<Self> {
        let is_plain = text.len() == 10 && text.is_ascii();
        let date: Date = text.parse().ok().filter(|_| is_plain)?;
        Some(Self(date))
    }

    /// The day of a moment.
    pub fn of(wall: Wall) -> Self {
        let at = jiff::Timestamp::from_millisecond(wall.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        Self(Offset::constant(8).to_datetime(at).date())
    }

    /// When it begins.
    pub fn begins(self) -> Wall {
        let days = self.0 - jiff::civil::date(1970, 1, 1);
        Wall(i64::from(days.get_days()) * DAY_MS - BEIJING_MS)
    }

    /// When the next one begins.
    pub fn ends(self) -> Wall {
        self.begins().plus_ms(DAY_MS)
    }

    /// From when on WeChat has its bill: 10:00 of the next day.
    pub fn has_bill_from(self) -> Wall {
        self.ends().plus_ms(10 * 60 * 60 * 1000)
    }

    /// Whether the moment lies in it.
    pub fn has(self, at: Wall) -> bool {
        at >= self.begins() && at < self.ends()
    }
}

impl std::fmt::Display for Day {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_beijings() {
        let day = Day::read("2025-11-24").unwrap();
        let begins = Wall::from_rfc3339("2025-11-24T00:00:00+08:00").unwrap();
        assert_eq!((day.begins(), Day::of(begins)), (begins, day));
        assert_eq!(Day::of(begins.plus_ms(-1)).to_string(), "2025-11-23");
        assert!(day.has(begins) && !day.has(day.ends()));
        for none in ["2025-02-30", "2025-1-1", "20250101", "", "2025-11-24T00:00"] {
            assert_eq!(Day::read(none), None, "{none}");
        }
    }
}
