//! Takes a notice in, from wherever it came: whose word it is, then the ledger, then the answer. The answer
//! is given when what the notice says is on disk, and not before (`wechat-pay.md` 3.1).

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

use super::{Notice, NoticeFault, Opened, Tally, open};
use crate::clock::Clock;
use crate::control::Answer;
use crate::gate::account::Account;
use crate::gate::inbox::{Inbox, Message};
use crate::lane::alarm::{Alarm, AlarmKind};
use crate::lane::time::{Now, Wall};
use crate::park::reply::Done;
use crate::wechat::trust::{SignatureHeaders, VerifyFault};
use crate::wechat::{Client, printable};

/// Kinds of events that are named in the log, once each; then no more are.
const NAMED_MAX: usize = 32;

/// See the module. Clones share everything.
#[derive(Clone)]
pub struct Receiver {
    account: Account,
    clock: Clock,
    inbox: Inbox,
    tally: Tally,
    named: Arc<Mutex<BTreeSet<String>>>,
    /// The alarm stands that something signed could not be read.
    is_at_a_loss: Arc<AtomicBool>,
}

/// What a notice is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is on disk, or it was before, or nothing is to be done.
    Taken,
    /// It proves nothing. Whoever sent it is told no more than that.
    NotBelieved,
    /// WeChat's, and it could not be read here: it shall come again.
    NotUnderstood,
    /// Not now: no keys, no clock, no store, no time. It shall come again.
    NotNow,
}

impl Verdict {
    /// HTTP status. WeChat takes 200 for taken, and sends again after anything else.
    pub fn status(self) -> u16 {
        match self {
            Self::Taken => 200,
            Self::NotBelieved => 401,
            Self::NotUnderstood => 500,
            Self::NotNow => 503,
        }
    }

    /// The answer's body.
    pub fn body(self) -> &'static str {
        match self {
            Self::Taken => r#"{"code":"SUCCESS","message":"OK"}"#,
            Self::NotBelieved => r#"{"code":"FAIL","message":"not verified"}"#,
            Self::NotUnderstood => r#"{"code":"FAIL","message":"not understood"}"#,
            Self::NotNow => r#"{"code":"FAIL","message":"try again"}"#,
        }
    }
}

impl Receiver {
    /// Hands what it takes to the loop behind `inbox`.
    pub fn new(account: Account, clock: Clock, inbox: Inbox, tally: Tally) -> Self {
        Self {
            account,
            clock,
            inbox,
            tally,
            named: Arc::default(),
            is_at_a_loss: Arc::default(),
        }
    }

    /// How often what became of notices.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Where its alarms go.
    pub(super) fn alarm(&self, alarm: Alarm) {
        // What is not told now is told at the next change.
        self.inbox.offer(Message::Alarm(alarm));
    }

    /// By which clock notices are judged.
    pub(super) fn now(&self) -> Now {
        self.clock.now()
    }

    /// Takes a notice that arrived at `at`: now, or when a relay received it. Answers by the deadline.
    pub async fn take(
        &self,
        headers: &SignatureHeaders,
        raw: &[u8],
        at: Wall,
        deadline: Instant,
    ) -> Verdict {
        if !self.clock.now().trusted {
            return self.put_off("the clock is not trusted");
        }
        let client = match self.account.client() {
            Ok(client) => client,
            Err(_) => return self.put_off("there are no keys"),
        };
        let opened = match open_by(&client, headers, raw, at, deadline).await {
            Ok(opened) => opened,
            Err(NoticeFault::NotBelieved(fault)) => return self.refuse(&fault),
            Err(fault) => return self.at_a_loss(&fault),
        };
        self.at_a_loss_no_more();
        if let Notice::Other { event_type } = &opened.notice {
            self.name(event_type);
            self.tally.with(|told| told.passed_over += 1);
            return Verdict::Taken;
        }
        self.hand_over(opened, deadline).await
    }

    async fn hand_over(&self, opened: Opened, deadline: Instant) -> Verdict {
        let kind = opened.notice.kind();
        let (reply, answer) = oneshot::channel();
        if !self.inbox.offer(Message::Noticed(Box::new(opened), reply)) {
            return self.put_off("the lanes are too busy");
        }
        match timeout_at(deadline, answer).await {
            Ok(Ok(Answer::Ok(done))) => {
                let is_known = done == serde_json::json!(Done::NoticeKnown);
                let now = self.clock.now().wall;
                self.tally.with(|told| {
                    told.last_at = Some(now);
                    match is_known {
                        true => told.repeated += 1,
                        false => told.taken += 1,
                    }
                });
                tracing::debug!(about = kind.word(), is_known, "notice taken");
                Verdict::Taken
            }
            Ok(_) => self.put_off("the store cannot write"),
            Err(_) => self.put_off("the ledger did not take it in time"),
        }
    }

    fn put_off(&self, why: &'static str) -> Verdict {
        tracing::debug!(why, "notice put off");
        self.tally.with(|told| {
            told.put_off += 1;
            told.last_refusal = Some(why.to_owned());
        });
        Verdict::NotNow
    }

    /// Anybody can send these: one line at debug, and a count.
    fn refuse(&self, fault: &VerifyFault) -> Verdict {
        tracing::debug!(%fault, "notice refused");
        self.tally.with(|told| {
            told.refused += 1;
            told.last_refusal = Some(printable(&fault.to_string(), 200));
        });
        Verdict::NotBelieved
    }

    fn at_a_loss(&self, fault: &NoticeFault) -> Verdict {
        self.tally.with(|told| {
            told.not_understood += 1;
            told.last_refusal = Some(printable(&fault.to_string(), 200));
        });
        if !self.is_at_a_loss.swap(true, Ordering::Relaxed) {
            self.alarm(unreadable(true, fault.to_string()));
        }
        Verdict::NotUnderstood
    }

    fn at_a_loss_no_more(&self) {
        if self.is_at_a_loss.swap(false, Ordering::Relaxed) {
            self.alarm(unreadable(false, "callbacks are opened again".to_owned()));
        }
    }

    fn name(&self, event_type: &str) {
        let mut named = self.named.lock().unwrap_or_else(PoisonError::into_inner);
        if named.len() < NAMED_MAX && named.insert(event_type.to_owned()) {
            tracing::info!(
                event_type,
                "WeChat tells of something that parkgate does not act on"
            );
        }
    }
}

/// Where its key is unknown, looks for it once.
async fn open_by(
    client: &Client,
    headers: &SignatureHeaders,
    raw: &[u8],
    at: Wall,
    deadline: Instant,
) -> Result<Opened, NoticeFault> {
    let attempt = || open(client.key_ring(), client.api_v3_keys(), headers, raw, at);
    match attempt() {
        Err(NoticeFault::NotBelieved(VerifyFault::UnknownSerial(serial))) => {
            client.look_for(serial, deadline).await;
            attempt()
        }
        opened => opened,
    }
}

fn unreadable(raised: bool, text: String) -> Alarm {
    Alarm {
        kind: AlarmKind::CallbacksFail,
        subject: "opening".to_owned(),
        raised,
        text: match raised {
            true => format!("a callback that WeChat signed is not taken: {text}"),
            false => text,
        },
    }
}
