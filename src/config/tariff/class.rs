//! `[[class]]`: vehicles with prices of their own.

use std::collections::BTreeSet;

use super::super::document::{Need, Section, Written};
use super::super::nearest::nearest;
use super::super::value::shortened;
use super::{DAY_MS, HOUR_MS, MINUTE_MS, contradiction, label, prices};
use crate::lane::plate::PlateNumber;
use crate::lane::tariff::{AfterWindow, Class, Discount, Prices, VehicleKind};

/// Longer lists do not belong into a price list.
const PLATES_MAX: usize = 10_000;

pub(super) fn read(root: &mut Section<'_>, general: &Prices) -> Vec<Class> {
    let before = root.faults();
    let classes = root.tables("class", Written::Sections, |section| one(section, general));
    if root.faults() == before {
        for (index, class) in classes.iter().enumerate() {
            let others = classes.iter().take(index);
            for other in others {
                let shared = class.kinds.iter().find(|kind| other.kinds.contains(kind));
                if let Some(kind) = shared {
                    let word = word(*kind);
                    let (a, b) = (&other.name, &class.name);
                    let text = format!("{word:?} stands in {a:?} and in {b:?}; leave one out");
                    root.fault_about(&[("class", &class.name)], text);
                }
                if let Some(plate) = class.plates.intersection(&other.plates).next() {
                    let (a, b, plate) = (&other.name, &class.name, plate.as_str());
                    let text = format!("{plate} stands in {a:?} and in {b:?}; leave one out");
                    root.fault_about(&[("class", &class.name)], text);
                }
            }
        }
    }
    classes
}

fn one(section: &mut Section<'_>, general: &Prices) -> Class {
    let before = section.faults();
    let name = section.parsed("name", Need::Required, "1 to 64 characters", label);
    let kinds = kinds(section);
    let plates = plates(section);
    let discount = discount(section);
    let prices = section.unlisted(|section| prices::read(section, Some(general)));
    let is_empty = kinds.is_empty() && plates.is_empty();
    if section.is_given() && is_empty && section.faults() == before {
        let text = "has no vehicles; write kinds or plates";
        section.fault("name", text.to_owned());
    }
    let has_part = discount.is_some_and(|discount| discount.for_s.is_some());
    if has_part && prices.after_window == AfterWindow::GoOn {
        let text = "needs prices that start anew after a window; leave after_window out";
        section.fault("percent_off_for", text.to_owned());
    }
    if section.is_given() && section.faults() == before {
        contradiction::prices(section, &prices);
    }
    Class {
        name: name.unwrap_or_default(),
        kinds,
        plates,
        prices,
        discount,
    }
}

fn kinds(section: &mut Section<'_>) -> Vec<VehicleKind> {
    const KINDS: &str = "small, large, new-energy-small, new-energy-large, trailer, driving-school, diplomatic, special, unknown";
    let words = VehicleKind::ALL.map(|(word, _)| word);
    let mut kinds = Vec::new();
    let none = Need::Default("[]".into());
    for (text, span) in section.texts("kinds", none, KINDS, 0..=words.len()) {
        match VehicleKind::ALL.iter().find(|(word, _)| *word == text) {
            Some((_, kind)) => kinds.push(*kind),
            None => {
                let near = nearest(text, words.into_iter());
                let fix = near.map_or(KINDS.to_owned(), |word| format!("{word:?}"));
                let found = shortened(text);
                section.note("kinds", &span, format!("{found:?} is unknown; write {fix}"));
            }
        }
    }
    kinds
}

fn plates(section: &mut Section<'_>) -> BTreeSet<PlateNumber> {
    let mut plates = BTreeSet::new();
    let none = Need::Default("[]".into());
    for (text, span) in section.texts("plates", none, "plates", 0..=PLATES_MAX) {
        match PlateNumber::parse(text) {
            Ok(parsed) => {
                plates.insert(parsed.plate);
            }
            Err(_) => section.note(
                "plates",
                &span,
                "no plate; write province, letter and serial, such as \"粤B12345\"".into(),
            ),
        }
    }
    plates
}

fn discount(section: &mut Section<'_>) -> Option<Discount> {
    let percent_off = section.integer("percent_off", Need::Optional, 1..=100);
    let for_s = section.seconds(
        "percent_off_for",
        Need::Optional,
        HOUR_MS,
        MINUTE_MS..=DAY_MS,
    );
    let order = [("before-cap", false), ("after-cap", true)];
    let after_cap = section.choice("percent_off_order", Some("before-cap"), &order, &[]);
    if percent_off.is_none() {
        for key in ["percent_off_for", "percent_off_order"] {
            if section.has(key) {
                section.fault(
                    key,
                    "nothing is taken off; write percent_off too".to_owned(),
                );
            }
        }
    }
    percent_off.map(|percent_off| Discount {
        percent_off,
        for_s,
        after_cap: after_cap.unwrap_or_default(),
    })
}

fn word(kind: VehicleKind) -> &'static str {
    let mut words = VehicleKind::ALL.iter();
    words
        .find(|(_, known)| *known == kind)
        .map_or("", |(word, _)| word)
}
