//! `[[calendar]]`, and the days that a band names.

use std::ops::Range;

use super::super::document::{Need, Section, Written};
use super::super::value::shortened;
use super::label;
use crate::lane::tariff::{Calendar, Day, Days};

/// Days of a list; no year has more.
const MOST: usize = 400;
const DATES: &str = "dates, 2026-02-17";
const DAYS: &str =
    "workday, weekend, holiday, makeup, monday … sunday, a calendar's name, or a date";

const WORDS: [(&str, Days); 11] = [
    ("workday", Days::Workday),
    ("weekend", Days::Weekend),
    ("holiday", Days::Holiday),
    ("makeup", Days::MakeUpWorkday),
    ("monday", Days::OfWeek(0)),
    ("tuesday", Days::OfWeek(1)),
    ("wednesday", Days::OfWeek(2)),
    ("thursday", Days::OfWeek(3)),
    ("friday", Days::OfWeek(4)),
    ("saturday", Days::OfWeek(5)),
    ("sunday", Days::OfWeek(6)),
];

/// Kinds of days as a band names them.
pub(super) fn words() -> impl Iterator<Item = &'static str> {
    WORDS.iter().map(|(word, _)| *word)
}

/// All calendars of a file, as one.
pub(super) fn read(root: &mut Section<'_>) -> Calendar {
    let mut all = Calendar::default();
    for part in root.tables("calendar", Written::Sections, one) {
        all.holidays.extend(part.holidays);
        all.workdays.extend(part.workdays);
        all.named.extend(part.named);
    }
    for days in [&mut all.holidays, &mut all.workdays] {
        days.sort_unstable();
        days.dedup();
    }
    if let Some(day) = all.holidays.iter().find(|day| all.workdays.contains(day)) {
        let text = format!("{day} is both a holiday and a working day; leave one out");
        root.fault_among("calendar", text);
    }
    all
}

fn one(section: &mut Section<'_>) -> Calendar {
    let before = section.faults();
    let name = section.parsed("name", Need::Required, "1 to 64 characters", label);
    section.parsed("source", Need::Optional, "1 to 64 characters", label);
    let holidays = dates(section, "holidays");
    let workdays = dates(section, "workdays");
    for (day, span) in &workdays {
        if day.of_week() < 5 {
            let text = format!("{day} is no Saturday or Sunday; a weekday is worked anyway");
            section.note("workdays", span, text);
        }
    }
    let bare = |days: Vec<(Day, Range<usize>)>| -> Vec<Day> {
        let mut days: Vec<Day> = days.into_iter().map(|(day, _)| day).collect();
        days.sort_unstable();
        days
    };
    let days = bare(dates(section, "days"));
    let (holidays, workdays) = (bare(holidays), bare(workdays));
    let is_empty = holidays.is_empty() && workdays.is_empty() && days.is_empty();
    if section.faults() == before && section.is_given() && is_empty {
        let text = "has no day in it; write holidays, workdays or days";
        section.fault("name", text.to_owned());
    }
    let named = match days.is_empty() {
        true => Vec::new(),
        false => vec![(name.unwrap_or_default(), days)],
    };
    Calendar {
        holidays,
        workdays,
        named,
    }
}

fn dates(section: &mut Section<'_>, key: &'static str) -> Vec<(Day, Range<usize>)> {
    let mut days = Vec::new();
    for (text, span) in section.texts(key, Need::Default("[]".into()), DATES, 0..=MOST) {
        match Day::parse(text) {
            Some(day) => days.push((day, span)),
            None => {
                let found = shortened(text);
                let text = format!("{found:?} is no date; write year-month-day, \"2026-02-17\"");
                section.note(key, &span, text);
            }
        }
    }
    days
}

/// The days on which a band holds.
pub(super) fn days(section: &mut Section<'_>) -> Vec<Days> {
    let texts = section.texts("days", Need::Default("[]".into()), DAYS, 0..=MOST);
    let named = |text: &str| match WORDS.iter().find(|(word, _)| *word == text) {
        Some((_, days)) => days.clone(),
        None => match Day::parse(text) {
            Some(day) => Days::Date(day),
            None => Days::Named(text.to_owned()),
        },
    };
    texts.into_iter().map(|(text, _)| named(text)).collect()
}
