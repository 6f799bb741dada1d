//! `[[band]]`: hours or days with prices of their own.

use super::super::document::{Need, Section, Written};
use super::super::value::shortened;
use super::{HIGHEST_CAP_FEN, calendar, contradiction, label, price};
use crate::lane::tariff::{Band, DAY_S};

const TIME_OF_DAY: &str = "00:00 – 24:00";

/// Those for certain days before those for all, since the first one that holds counts.
pub(super) fn read(section: &mut Section<'_>) -> Vec<Band> {
    let mut bands = section.tables("band", Written::Sections, band);
    bands.sort_by_key(|band| std::cmp::Reverse(band.rank()));
    bands
}

fn band(section: &mut Section<'_>) -> Band {
    let before = section.faults();
    let name = section.parsed("name", Need::Required, "1 to 64 characters", label);
    let days = calendar::days(section);
    let midnight = |text: &str| Need::Default(format!("{text:?}"));
    let from_s = section.parsed("from", midnight("00:00"), TIME_OF_DAY, time_of_day);
    let to_s = section.parsed("to", midnight("24:00"), TIME_OF_DAY, time_of_day);
    let (from_s, to_s) = (from_s.unwrap_or_default(), to_s.unwrap_or_default());
    let price = section.unlisted(price::read);
    let cap_fen = section.integer("cap_fen", Need::Optional, 0..=HIGHEST_CAP_FEN);
    if section.faults() == before && section.is_given() {
        if from_s == to_s || from_s == DAY_S {
            let text = "lasts no time; for the whole day leave from and to out";
            section.fault("to", text.to_owned());
        }
        if days.is_empty() && from_s == 0 && to_s == DAY_S {
            let text = "holds always, so it is no band; write its prices above, without [[band]]";
            section.fault("name", text.to_owned());
        }
        if price.is_empty() {
            let text =
                "no price; write then = { every = \"1h\", fen = … } (fen = 0 for free hours)";
            section.fault("then", text.to_owned());
        }
        let length_s = match from_s < to_s {
            true => to_s - from_s,
            false => DAY_S - from_s + to_s,
        };
        contradiction::price(section, &price, length_s);
        contradiction::band_cap(section, &price, cap_fen);
    }
    Band {
        name: name.unwrap_or_default(),
        days,
        from_s,
        // The end of a day is the beginning of the next where midnight lies within.
        to_s: if to_s == 0 { DAY_S } else { to_s },
        price,
        cap_fen,
    }
}

/// Seconds of `07:30`.
fn time_of_day(text: &str) -> Result<u64, String> {
    let wrong = || {
        let found = shortened(text);
        format!("{found:?} is no time of day; write hours and minutes, such as \"07:30\"")
    };
    let (hours, minutes) = text.split_once(':').ok_or_else(wrong)?;
    let two = |digits: &str| digits.len() == 2 && digits.bytes().all(|b| b.is_ascii_digit());
    if !two(hours) || !two(minutes) {
        return Err(wrong());
    }
    let number = |digits: &str| digits.parse::<u64>().map_err(|_| wrong());
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    let seconds = hours * 3600 + minutes * 60;
    match minutes < 60 && seconds <= DAY_S {
        true => Ok(seconds),
        false => Err(wrong()),
    }
}
