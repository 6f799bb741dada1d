//! What each answer about an order means that is paid on the spot. Only a verified one says that it is paid, and
//! only a verified one that it cannot be paid any more.

use super::agenda::{Errand, Item};
use super::answer::{Answer, CodeUrl, Heard, NativeSeen, NativeState, Refusal};
use super::backoff;
use super::call::{MerchantRules, Out};
use super::link::is_set_up_error;
use super::queue::Queue;
use super::reply::mismatch;
use super::spot::{Spot, SpotClaim, SpotPaid, SpotState, SpotTold};
use super::spotting::QUERY;
use crate::lane::alarm::{Alarm, AlarmKind};
use crate::lane::time::{Stamp, Wall};
use crate::notice::NativeNotice;

/// So many looks in a row come to nothing before a person is told that nobody hears whether a driver has paid.
const IN_VAIN_MAX: u32 = 10;
/// An order that WeChat gave a code out for and then does not know, or never tells of, is asked about for so long
/// beyond its end before it counts as over, or a person is told.
const DOUBTED_MS: i64 = 60 * 60 * 1000;

impl Queue {
    /// *Create Native order* was answered.
    pub fn spot_answered(
        &mut self,
        number: &str,
        heard: &Heard<CodeUrl>,
        now: &Stamp,
        out: &mut Out,
    ) {
        let item = Item::Spot(number.to_owned());
        let is_awaited = self.landed(&item, Errand::Spot, &heard.answer, now, out);
        let spot = self.book.spots().get(number).cloned();
        let Some(spot) = spot.filter(|spot| is_awaited && spot.state == SpotState::Sent) else {
            // The code of an answer that nobody waited for is shown to nobody.
            return;
        };
        match &heard.answer {
            Answer::Verified(CodeUrl(code_url)) => {
                self.agenda.moved_on(&item);
                let code_url = code_url.clone();
                self.spot_is(number, SpotTold::Open { code_url }, out);
                out.alarms.push(refused_alarm(&spot, None));
                match spot.given_up {
                    Some(_) => self.agenda.put(&item, now.now.moment),
                    None => self.spot_later(&spot, now),
                }
            }
            Answer::Refused(refusal) if says_it_exists(refusal) => {
                let why = refusal.code.clone();
                self.spot_is(number, SpotTold::Unknown { why }, out);
                self.agenda.put(&item, now.now.moment);
            }
            Answer::Refused(refusal) => {
                let (code, message) = (refusal.code.clone(), refusal.message.clone());
                out.alarms.push(refused_alarm(&spot, Some(refusal)));
                self.note_refused_spot(&spot.claim.session, now.now.moment);
                self.end_spot(number, SpotTold::Refused { code, message }, now, out);
            }
            Answer::Throttled { retry_after_ms } => {
                let why = "throttled".to_owned();
                self.spot_is(number, SpotTold::ToRepeat { why }, out);
                self.throttled(&item, *retry_after_ms, now);
            }
            Answer::NotSent(why) => {
                let why = why.clone();
                self.spot_is(number, SpotTold::ToRepeat { why }, out);
                self.spot_again(&spot, now, out);
            }
            Answer::Lost(why) => {
                let why = why.clone();
                self.spot_is(number, SpotTold::Unknown { why }, out);
                self.spot_again(&spot, now, out);
            }
        }
    }

    /// *Query Native order* was answered.
    pub fn spot_query_answered(
        &mut self,
        number: &str,
        heard: &Heard<NativeSeen>,
        now: &Stamp,
        out: &mut Out,
    ) {
        let item = Item::Spot(number.to_owned());
        let is_awaited = self.landed(&item, Errand::QuerySpot, &heard.answer, now, out);
        let Some(spot) = self.book.spots().get(number).cloned() else {
            return;
        };
        match &heard.answer {
            Answer::Verified(seen) => {
                self.spot_seen(&spot, seen, is_awaited, now, out);
            }
            _ if !is_awaited => {}
            Answer::Refused(refusal) if is_missing(refusal) => {
                self.spot_missing(&spot, now, out);
            }
            Answer::Throttled { retry_after_ms } => self.throttled(&item, *retry_after_ms, now),
            Answer::Refused(_) | Answer::NotSent(_) | Answer::Lost(_) => {
                self.spot_again(&spot, now, out);
            }
        }
    }

