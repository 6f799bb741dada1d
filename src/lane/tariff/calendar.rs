//! Which kind of day a day is. Holidays and the working days made up for them are data, since they
//! are announced anew each year.

use jiff::civil::Date;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::DAY_S;

/// China's only offset from UTC, in seconds; there is no summer time.
const OFFSET_S: i64 = 8 * 3600;
const DAY: i64 = DAY_S.cast_signed();

/// A local calendar day, counted from 1970-01-01.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(i64);

/// What the days named in a band have in common.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Days {
    /// Monday to Friday and the working days made up for a holiday, holidays excepted.
    Workday,
    /// Saturday and Sunday, where they are neither a holiday nor worked.
    Weekend,
    /// As the calendar has it.
    Holiday,
    /// A Saturday or Sunday that is worked for a holiday; it is a working day too.
    MakeUpWorkday,
    /// A day of the week, 0 for Monday, whatever else it is.
    OfWeek(u8),
    /// The days of a calendar of its own.
    Named(String),
    /// One day.
    Date(Day),
}

/// Holidays, made-up working days, and other days with a name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Calendar {
    /// Sorted.
    #[serde(default)]
    pub holidays: Vec<Day>,
    /// Sorted; Saturdays and Sundays that are worked.
    #[serde(default)]
    pub workdays: Vec<Day>,
    /// Sorted days by their name.
    #[serde(default)]
    pub named: Vec<(String, Vec<Day>)>,
}

/// Everything that decides which bands hold on a day.
#[derive(Clone, Copy)]
pub(super) struct KindOfDay {
    day: Day,
    of_week: u8,
    is_holiday: bool,
    is_made_up: bool,
}

/// Seconds since 1970-01-01T00:00 by the clock on the wall.
pub(super) fn local_s(wall_ms: i64) -> i64 {
    wall_ms.div_euclid(1000).saturating_add(OFFSET_S)
}

impl Day {
    /// The day of a local second, and the second within it.
    pub(crate) fn of_local_s(local_s: i64) -> (Self, u64) {
        let second = local_s.rem_euclid(DAY);
        (
            Self(local_s.div_euclid(DAY)),
            u64::try_from(second).unwrap_or(0),
        )
    }

    /// Reads `2026-02-17`.
    pub fn parse(text: &str) -> Option<Self> {
        let has_form = text.len() == 10 && text.is_ascii();
        let date: Date = text.parse().ok().filter(|_| has_form)?;
        let epoch = jiff::civil::date(1970, 1, 1);
        let days = epoch.until(date).ok()?.get_days();
        Some(Self(days.into()))
    }

    /// 0 for Monday.
    pub fn of_week(self) -> u8 {
        // 1970-01-01 was a Thursday.
        u8::try_from((self.0.saturating_add(3)).rem_euclid(7)).unwrap_or(0)
    }

    pub(super) fn plus(self, days: i64) -> Self {
        Self(self.0.saturating_add(days))
    }
}

impl std::fmt::Display for Day {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let epoch = jiff::civil::date(1970, 1, 1);
        let date = jiff::Span::new()
            .try_days(self.0)
            .and_then(|span| epoch.checked_add(span));
        match date {
            Ok(date) => write!(f, "{date}"),
            Err(_) => write!(f, "day {}", self.0),
        }
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
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("no day"))
    }
}

impl Calendar {
    /// Whether it says nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether `days` has a day.
    pub fn holds(&self, days: &Days, day: Day) -> bool {
        self.has(days, &self.kind_of(day))
    }

    pub(super) fn kind_of(&self, day: Day) -> KindOfDay {
        KindOfDay {
            day,
            of_week: day.of_week(),
            is_holiday: self.holidays.binary_search(&day).is_ok(),
            is_made_up: self.workdays.binary_search(&day).is_ok(),
        }
    }

    pub(super) fn has(&self, days: &Days, of: &KindOfDay) -> bool {
        let is_weekend = of.of_week >= 5;
        match days {
            Days::Workday => !of.is_holiday && (!is_weekend || of.is_made_up),
            Days::Weekend => is_weekend && !of.is_holiday && !of.is_made_up,
            Days::Holiday => of.is_holiday,
            Days::MakeUpWorkday => of.is_made_up,
            Days::OfWeek(day) => of.of_week == *day,
            Days::Named(name) => self
                .named
                .iter()
                .any(|(known, days)| known == name && days.binary_search(&of.day).is_ok()),
            Days::Date(day) => of.day == *day,
        }
    }
}

impl Days {
    /// Days that are named one by one go before kinds of days, and those before all days.
    pub fn rank(&self) -> u8 {
        match self {
            Self::Named(_) | Self::Date(_) => 2,
            Self::Workday
            | Self::Weekend
            | Self::Holiday
            | Self::MakeUpWorkday
            | Self::OfWeek(_) => 1,
        }
    }
}
