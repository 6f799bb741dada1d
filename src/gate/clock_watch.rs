//! How well the box knows the time, since when, and whether that has been so for long enough to be
//! silent about it.

use serde_json::{Value, json};

use crate::charges::answer::{Answer, Heard};
use crate::clock::Word;
use crate::lane::alarm::{Alarm, AlarmKind};
use crate::lane::time::{Moment, Now};
use crate::park::event::Event;

/// A box without a battery-backed clock needs some moments after it started.
const GRACE_MS: u64 = 120_000;

/// See the module.
#[derive(Debug, Default)]
pub struct ClockWatch {
    /// Whether it is trusted, and since when.
    standing: Option<(bool, Moment)>,
    is_alarmed: bool,
    skew: Option<Skew>,
}

/// How far the box's clock was from WeChat's, when an answer of theirs was last believed.
#[derive(Clone, Copy, Debug)]
struct Skew {
    /// The box's clock less the answer's `Date`, which knows whole seconds.
    ms: i64,
    at: Moment,
}

impl ClockWatch {
    /// Looks at the clock, now and then.
    pub fn look(&mut self, now: Now) -> Option<Alarm> {
        let since = match self.standing {
            Some((trusted, since)) if trusted == now.trusted => since,
            _ => now.moment,
        };
        self.standing = Some((now.trusted, since));
        if now.trusted {
            let over = "the box knows the time again".to_owned();
            return std::mem::take(&mut self.is_alarmed).then(|| alarm(false, over));
        }
        if self.is_alarmed || now.moment.since_ms(since) < GRACE_MS {
            return None;
        }
        self.is_alarmed = true;
        let text = format!(
            "the box's clock says {} and is not believed: lanes work, nothing is signed, and charges \
             wait; check that an NTP client runs and reaches a server, or with [clock] trust = \"rtc\" \
             set the clock",
            now.wall.to_rfc3339()
        );
        Some(alarm(true, text))
    }

    /// Takes the hint of an answer whose signature verified. No clock is set by it (docs/time.md).
    pub fn heard(&mut self, event: &Event, at: Moment) {
        let skew_ms = match event {
            Event::EntryAnswered { heard, .. } => believed_skew_ms(heard),
            Event::ChargeAnswered { heard, .. } | Event::QueryAnswered { heard, .. } => {
                believed_skew_ms(heard)
            }
            _ => None,
        };
        if let Some(ms) = skew_ms {
            self.skew = Some(Skew { ms, at });
        }
    }

    /// For `parkgate status`: trusted or not, why, for how long, and how far from WeChat's clock.
    pub fn told(&self, now: Now, word: Word) -> Value {
        let standing = self.standing.filter(|(trusted, _)| *trusted == now.trusted);
        let since = standing.map_or(now.moment, |(_, since)| since);
        let mut told = json!({
            "trusted": now.trusted,
            "why": word,
            "says": now.wall.to_rfc3339(),
            "for_ms": now.moment.since_ms(since),
        });
        if let Some(Skew { ms, at }) = self.skew {
            told["ahead_of_wechat_ms"] = ms.into();
            told["compared_ms_ago"] = now.moment.since_ms(at).into();
        }
        told
    }
}

fn believed_skew_ms<T>(heard: &Heard<T>) -> Option<i64> {
    match heard.answer {
        Answer::Verified(_) => heard.skew_ms,
        _ => None,
    }
}

fn alarm(raised: bool, text: String) -> Alarm {
    Alarm {
        kind: AlarmKind::ClockUntrusted,
        subject: "clock".to_owned(),
        raised,
        text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lane::time::{BootId, Wall};

    #[test]
    fn a_clock_that_stays_unset_is_told_once_and_so_is_its_setting() {
        let mut watch = ClockWatch::default();
        let mut look = |ms, trusted| {
            let now = Now {
                moment: Moment(ms),
                wall: Wall(0),
                trusted,
                boot: BootId(1),
            };
            watch.look(now).map(|alarm| alarm.raised)
        };
        assert_eq!(look(0, false), None, "it has just started");
        assert_eq!(look(119_999, false), None);
        assert_eq!(look(120_000, false), Some(true));
        assert_eq!(look(500_000, false), None);
        assert_eq!(look(500_001, true), Some(false));
        assert_eq!(look(500_002, true), None);
        assert_eq!(look(500_003, false), None, "a new grace");
    }

    #[test]
    fn a_status_tells_since_when_why_and_how_far_from_wechat_by_believed_answers_alone() {
        let at = |ms, trusted| Now {
            moment: Moment(ms),
            wall: Wall(1_764_000_000_000),
            trusted,
            boot: BootId(1),
        };
        let answered = |answer, skew_ms| Event::QueryAnswered {
            trade_no: "T1".into(),
            heard: Heard {
                answer,
                request_id: None,
                skew_ms: Some(skew_ms),
            },
        };
        let order = crate::charges::answer::Transaction {
            paid: Default::default(),
            out_trade_no: "T1".into(),
            parties: Default::default(),
            state: crate::charges::answer::TradeState::Accepted,
            total_fen: None,
            parking_id: None,
            plate_number: None,
            plate_color: None,
            transaction_id: None,
            bank_type: None,
            description: None,
        };
        let mut watch = ClockWatch::default();
        watch.look(at(1_000, false));
        let told = watch.told(at(5_000, false), Word::Unset);
        assert_eq!(
            (&told["trusted"], &told["why"]),
            (&json!(false), &json!("unset"))
        );
        assert_eq!(told["for_ms"], 4_000);
        assert_eq!(told.get("ahead_of_wechat_ms"), None);
        watch.look(at(9_000, true));
        watch.heard(&answered(Answer::Verified(order), -3_000), Moment(10_000));
        watch.heard(
            &answered(Answer::Lost("forged".into()), 90_000),
            Moment(11_000),
        );
        let told = watch.told(at(12_000, true), Word::Ntp);
        assert_eq!(
            (&told["why"], &told["for_ms"]),
            (&json!("ntp"), &json!(3_000))
        );
        assert_eq!(told["ahead_of_wechat_ms"], -3_000);
        assert_eq!(told["compared_ms_ago"], 2_000);
    }
}
