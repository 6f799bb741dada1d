//! Alarms: raised and cleared, told once, with what to do. And what systemd hears.

pub mod systemd;

use std::collections::BTreeMap;

use crate::lane::alarm::{Alarm, AlarmKind, Severity};
use crate::lane::time::Now;
use crate::site::StandingAlarm;

/// The alarms that stand.
#[derive(Clone, Debug, Default)]
pub struct Alarms(BTreeMap<(AlarmKind, String), Standing>);

#[derive(Clone, Debug)]
struct Standing {
    text: String,
    since: Now,
}

/// Standing alarms at most; beyond it the kinds that come one by one are only logged.
const STANDING_MAX: usize = 256;

impl Alarms {
    /// Takes note and logs, if it is news. True if anything changed.
    pub fn note(&mut self, alarm: Alarm, now: Now) -> bool {
        let key = (alarm.kind, alarm.subject.clone());
        if !alarm.raised {
            let was_raised = self.0.remove(&key).is_some();
            if was_raised {
                tracing::info!(kind = ?alarm.kind, subject = %alarm.subject, "over: {}", alarm.text);
            }
            return was_raised;
        }
        if let Some(standing) = self.0.get_mut(&key) {
            let is_news = standing.text != alarm.text;
            if is_news && alarm.kind.text_is_the_cause() {
                log(&alarm);
            }
            standing.text = alarm.text;
            return is_news;
        }
        log(&alarm);
        if self.0.len() >= STANDING_MAX {
            return false;
        }
        let text = alarm.text;
        self.0.insert(key, Standing { text, since: now });
        true
    }

    /// What stands now, most severe first.
    pub fn standing(&self) -> Vec<StandingAlarm> {
        let mut all: Vec<_> = self
            .0
            .iter()
            .map(|((kind, subject), standing)| StandingAlarm {
                id: kind.id(subject),
                kind: *kind,
                subject: subject.clone(),
                severity: kind.severity(),
                text: standing.text.clone(),
                since: standing.since.wall.to_rfc3339(),
            })
            .collect();
        all.sort_by_key(|alarm| std::cmp::Reverse(alarm.severity));
        all
    }

    /// Whether a certain one stands.
    pub fn stands(&self, kind: AlarmKind, subject: &str) -> bool {
        self.0.contains_key(&(kind, subject.to_owned()))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn broker(raised: bool, text: &str) -> Alarm {
        Alarm {
            kind: AlarmKind::LinkDown,
            subject: "broker".to_owned(),
            raised,
            text: text.to_owned(),
        }
    }

    fn at(ms: u64) -> Now {
        Now {
            moment: crate::lane::time::Moment(ms),
            wall: crate::lane::time::Wall(1_740_795_600_000 + i64::try_from(ms).unwrap()),
            trusted: true,
            boot: crate::lane::time::BootId(1),
        }
    }

    #[test]
    fn an_alarm_stands_since_it_was_first_raised_under_its_newest_text() {
        let mut alarms = Alarms::default();
        assert!(alarms.note(broker(true, "no route"), at(0)));
        assert!(!alarms.note(broker(true, "no route"), at(5_000)));
        assert!(alarms.note(broker(true, "login refused"), at(9_000)));
        let standing = alarms.standing();
        assert_eq!(standing.len(), 1);
        assert_eq!(standing[0].id, "link_down/broker");
        assert_eq!(standing[0].text, "login refused");
        assert_eq!(standing[0].since, "2025-03-01T10:20:00+08:00");
        assert!(alarms.note(broker(false, "reached"), at(10_000)));
        assert!(!alarms.note(broker(false, "reached"), at(11_000)));
        assert!(alarms.standing().is_empty());
    }

    #[test]
    fn the_most_severe_stands_first() {
        let mut alarms = Alarms::default();
        alarms.note(broker(true, "gone"), at(0));
        let kind = AlarmKind::StoreFailed;
        alarms.note(
            Alarm {
                kind,
                ..broker(true, "full")
            },
            at(1),
        );
        let kinds: Vec<_> = alarms.standing().iter().map(|alarm| alarm.kind).collect();
        assert_eq!(kinds, [AlarmKind::StoreFailed, AlarmKind::LinkDown]);
    }

    #[test]
    fn no_flood_of_alarms_fills_the_memory() {
        let mut alarms = Alarms::default();
        for number in 0..2_000 {
            let subject = format!("T{number}");
            alarms.note(
                Alarm {
                    subject,
                    ..broker(true, "x")
                },
                at(0),
            );
        }
        assert_eq!(alarms.standing().len(), STANDING_MAX);
    }
}
