//! What a price list says twice, in two ways, or not at all.

use super::super::document::Section;
use super::super::value::shortened;
use super::in_words;
use crate::lane::tariff::{
    AfterWindow, BANDS_MAX, Band, Calendar, DAY_S, Day, Days, FreeAgain, Price, Prices, Tariff,
    Window,
};

/// What the tariff as a whole contradicts itself in.
pub(super) fn refuse(root: &Section<'_>, tariff: &Tariff) {
    prices(root, &tariff.prices);
    let calendar = &tariff.calendar;
    let classes = tariff.classes.iter().map(|class| &class.prices.bands);
    for band in classes.chain([&tariff.prices.bands]).flatten() {
        for days in &band.days {
            if let Some(text) = unknown_days(days, calendar) {
                root.fault_among("band", format!("{:?} {text}", band.name));
            }
        }
    }
    let of_classes = tariff.classes.iter();
    let of_classes = of_classes.map(|class| (Some(&class.name), &class.prices));
    for (class, list) in of_classes.chain([(None, &tariff.prices)]) {
        if let Some(text) = overlap(&list.bands, calendar).or_else(|| gap(list, calendar)) {
            let key = if class.is_some() { "class" } else { "band" };
            let of = class.map_or(String::new(), |name| format!("{name:?}: "));
            root.fault_among(key, format!("{of}{text}"));
        }
    }
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

fn caps(section: &Section<'_>, prices: &Prices) {
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
            Some(format!(
                "is for {:?}, which is no kind of day, no date and no [[calendar]] with days; write workday, weekend, holiday, makeup, a day of the week or a date",
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
fn overlap(bands: &[Band], calendar: &Calendar) -> Option<String> {
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
                let (a, b) = (&a.name, &b.name);
                let at = clock(second);
                return Some(format!(
                    "{a:?} and {b:?} both hold at {at}; make one end where the other begins"
                ));
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