    /// *Close Native order* was answered. Whatever the answer, only the order itself says what it is now: a
    /// payment may have slipped in.
    pub fn spot_close_answered(
        &mut self,
        number: &str,
        heard: &Heard<()>,
        now: &Stamp,
        rules: &MerchantRules,
        out: &mut Out,
    ) {
        let item = Item::Spot(number.to_owned());
        let is_awaited = self.landed(&item, Errand::CloseSpot, &heard.answer, now, out);
        let spot = self.book.spots().get(number).cloned();
        let Some(spot) = spot.filter(|_| is_awaited) else {
            return;
        };
        match &heard.answer {
            Answer::Refused(refusal) if is_missing(refusal) => self.spot_missing(&spot, now, out),
            Answer::Verified(()) | Answer::Refused(_) => {
                self.see_to_spot(&spot, QUERY, now, rules, out)
            }
            Answer::Throttled { retry_after_ms } => self.throttled(&item, *retry_after_ms, now),
            Answer::NotSent(_) => self.spot_again(&spot, now, out),
            Answer::Lost(_) if self.link.is_silent() => self.spot_again(&spot, now, out),
            Answer::Lost(_) => self.see_to_spot(&spot, QUERY, now, rules, out),
        }
    }

    /// An answer cannot be put on record now. It is as if it had been lost: the order is asked about again.
    pub fn spot_unheard(&mut self, number: &str, errand: Errand, now: &Stamp) {
        let item = Item::Spot(number.to_owned());
        if self.agenda.landed(&item, errand) {
            self.look_again(&item, now);
        }
    }

    /// A callback told of an order: its signature and its secrecy are verified, and nothing else is. True:
    /// it is one of ours, and what it says is taken over or known already.
    pub(super) fn spot_told(&mut self, notice: &NativeNotice, now: &Stamp, out: &mut Out) -> bool {
        let seen = notice.seen();
        let number = &seen.out_trade_no;
        if let Some(spot) = self.book.spots().get(number).cloned() {
            return self.spot_seen(&spot, &seen, false, now, out);
        }
        let Some(done) = self.book.spots().done(number).cloned() else {
            return false;
        };
        let is_ours = done.spot.is_meant_by(&seen);
        let counts = !done.paid && !done.given_back;
        if is_ours && counts && seen.state == NativeState::Paid {
            // WeChat took the money of an order that it had said was closed. Of one that was given back it
            // may still tell how it was before.
            self.spot_paid(
                &done.spot,
                seen.transaction_id,
                seen.payer_total_fen,
                now,
                out,
            );
        }
        is_ours
    }

    /// A verified answer shows the order. It counts only if it is ours in every point. True: it is.
    fn spot_seen(
        &mut self,
        spot: &Spot,
        seen: &NativeSeen,
        is_awaited: bool,
        now: &Stamp,
        out: &mut Out,
    ) -> bool {
        let number = &spot.claim.number;
        let item = Item::Spot(number.clone());
        if !spot.is_meant_by(seen) {
            let theirs = format!("{}, {:?} fen", seen.out_trade_no, seen.total_fen);
            out.alarms.push(mismatch(number, true, &theirs));
            if is_awaited {
                self.spot_again(spot, now, out);
            }
            return false;
        }
        out.alarms.push(mismatch(number, false, number));
        match &seen.state {
            NativeState::Paid => self.spot_paid(
                spot,
                seen.transaction_id.clone(),
                seen.payer_total_fen,
                now,
                out,
            ),
            NativeState::Refunded => {
                let transaction_id = seen.transaction_id.clone();
                out.alarms.push(given_back_alarm(spot));
                self.end_spot(number, SpotTold::GivenBack { transaction_id }, now, out);
            }
            NativeState::Closed | NativeState::Revoked => {
                // Nobody here closed it, and its time is not over: the next one may fare no better.
                if spot.given_up.is_none() && now.now.wall < spot.ends() {
                    self.note_refused_spot(&spot.claim.session, now.now.moment);
                }
                let why = "WeChat says so".to_owned();
                self.end_spot(number, SpotTold::Closed { why }, now, out);
            }
            // A notice is no answer to what is on its way.
            _ if !is_awaited => {}
            NativeState::NotPaid | NativeState::Paying | NativeState::Failed
                if is_overdue(spot, now) =>
            {
                self.spot_again(spot, now, out);
            }
            NativeState::NotPaid | NativeState::Failed
                if spot.given_up.is_none() && !spot.was_shown() =>
            {
                let why = "WeChat has it, and its code was lost".to_owned();
                self.spot_is(number, SpotTold::ToRepeat { why }, out);
                self.agenda.put(&item, now.now.moment);
            }
            NativeState::NotPaid | NativeState::Paying | NativeState::Failed => {
                if spot.given_up.is_none() {
                    self.agenda.moved_on(&item);
                }
                out.alarms.push(stuck_alarm(spot, false));
                self.spot_later(spot, now);
            }
            NativeState::Other(_) => self.spot_again(spot, now, out),
        }
        true
    }

    pub(super) fn spot_paid(
        &mut self,
        spot: &Spot,
        transaction_id: Option<String>,
        payer_fen: Option<u64>,
        now: &Stamp,
        out: &mut Out,
    ) {
        let told = SpotTold::Paid {
            transaction_id: transaction_id.clone(),
            payer_fen,
        };
        self.end_spot(&spot.claim.number, told, now, out);
        out.paid.push(SpotPaid {
            claim: spot.claim.clone(),
            transaction_id,
        });
    }

