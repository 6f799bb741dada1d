//! Where stays were within the car park.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::json;
use crate::lane::tariff::Visit;

/// Times in zones, by stay.
#[derive(Debug, Default)]
pub(super) struct Zones(BTreeMap<String, Vec<Visit>>);

impl Zones {
    /// As a whole state tells it, at which the books begin.
    pub(super) fn of_state(site: &Value) -> Self {
        let of = site["visits"].as_object().into_iter().flatten();
        let visits = of.filter_map(|(stay, of)| {
            let list = json::typed::<Vec<Visit>>(&of["list"]).ok()?;
            Some((stay.clone(), list))
        });
        Self(visits.collect())
    }

    pub(super) fn of(&self, session: &str) -> Vec<Visit> {
        self.0.get(session).cloned().unwrap_or_default()
    }

    /// A passage. One of which nobody can tell when it was changes nothing.
    pub(super) fn pass(&mut self, fields: &Value) {
        let text = |name: &str| fields[name].as_str().unwrap_or_default();
        let Some(after_ms) = fields["after_ms"].as_u64() else {
            return;
        };
        let visits = self.0.entry(text("session").to_owned()).or_default();
        let zone = text("zone");
        let is_here = visits.last().is_some_and(|visit| visit.zone == zone);
        let is_within = visits.last().is_some_and(|visit| visit.to_ms.is_none());
        match (text("way"), visits.last_mut()) {
            ("into", newest) => {
                if let Some(newest) = newest.filter(|_| is_within) {
                    newest.to_ms = Some(after_ms);
                }
                if visits.len() < MOST {
                    visits.push(Visit {
                        zone: zone.to_owned(),
                        from_ms: after_ms,
                        to_ms: None,
                    });
                }
            }
            ("out_of", Some(newest)) if is_here && is_within => newest.to_ms = Some(after_ms),
            ("not_into", Some(_)) if is_here && is_within => {
                visits.pop();
            }
            ("not_out_of", Some(newest)) if is_here => newest.to_ms = None,
            _ => {}
        }
    }
}

/// A stay has no more.
const MOST: usize = 64;
