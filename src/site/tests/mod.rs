//! What is told when: by itself, and over a real broker.

mod broker;
mod told;

use serde_json::json;

use super::*;
use crate::lane::alarm::AlarmKind;

fn alarm(subject: &str, text: &str) -> StandingAlarm {
    let kind = AlarmKind::LinkDown;
    StandingAlarm {
        id: kind.id(subject),
        kind,
        subject: subject.to_owned(),
        severity: kind.severity(),
        text: text.to_owned(),
        since: "2025-03-01T10:20:00+08:00".to_owned(),
    }
}

fn announcement(inside: u64, alarms: &[StandingAlarm]) -> Announcement {
    let by_id = alarms.iter().map(|alarm| (alarm.id.clone(), alarm.clone()));
    Announcement {
        codes: std::collections::BTreeMap::new(),
        state: json!({ "online": true, "version": "1", "cars_inside": inside }),
        alarms: by_id.collect(),
        at: "2025-03-01T10:20:30+08:00".to_owned(),
    }
}
