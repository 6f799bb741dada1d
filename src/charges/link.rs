//! Whether WeChat answers at all, and whether it answers this merchant.

use serde::{Deserialize, Serialize};

use super::backoff;
use crate::lane::time::Moment;

/// So many calls in a row without an answer, and WeChat counts as silent.
pub const SILENT_AFTER: u32 = 2;

/// What the last calls tell about the way to WeChat.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Link {
    failures: u32,
    /// In silence the next call goes then.
    not_before: Moment,
    /// WeChat asked for quiet until then (429).
    quiet_until: Moment,
}

impl Link {
    /// Lanes do not wait for a WeChat that has not been answering.
    pub fn is_silent(&self) -> bool {
        self.failures >= SILENT_AFTER
    }

    /// Whether one more background call may go, with `in_flight` under way. `limit` is for good times;
    /// while nothing answers, one call at a time finds out.
    pub fn admits(&self, in_flight: usize, limit: usize, now: Moment) -> bool {
        now >= self.opens_at() && in_flight < self.limit(limit)
    }

    /// No call goes before.
    pub fn opens_at(&self) -> Moment {
        if self.is_silent() {
            self.not_before.max(self.quiet_until)
        } else {
            self.quiet_until
        }
    }

    /// How many background calls may be under way, if `limit` is for good times.
    pub fn limit(&self, limit: usize) -> usize {
        if self.is_silent() { 1 } else { limit }
    }

    /// WeChat throttles: no call of any kind before then.
    pub fn quieten(&mut self, until: Moment) {
        self.quiet_until = self.quiet_until.max(until);
    }

    /// WeChat answered, whatever it said. Tells whether that ended a silence.
    pub fn answered(&mut self) -> bool {
        let was_silent = self.is_silent();
        self.failures = 0;
        was_silent
    }

    /// Nothing came back. Tells whether a silence began.
    pub fn failed(&mut self, key: &str, now: Moment) -> bool {
        let was_silent = self.is_silent();
        if was_silent && now < self.not_before {
            // One of those that were under way when the silence began: it tells nothing new.
            return false;
        }
        self.failures = self.failures.saturating_add(1);
        self.not_before = now.after_ms(backoff::probe_delay_ms(key, self.failures));
        self.is_silent() && !was_silent
    }
}

/// A merchant whom WeChat refuses as such (`SIGN_ERROR`, `NO_AUTH`): nothing is sent but one query
/// now and then (`merchant.rs`). Nothing is lost by it; what is due stays due.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stop {
    /// WeChat's code.
    pub code: String,
    /// WeChat's words.
    pub message: String,
}

/// Codes that speak of the merchant's set-up and not of the one call (`wechat-pay.md` 2.5, 10).
pub fn is_set_up_error(status: u16, code: &str) -> bool {
    status == 401 || matches!(code, "SIGN_ERROR" | "NO_AUTH")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_lost_answer_is_not_yet_silence() {
        let mut link = Link::default();
        assert!(!link.failed("T", Moment(0)));
        assert!(!link.is_silent());
        assert!(link.failed("T", Moment(0)));
        assert!(link.is_silent());
        assert!(link.answered());
        assert!(!link.is_silent());
    }

    #[test]
    fn in_silence_one_call_at_a_time_goes_and_not_before_its_time() {
        let mut link = Link::default();
        assert!(link.admits(3, 4, Moment(0)));
        assert!(!link.admits(4, 4, Moment(0)));
        link.failed("T", Moment(0));
        link.failed("T", Moment(0));
        let at = link.opens_at();
        assert!(!link.admits(0, 4, Moment(at.0 - 1)));
        assert!(link.admits(0, 4, at));
        assert!(!link.admits(1, 4, at));
    }

    #[test]
    fn a_wechat_that_throttles_is_left_in_peace() {
        let mut link = Link::default();
        link.quieten(Moment(30_000));
        link.quieten(Moment(10_000));
        assert!(!link.admits(0, 4, Moment(29_999)));
        assert!(!link.is_silent());
        assert!(link.admits(0, 4, Moment(30_000)));
    }

    #[test]
    fn calls_that_fail_together_delay_the_next_one_no_longer_than_two() {
        let mut link = Link::default();
        for _ in 0..8 {
            link.failed("T", Moment(0));
        }
        assert!(link.admits(0, 4, Moment(3_000)));
        link.failed("T", Moment(3_000));
        assert!(!link.admits(0, 4, Moment(6_000)));
    }
}
