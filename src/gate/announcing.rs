//! What the loop tells after its turns: a sign of life for systemd, and how things are for the operator's
//! systems. Nothing here waits for anybody.

use std::time::Duration;

use tokio::sync::watch;

use super::ears::Ears;
use super::report;
use crate::health::Alarms;
use crate::health::systemd::Notifier;
use crate::lane::time::{Moment, Now};
use crate::park::Park;
use crate::site::Announcement;

/// The state is told at most so often.
const TOLD_EVERY_MS: u64 = 1_000;

/// See the module.
pub struct Announcing {
    notifier: Notifier,
    announcements: watch::Sender<Announcement>,
    started: Now,
    is_ready: bool,
    alive_at: Option<Moment>,
    told_at: Option<Moment>,
    /// Something happened since.
    is_news: bool,
    status: String,
}

impl Announcing {
    /// For a gate that starts now.
    pub fn new(
        notifier: Notifier,
        announcements: watch::Sender<Announcement>,
        started: Now,
    ) -> Self {
        Self {
            notifier,
            announcements,
            started,
            is_ready: false,
            alive_at: None,
            told_at: None,
            is_news: true,
            status: String::new(),
        }
    }

    /// Something happened that may have changed the state.
    pub fn news(&mut self) {
        self.is_news = true;
    }

    /// A turn is completed: every command of it is on its way.
    pub fn turned(&mut self, now: Now, park: &Park, alarms: &Alarms, ears: &Ears) {
        self.sign_of_life(now.moment);
        if self.is_news && self.due_in_ms(now.moment) == 0 {
            self.tell(now, park, alarms, ears);
        }
        if !std::mem::replace(&mut self.is_ready, true) {
            self.notifier.ready();
        }
    }

    /// How long the loop may sleep on account of what is to be told.
    pub fn sleep_at_most(&self, now: Moment) -> Option<Duration> {
        let watchdog = self.notifier.watchdog().map(|within| within / 3);
        let news = self
            .is_news
            .then(|| Duration::from_millis(self.due_in_ms(now)));
        watchdog.into_iter().chain(news).min()
    }

    fn due_in_ms(&self, now: Moment) -> u64 {
        match self.told_at {
            Some(at) => TOLD_EVERY_MS.saturating_sub(now.since_ms(at)),
            None => 0,
        }
    }

    fn sign_of_life(&mut self, now: Moment) {
        let Some(within) = self.notifier.watchdog() else {
            return;
        };
        // Often enough that one may be lost, and not with every reading.
        let quarter = u64::try_from(within.as_millis() / 4).unwrap_or(u64::MAX);
        if self.alive_at.is_none_or(|at| now.since_ms(at) >= quarter) {
            self.notifier.alive();
            self.alive_at = Some(now);
        }
    }

    fn tell(&mut self, now: Now, park: &Park, alarms: &Alarms, ears: &Ears) {
        self.is_news = false;
        self.told_at = Some(now.moment);
        let status = report::line(park, alarms);
        if status != self.status {
            self.notifier.status(&status);
            self.status = status;
        }
        let announcement = Announcement {
            state: report::state(park, alarms, ears, self.started, now),
            alarms: alarms
                .standing()
                .into_iter()
                .map(|alarm| (alarm.id.clone(), alarm))
                .collect(),
            codes: report::codes(park),
            at: now.wall.to_rfc3339(),
        };
        self.announcements.send_if_modified(|told| {
            let is_new = told.state != announcement.state
                || told.alarms != announcement.alarms
                || told.codes != announcement.codes;
            if is_new {
                *told = announcement;
            }
            is_new
        });
    }
}
