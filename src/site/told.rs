//! What the broker has been told, and so what it must be told next. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::announcement::{Announcement, StandingAlarm};
use super::cloud_event::Events;
use super::topic::Topics;

/// Alarms of an earlier run that the broker may still hold; more are left to the next connection.
const STALE_MAX: usize = 1024;

pub(super) const STATE: &str = "parkgate.state";
pub(super) const ALARM: &str = "parkgate.alarm";
pub(super) const CODE: &str = "parkgate.code";

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// On this connection: a broker may have forgotten what it was told before.
    state: Value,
    alarms: BTreeMap<String, StandingAlarm>,
    /// On this connection, by lane.
    codes: BTreeMap<String, Value>,
    /// On any connection of this run, and not over yet.
    raised: BTreeMap<String, StandingAlarm>,
    /// Retained by the broker, from whenever.
    stale: BTreeSet<String>,
}

/// One thing to tell.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Next {
    State(Value),
    Raised(StandingAlarm),
    /// To those who listen now.
    Cleared(StandingAlarm),
    /// So that whoever comes later finds nothing.
    Forgotten(String),
    /// What a driver can scan at this lane. Null: nothing, also where an earlier run left something.
    Code(String, Value),
}

/// One PUBLISH.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Message {
    pub topic: String,
    pub payload: Vec<u8>,
    pub retain: bool,
}

impl Told {
    /// A new connection begins.
    pub fn connected(&mut self) {
        self.state = Value::Null;
        self.alarms.clear();
        self.codes.clear();
        self.stale.clear();
    }

    /// The broker holds something under an alarm's id.
    pub fn found(&mut self, id: &str) {
        let known = self.alarms.contains_key(id) || self.raised.contains_key(id);
        if !known && self.stale.len() < STALE_MAX {
            self.stale.insert(id.to_owned());
        }
    }

    /// What comes next, if anything.
    pub fn next(&self, now: &Announcement) -> Option<Next> {
        if !now.state.is_null() && self.state != now.state {
            return Some(Next::State(now.state.clone()));
        }
        let mut codes = now.codes.iter();
        if let Some((lane, code)) = codes.find(|(lane, code)| self.codes.get(*lane) != Some(*code))
        {
            return Some(Next::Code(lane.clone(), code.clone()));
        }
        let untold = now.alarms.iter();
        if let Some((_, alarm)) = untold
            .into_iter()
            .find(|(id, alarm)| self.alarms.get(*id) != Some(*alarm))
        {
            return Some(Next::Raised(alarm.clone()));
        }
        let over = self
            .raised
            .iter()
            .find(|(id, _)| !now.alarms.contains_key(*id));
        if let Some((_, alarm)) = over {
            return Some(Next::Cleared(alarm.clone()));
        }
        let stale = self.stale.iter().find(|id| !now.alarms.contains_key(*id));
        stale.cloned().map(Next::Forgotten)
    }

    /// The broker has it.
    pub fn took(&mut self, told: Next) {
        match told {
            Next::State(state) => self.state = state,
            Next::Raised(alarm) => {
                self.stale.remove(&alarm.id);
                self.raised.insert(alarm.id.clone(), alarm.clone());
                self.alarms.insert(alarm.id.clone(), alarm);
            }
            Next::Cleared(alarm) => {
                self.raised.remove(&alarm.id);
                self.alarms.remove(&alarm.id);
                self.stale.insert(alarm.id);
            }
            Next::Forgotten(id) => {
                self.stale.remove(&id);
            }
            Next::Code(lane, code) => {
                self.codes.insert(lane, code);
            }
        }
    }
}

impl Next {
    pub fn message(&self, topics: &Topics, events: &mut Events, at: &str) -> Message {
        let alarm = |alarm: &StandingAlarm, raised: bool, events: &mut Events| {
            let mut data = json!(alarm);
            data["raised"] = raised.into();
            Message {
                topic: topics.alarm(&alarm.id),
                payload: events.event(ALARM, Some(at), &data),
                retain: raised,
            }
        };
        match self {
            Self::State(state) => Message {
                topic: topics.state(),
                payload: events.event(STATE, Some(at), state),
                retain: true,
            },
            Self::Raised(raised) => alarm(raised, true, events),
            Self::Cleared(cleared) => alarm(cleared, false, events),
            Self::Forgotten(id) => Message {
                topic: topics.alarm(id),
                payload: Vec::new(),
                retain: true,
            },
            Self::Code(lane, Value::Null) => Message {
                topic: topics.code(lane),
                payload: Vec::new(),
                retain: true,
            },
            Self::Code(lane, code) => Message {
                topic: topics.code(lane),
                payload: events.event(CODE, Some(at), code),
                retain: true,
            },
        }
    }
}

/// `state` once the box is not there: as a last will, or said goodbye with.
pub(super) fn offline(events: &mut Events, at: Option<&str>, why: &str, state: &Value) -> Vec<u8> {
    let mut data = json!({ "online": false, "why": why });
    for key in ["version", "ledger", "since"] {
        if let Some(value) = state.get(key) {
            data[key] = value.clone();
        }
    }
    events.event(STATE, at, &data)
}
