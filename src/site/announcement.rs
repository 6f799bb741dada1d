//! What is true now, and so to be told.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

/// Everything that is told, whole: a newer one takes the place of one that was not told yet.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Announcement {
    /// The data of `state`, without plates. Null: nothing is known yet.
    pub state: Value,
    /// By id.
    pub alarms: BTreeMap<String, StandingAlarm>,
    /// What drivers can scan, by exit lane, without plates. Null: nothing.
    pub codes: BTreeMap<String, Value>,
    /// When this was so, RFC 3339.
    pub at: String,
}

/// An alarm that is raised.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StandingAlarm {
    /// `kind/subject`, as it stands in the topic.
    pub id: String,
    pub kind: crate::lane::alarm::AlarmKind,
    /// What it concerns.
    pub subject: String,
    pub severity: crate::lane::alarm::Severity,
    /// What is wrong and what to do.
    pub text: String,
    /// Since when, RFC 3339, as the box's clock said then.
    pub since: String,
}
