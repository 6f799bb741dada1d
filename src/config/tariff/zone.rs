//! `[[zone]]`: a car park within the car park, with prices of its own.

use super::super::document::{Need, Section, Written};
use super::{HOUR_MS, MINUTE_MS, class, contradiction, label, prices};
use crate::lane::tariff::{FreeAgain, Prices, Zone};

pub(super) fn read(root: &mut Section<'_>) -> Vec<Zone> {
    let before = root.faults();
    let zones = root.tables("zone", Written::Sections, one);
    if root.faults() == before {
        for (index, zone) in zones.iter().enumerate() {
            if zones
                .iter()
                .take(index)
                .any(|other| other.name == zone.name)
            {
                let text = format!("{:?} is there twice; leave one out", zone.name);
                root.fault_among("zone", text);
            }
        }
    }
    zones
}

fn one(section: &mut Section<'_>) -> Zone {
    let before = section.faults();
    let name = section.parsed("name", Need::Required, "1 to 64 characters", label);
    let clocks = [("stops", true), ("goes-on", false)];
    let stops_clock = section.choice("outer_clock", Some("stops"), &clocks, &[]);
    let stops_clock = stops_clock.unwrap_or(true);
    let none = Need::Default("\"0s\"".into());
    let passing_s = section.seconds("passing", none, 5 * MINUTE_MS, 0..=2 * HOUR_MS);
    let passing_s = passing_s.unwrap_or_default();
    let prices = section.unlisted(|section| prices::read(section, None));
    let classes = section.unlisted(|section| class::read(section, &prices));
    if section.is_given() && section.faults() == before {
        contradiction::prices(section, &prices);
        let of_classes = classes.iter().map(|class| &class.prices);
        if let Some(looks_back) = of_classes.chain([&prices]).find(|p| p.looks_back()) {
            refuse_looking_back(section, looks_back);
        }
        if passing_s > 0 && !stops_clock {
            let text = "time outside is counted anyway where the outer clock goes on; leave it out";
            section.fault("passing", text.to_owned());
        }
    }
    Zone {
        name: name.unwrap_or_default(),
        stops_clock,
        passing_s,
        prices,
        classes,
    }
}

/// Each time in a zone is priced by itself.
fn refuse_looking_back(section: &Section<'_>, prices: &Prices) {
    let (key, what) = match prices.free_again == FreeAgain::FirstVisitOfDay {
        true => ("free_again", "each time in a zone has its free time"),
        false => ("cap.shared", "each time in a zone has its cap"),
    };
    section.fault(key, format!("{what}; leave it out"));
}
