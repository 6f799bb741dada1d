//! The keys by which the box believes WeChat's answers, and how it comes by new ones: by the client's own
//! schedule. They outlive a restart, as on the box.

use std::collections::BTreeSet;

use crate::lane::time::Moment;
use crate::sim::wechat::Answer;
use crate::wechat::certificates::Schedule;

pub struct Keys {
    serials: BTreeSet<String>,
    schedule: Schedule,
}

impl Keys {
    pub fn held(serials: &[String]) -> Self {
        Self {
            serials: serials.iter().cloned().collect(),
            schedule: Schedule::new(Moment(0)),
        }
    }

    /// Another run of the daemon.
    pub fn start(&mut self, now: Moment) {
        self.schedule = Schedule::new(now);
    }

    /// Whether an answer is signed with a key that is not held.
    pub fn unknown_serial(&self, answer: &Answer) -> bool {
        let serial = answer.header("Wechatpay-Serial");
        serial.is_some_and(|serial| !self.holds(serial))
    }

    /// Whether the key of this serial is held.
    pub fn holds(&self, serial: &str) -> bool {
        self.serials.contains(serial)
    }

    /// Whether an unknown serial may lead to a look at WeChat's list now.
    pub fn may_ask(&mut self, now: Moment) -> bool {
        self.schedule.ask_for_unknown(now)
    }

    /// The list came, or did not. Some: it is asked for again then.
    pub fn fetched(&mut self, listed: Option<Vec<String>>, now: Moment) -> Option<Moment> {
        match listed {
            Some(serials) => {
                self.serials = serials.into_iter().collect();
                self.schedule.succeeded(now, 0);
                None
            }
            None => {
                self.schedule.failed(now);
                Some(self.schedule.due())
            }
        }
    }
}
