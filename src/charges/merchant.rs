//! A merchant whom WeChat refuses as such: the queue stands still, and one query now and then asks
//! whether it is let in again.

use super::answer::{Heard, Refusal};
use super::backoff;
use super::call::{MerchantRules, Out};
use super::link::Stop;
use super::queue::Queue;
use super::record::MoneyRecord;
use crate::lane::alarm::{Alarm, AlarmKind};
use crate::lane::time::Stamp;

/// A clock further off than this may be why WeChat refuses.
const SKEW_MS_MAX: u64 = 60_000;
const REMEDY: &str = "check the key, the certificate serial and the parking permission";

impl Queue {
    /// WeChat refused the merchant, not the call. Who is refused again before WeChat has taken anything
    /// on waits longer than the time before.
    pub(super) fn stop_merchant<T>(
        &mut self,
        refusal: &Refusal,
        heard: &Heard<T>,
        now: &Stamp,
        out: &mut Out,
    ) {
        if self.book.stop().is_some() {
            return;
        }
        self.half_open_later(now);
        let (code, message) = (refusal.code.clone(), refusal.message.clone());
        let clock = match heard.skew_ms {
            Some(skew) if skew.unsigned_abs() > SKEW_MS_MAX => {
                format!(
                    "; the box's clock is off by {} s: set it first",
                    skew / 1000
                )
            }
            _ => String::new(),
        };
        let text = format!(
            "WeChat refuses this merchant ({} {code}: {message}){clock}; {REMEDY}",
            refusal.status
        );
        out.alarms.push(stopped(true, text));
        self.record(out, MoneyRecord::MerchantStopped { code, message });
    }

    /// A query was answered, so the merchant is let in.
    pub(super) fn resume_merchant(&mut self, out: &mut Out) {
        if self.book.stop().is_none() {
            return;
        }
        self.half_open = None;
        self.record(out, MoneyRecord::MerchantResumed);
        let text = "WeChat accepts this merchant again".to_owned();
        out.alarms.push(stopped(false, text));
    }

    pub(super) fn query_once_while_stopped(
        &mut self,
        now: &Stamp,
        rules: &MerchantRules,
        out: &mut Out,
    ) {
        let is_time = self.half_open.is_some_and(|at| at <= now.now.moment);
        if !is_time || self.agenda.in_flight() > 0 {
            return;
        }
        if let Some(trade_no) = self.asks_while_stopped() {
            self.half_open_later(now);
            self.query(&trade_no, None, now, rules, out);
        }
    }

    /// What a stopped merchant's query is about. With nothing in the queue it is nobody's order: who has
    /// mended the set-up shall see that before the next car comes.
    pub(super) fn asks_while_stopped(&self) -> Option<String> {
        let charge = self.book.charges().next();
        let charge = charge.map(|charge| charge.claim.trade_no.clone());
        let entry = self.book.entries().next();
        charge
            .or_else(|| entry.map(|entry| entry.session.trade_no(0)))
            .or_else(|| self.nobodys.clone())
    }

    /// After a restart: a stop is on record, and its alarm is not.
    pub(super) fn tell_of_a_stop(&self, out: &mut Out) {
        if let Some(Stop { code, message }) = self.book.stop() {
            let text = format!(
                "WeChat refused this merchant before the restart ({code}: {message}); {REMEDY}"
            );
            out.alarms.push(stopped(true, text));
        }
    }

    /// The query brought no answer, which says nothing about the merchant.
    pub(super) fn half_open_again(&mut self, now: &Stamp) {
        if self.book.stop().is_some() {
            let delay = backoff::half_open_delay_ms(0);
            self.half_open = Some(now.now.moment.after_ms(delay));
            self.refusals = self.refusals.saturating_sub(1);
        }
    }

    fn half_open_later(&mut self, now: &Stamp) {
        let delay = backoff::half_open_delay_ms(self.refusals);
        self.half_open = Some(now.now.moment.after_ms(delay));
        self.refusals = self.refusals.saturating_add(1);
    }
}

fn stopped(raised: bool, text: String) -> Alarm {
    Alarm {
        kind: AlarmKind::MerchantStopped,
        subject: "merchant".to_owned(),
        raised,
        text,
    }
}
