//! A day of Beijing, as bills are made for one.

use jiff::civil::Date;
use jiff::tz::Offset;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::lane::time::Wall;

/// Bills are made for the last three months.
const DAYS_BACK: i64 = 89;
pub(crate) const DAY_MS: i64 = 24 * 60 * 60 * 1000;
const MADE_AT_MS: i64 = 10 * 60 * 60 * 1000;
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
        self.ends().plus_ms(MADE_AT_MS)
    }

    /// Until when WeChat has it.
    pub fn has_bill_until(self) -> Wall {
        self.ends().plus_ms(DAYS_BACK * DAY_MS)
    }

    /// So many days later, or earlier.
    pub fn plus(self, days: i64) -> Self {
        Self::of(self.begins().plus_ms(days.saturating_mul(DAY_MS)))
    }

    /// It and those after it, up to `last`.
    pub fn through(self, last: Self) -> impl Iterator<Item = Self> {
        std::iter::successors(Some(self), |day| Some(day.plus(1)))
            .take_while(move |day| *day <= last)
    }

    /// Whether the moment lies in it.
    pub fn has(self, at: Wall) -> bool {
        at >= self.begins() && at < self.ends()
    }
}

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::read(&text).ok_or_else(|| D::Error::custom("no day"))
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

    #[test]
    fn days_follow_one_another_over_months_and_years() {
        let day = |text| Day::read(text).unwrap();
        let days: Vec<String> = day("2027-12-30")
            .through(day("2028-01-02"))
            .map(|day| day.to_string())
            .collect();
        assert_eq!(
            days,
            ["2027-12-30", "2027-12-31", "2028-01-01", "2028-01-02"]
        );
        assert_eq!(day("2028-03-01").plus(-1), day("2028-02-29"));
        assert_eq!(day("2028-03-02").through(day("2028-03-01")).count(), 0);
    }
}
