//! What a price list says twice, in two ways, or not at all.

use super::super::document::Section;
use super::super::nearest::nearest;
use super::super::value::shortened;
use super::{calendar, in_words};
use crate::lane::tariff::{
    AfterWindow, BANDS_MAX, Band, Calendar, DAY_S, Day, Days, FreeAgain, Price, Prices, Tariff,
    Window,
};

/// What the tariff as a whole contradicts itself in.
pub(super) fn refuse(root: &Section<'_>, tariff: &Tariff) {
    prices(root, &tariff.prices);
    let calendar = &tariff.calendar;
    for (place, list) in all_prices(tariff) {
        for band in &list.bands {
            let unknown = band
                .days
                .iter()
                .find_map(|days| unknown_days(days, calendar));
            if let Some(text) = unknown {
                root.fault_about(
                    &within(&place, Some(band)),
                    format!("{:?} {text}", band.name),
                );
            }
        }
        if let Some((band, text)) = overlap(&list.bands, calendar) {
            root.fault_about(&within(&place, Some(band)), text);
        } else if let Some(text) = gap(list, calendar) {
            root.fault_about(&within(&place, list.bands.first()), text);
        }
        let stops = tariff.zones.iter().any(|zone| zone.stops_clock);
        let is_outside = place.first().is_none_or(|(key, _)| *key != "zone");
        if list.cap_shared && stops && is_outside {
            let text = "a cap that visits share is for a time by the clock, and a [[zone]] stops it; leave it out, or write outer_clock = \"goes-on\" there";
            match place.is_empty() {
                true => root.fault("cap.shared", text.to_owned()),
                false => root.fault_about(&place, text.to_owned()),
            }
        }
    }
}

/// Where a band of a price list stands.
fn within<'a>(
    place: &[(&'static str, &'a str)],
    band: Option<&'a Band>,
) -> Vec<(&'static str, &'a str)> {
    let band = band.map(|band| ("band", band.name.as_str()));
    place.iter().copied().chain(band).collect()
}