    /// WeChat does not know the order. What nobody has the code of, nobody can pay.
    fn spot_missing(&mut self, spot: &Spot, now: &Stamp, out: &mut Out) {
        let number = &spot.claim.number;
        let item = Item::Spot(number.clone());
        if spot.was_shown() {
            if now.now.wall > long_over(spot) {
                let why = "WeChat does not know it, an hour after its end".to_owned();
                self.end_spot(number, SpotTold::Closed { why }, now, out);
                return;
            }
            let theirs = "WeChat gave its code out and now does not know it";
            out.alarms.push(mismatch(number, true, theirs));
            self.spot_again(spot, now, out);
            return;
        }
        let why = "WeChat has no such order".to_owned();
        match spot.given_up {
            Some(_) => self.end_spot(number, SpotTold::Closed { why }, now, out),
            None => {
                self.spot_is(number, SpotTold::ToRepeat { why }, out);
                self.agenda.put(&item, now.now.moment);
            }
        }
    }

    /// The call came to nothing.
    fn spot_again(&mut self, spot: &Spot, now: &Stamp, out: &mut Out) {
        let item = Item::Spot(spot.claim.number.clone());
        let tries = self.agenda.tried(&item);
        // Of a WeChat that answers nothing another alarm tells.
        let in_vain = spot.given_up.is_none() && spot.was_shown() && tries >= IN_VAIN_MAX;
        if !self.is_silent() && (in_vain || is_overdue(spot, now)) {
            out.alarms.push(stuck_alarm(spot, true));
        }
        let own_ms = backoff::item_delay_ms(item.key(), tries);
        let waits_ms = match spot.given_up {
            None => own_ms.min(super::spotting::LOOK_MS),
            Some(_) => own_ms,
        };
        self.agenda.put(&item, now.now.moment.after_ms(waits_ms));
    }
}

/// Nobody waits for it any more, it cannot be paid for an hour, and WeChat has not said what became of it.
fn is_overdue(spot: &Spot, now: &Stamp) -> bool {
    spot.given_up.is_some() && now.now.wall > long_over(spot)
}

fn long_over(spot: &Spot) -> Wall {
    spot.ends().plus_ms(DOUBTED_MS)
}

/// WeChat knows the number: the order itself says more.
fn says_it_exists(refusal: &Refusal) -> bool {
    let code = refusal.code.replace('_', "");
    matches!(code.as_str(), "ORDERPAID" | "ORDERCLOSED")
}

fn is_missing(refusal: &Refusal) -> bool {
    refusal.status == 404 && !is_set_up_error(refusal.status, &refusal.code)
}

pub(super) fn stuck_alarm(spot: &Spot, raised: bool) -> Alarm {
    let SpotClaim {
        number,
        session,
        lane,
        fen,
        ..
    } = &spot.claim;
    Alarm {
        kind: AlarmKind::CodeStuck,
        subject: number.clone(),
        raised,
        text: match (raised, spot.given_up) {
            (false, _) => format!("WeChat tells of the code order {number} again"),
            (true, None) => format!(
                "WeChat does not tell whether the code order {number} over {fen} fen at lane {lane} is paid, and \
                 its driver may pay it: look it up in the merchant platform, and let the car out if it is paid"
            ),
            (true, Some(_)) => format!(
                "WeChat does not tell what became of the code order {number} over {fen} fen of stay {session}, an \
                 hour after its end; no charge of the stay leaves meanwhile. Look it up in the merchant platform, then \
                 `parkgate charges close-code {number}`, with --paid if it was paid"
            ),
        },
    }
}

fn given_back_alarm(spot: &Spot) -> Alarm {
    let claim = &spot.claim;
    Alarm {
        kind: AlarmKind::RefundStuck,
        subject: claim.number.clone(),
        raised: true,
        text: format!(
            "the code order {} over {} fen at lane {} was paid and given back, in whole or in part, and not by \
             parkgate: nothing of it is credited to stay {}. Look it up in the merchant platform; if a part of \
             the money stayed there, it is not in the ledger",
            claim.number, claim.fen, claim.lane, claim.session
        ),
    }
}

fn refused_alarm(spot: &Spot, refusal: Option<&Refusal>) -> Alarm {
    Alarm {
        kind: AlarmKind::CodeRefused,
        subject: spot.claim.lane.0.clone(),
        raised: refusal.is_some(),
        text: match refusal {
            Some(refusal) => format!(
                "WeChat makes no code to pay at lane {} ({} {}: {}); check that the merchant may use Native pay, \
                 `parkgate doctor --trial-order`. It is tried again by itself",
                spot.claim.lane, refusal.status, refusal.code, refusal.message
            ),
            None => format!(
                "WeChat makes codes to pay at lane {} again",
                spot.claim.lane
            ),
        },
    }
}
