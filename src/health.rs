//! Alarms: raised and cleared, told once, with what to do.

use std::collections::BTreeMap;

use crate::lane::alarm::{Alarm, AlarmKind, Severity};

/// The alarms that stand.
#[derive(Clone, Debug, Default)]
pub struct Alarms(BTreeMap<(AlarmKind, String), String>);

/// Standing alarms at most; beyond it the kinds that come one by one are only logged.
const STANDING_MAX: usize = 256;

impl Alarms {
    /// Takes note and logs, if it is news.
    pub fn note(&mut self, alarm: Alarm) {
        let key = (alarm.kind, alarm.subject.clone());
        if alarm.raised {
            let known = self.0.contains_key(&key);
            if self.0.len() < STANDING_MAX || known {
                self.0.insert(key, alarm.text.clone());
            }
            if !known {
                log(&alarm);
            }
        } else if self.0.remove(&key).is_some() {
            tracing::info!(kind = ?alarm.kind, subject = %alarm.subject, "over: {}", alarm.text);
        }
    }

    /// What stands now, most severe first.
    pub fn standing(&self) -> Vec<(AlarmKind, &str, &str)> {
        let mut all: Vec<_> = self
            .0
            .iter()
            .map(|((kind, subject), text)| (*kind, &**subject, &**text))
            .collect();
        all.sort_by_key(|(kind, ..)| std::cmp::Reverse(kind.severity()));
        all
    }
}

fn log(alarm: &Alarm) {
    let (kind, subject, text) = (alarm.kind, &alarm.subject, &alarm.text);
    match kind.severity() {
        Severity::Critical => tracing::error!(?kind, %subject, "{text}"),
        Severity::Warning => tracing::warn!(?kind, %subject, "{text}"),
        Severity::Notice => tracing::info!(?kind, %subject, "{text}"),
    }
}