/// Every price list in a tariff, with where it stands.
fn all_prices(tariff: &Tariff) -> Vec<(Vec<(&'static str, &str)>, &Prices)> {
    let mut all = vec![(Vec::new(), &tariff.prices)];
    for class in &tariff.classes {
        all.push((vec![("class", class.name.as_str())], &class.prices));
    }
    for zone in &tariff.zones {
        let place = vec![("zone", zone.name.as_str())];
        for class in &zone.classes {
            let inner = [("class", class.name.as_str())];
            all.push((place.iter().copied().chain(inner).collect(), &class.prices));
        }
        all.push((place, &zone.prices));
    }
    all
}

/// What a price contradicts itself in; it is for stretches of at most `reach_s`.
pub(super) fn price(section: &Section<'_>, price: &Price, reach_s: u64) {
    let begins = !price.first.is_empty() || !price.table.is_empty();
    if price.per_visit_fen.is_some() && (begins || price.then.is_some()) {
        let text = "one price for a visit leaves nothing to count; leave first, then and table out";
        return section.fault("per_visit_fen", text.into());
    }
    if !price.first.is_empty() && !price.table.is_empty() {
        let text = "the table says what the beginning costs; leave first out";
        return section.fault("first", text.into());
    }
    let key = if price.table.is_empty() {
        "first"
    } else {
        "table"
    };
    let beginning_s = price.beginning_s();
    let (told, reach) = (in_words(beginning_s), in_words(reach_s));
    match price.then {
        None if begins && beginning_s < reach_s => {
            let longer = match (key, price.first.len()) {
                ("first", 1) => format!("write for = \"{reach}\""),
                ("first", _) => format!("make the last block end at {reach}"),
                _ => format!("add a row with up_to = \"{reach}\""),
            };
            section.fault(
                key,
                format!(
                    "nothing says what the time from {told} to {reach} costs; add then = {{ every = \"1h\", fen = … }}, or {longer}"
                ),
            );
        }
        Some(_) if begins && beginning_s == reach_s && reach_s == DAY_S => section.fault(
            "then",
            format!(
                "never reached, since the {} {reach} and then starts anew; leave it out",
                match price.first.len() {
                    0 => "table reaches to",
                    1 => "first block lasts",
                    _ => "blocks last",
                }
            ),
        ),
        Some(_) if beginning_s > reach_s => {
            section.fault(key, format!("goes on after {reach}; make it end there"));
        }
        _ => {}
    }
}

/// What the prices of everybody or of a class contradict themselves in.
pub(super) fn prices(section: &Section<'_>, prices: &Prices) {
    let goes_on = prices.after_window == AfterWindow::GoOn || prices.window == Window::Stay;
    if prices.price.is_empty() && prices.bands.is_empty() {
        section.fault(
            "then",
            "no price; write then = { every = \"1h\", fen = … } (fen = 0 for a car park that costs nothing)".into(),
        );
    }
    let own_price = &prices.price;
    if section.has("first") || section.has("table") || section.has("per_visit_fen") {
        let reach_s = match goes_on {
            true => u64::MAX / 1000,
            false => DAY_S,
        };
        if goes_on && own_price.then.is_none() && own_price.per_visit_fen.is_none() {
            section.fault(
                "then",
                "the prices do not start anew, so something must say what all later time costs; add then = { every = \"1h\", fen = … }".into(),
            );
        } else {
            price(section, own_price, reach_s);
        }
    }
    if prices.bands.len() > BANDS_MAX {
        let text = format!("{} bands; write at most {BANDS_MAX}", prices.bands.len());
        section.fault("band", text);
    }
    windows(section, prices, goes_on);
    caps(section, prices);
}

fn windows(section: &Section<'_>, prices: &Prices, goes_on: bool) {
    let is_24h = prices.window == Window::Hours24;
    if prices.full_day_fen.is_some() && (goes_on || !is_24h || prices.cap_shared) {
        let text = "counts days of 24 h from the entry that start anew; leave after_window, cap.per and cap.shared out, or this";
        section.fault("full_day_fen", text.into());
    }
    if prices.cap_shared && (prices.window == Window::Stay || prices.cap_fen.is_none()) {
        let text = "visits share the cap of 24 h or of a day; write per = \"24h\" and fen";
        section.fault("cap.shared", text.into());
    }
    if prices.window == Window::Stay && prices.after_window == AfterWindow::GoOn {
        let text = "a stay has no window after it; leave after_window out";
        section.fault("after_window", text.into());
    }
    if prices.free_again == FreeAgain::EachWindow && goes_on {
        let text = "needs prices that start anew; leave after_window out and write per = \"24h\" or \"day\"";
        section.fault("free_again", text.into());
    }
    if prices.free_again != FreeAgain::EachStay && prices.free_s == 0 {
        let text = "there is no free time; write free = \"…\" or leave it out";
        section.fault("free_again", text.into());
    }
}

/// A cap below the first unit would make a price of it.
pub(super) fn band_cap(section: &Section<'_>, price: &Price, cap_fen: Option<u64>) {
    let first_fen = price.first_unit_fen();
    if let Some(cap_fen) = cap_fen.filter(|cap_fen| *cap_fen < first_fen) {
        let text = format!(
            "{cap_fen} is less than the first unit costs, {first_fen}; write at least that"
        );
        section.fault("cap_fen", text);
    }
}

fn caps(section: &Section<'_>, prices: &Prices) {
    let dearer = prices.bands.iter().find(|band| {
        let its_fen = band
            .cap_fen
            .unwrap_or(u64::MAX)
            .min(band.price.first_unit_fen());
        prices.cap_fen.is_some_and(|cap_fen| cap_fen < its_fen)
    });
    if let (Some(band), Some(cap_fen)) = (dearer, prices.cap_fen) {
        let (name, its_fen) = (&band.name, band.price.first_unit_fen());
        let text = format!(
            "{cap_fen} is less than the first unit costs in {name:?}, {its_fen}; write at least that"
        );
        section.fault("cap.fen", text);
        return;
    }
    let first_fen = prices.price.first_unit_fen();
    if let Some(cap_fen) = prices.cap_fen.filter(|cap_fen| *cap_fen < first_fen) {
        section.fault(
            "cap.fen",
            format!(
                "{cap_fen} is less than the first unit costs, {first_fen}; write at least that"
            ),
        );
    }
}

fn unknown_days(days: &Days, calendar: &Calendar) -> Option<String> {
    match days {
        Days::Named(name) if !calendar.named.iter().any(|(known, _)| known == name) => {
            let named = calendar.named.iter().map(|(name, _)| name.as_str());
            let words: Vec<&str> = calendar::words().collect();
            let meant = nearest(name, words.into_iter().chain(named));
            let fix = match meant {
                Some(word) => format!("{word:?}"),
                None => "workday, weekend, holiday, makeup, a day of the week or a date".to_owned(),
            };
            Some(format!(
                "is for {:?}, which is no kind of day, no date and no [[calendar]] with days; write {fix}",
                shortened(name)
            ))
        }
        Days::Holiday if calendar.holidays.is_empty() => {
            Some("is for holidays, and no [[calendar]] has any; add one with holidays".to_owned())
        }
        Days::MakeUpWorkday if calendar.workdays.is_empty() => Some(
            "is for made-up working days, and no [[calendar]] has any; add one with workdays"
                .to_owned(),
        ),
        _ => None,
    }
}

/// Two bands of one rank that hold at one time.
fn overlap<'a>(bands: &'a [Band], calendar: &Calendar) -> Option<(&'a Band, String)> {
    for (index, a) in bands.iter().enumerate() {
        for b in bands.iter().skip(index + 1) {
            let Some(second) = common_second(a, b).filter(|_| a.rank() == b.rank()) else {
                continue;
            };
            let days = kinds_of_days(bands, calendar);
            if days
                .iter()
                .any(|day| holds(a, day, calendar) && holds(b, day, calendar))
            {
                let at = clock(second);
                let text = format!(
                    "{:?} and {:?} both hold at {at}; make one end where the other begins",
                    a.name, b.name
                );
                return Some((b, text));
            }
        }
    }
    None
}

/// A time of which nothing says what it costs.
fn gap(prices: &Prices, calendar: &Calendar) -> Option<String> {
    let bands = &prices.bands;
    if bands.is_empty() {
        return None;
    }
    let edges = |band: &Band| [band.from_s, band.to_s % DAY_S];
    let mut starts: Vec<u64> = bands.iter().flat_map(edges).chain([0]).collect();
    starts.sort_unstable();
    let days = kinds_of_days(bands, calendar);
    let free = days.iter().find_map(|day| {
        let open = |second: &&u64| {
            let of_day = bands.iter().filter(|band| holds(band, day, calendar));
            !of_day.into_iter().any(|band| band.has(**second))
        };
        starts.iter().find(open).map(|second| (day, *second))
    });
    match (free, prices.price.is_empty()) {
        (Some((_, second)), true) => {
            let at = clock(second);
            Some(format!(
                "nothing says what the time from {at} costs; add a band, or then = {{ every = \"1h\", fen = … }} for the time outside bands"
            ))
        }
        (None, false) => {
            Some("the bands hold at all times; leave the price outside bands out".to_owned())
        }
        _ => None,
    }
}

fn common_second(a: &Band, b: &Band) -> Option<u64> {
    [a.from_s, b.from_s]
        .into_iter()
        .find(|second| a.has(*second) && b.has(*second))
}

fn holds(band: &Band, day: &Day, calendar: &Calendar) -> bool {
    band.days.is_empty() || band.days.iter().any(|days| calendar.holds(days, *day))
}

/// One day of each kind there is: a week that nothing is said of, and every day that is named.
fn kinds_of_days(bands: &[Band], calendar: &Calendar) -> Vec<Day> {
    let week = (3..10).filter_map(|day| Day::parse(&format!("1970-01-{day:02}")));
    let named = calendar.named.iter().flat_map(|(_, days)| days);
    let listed = calendar.holidays.iter().chain(&calendar.workdays);
    let dates = bands.iter().flat_map(|band| &band.days);
    let dates = dates.filter_map(|days| match days {
        Days::Date(day) => Some(day),
        _ => None,
    });
    week.chain(listed.chain(named).chain(dates).copied())
        .collect()
}

fn clock(second: u64) -> String {
    format!("{:02}:{:02}", second / 3600, second / 60 % 60)
}
