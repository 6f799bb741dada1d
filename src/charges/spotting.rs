//! Orders that are paid on the spot: asked for, made, looked at until they are paid, and closed when nobody
//! waits for them any more. For one amount due there is a charge or such an order, and never both: no charge
//! leaves while the stay's order may still be paid ([`Queue::waits_for_a_spot`]).

use super::agenda::{Errand, Item};
use super::backoff;
use super::call::{Call, MerchantRules, Out, Request};
use super::queue::Queue;
use super::record::MoneyRecord;
use super::reply::mismatch;
use super::spot::{GivenUp, Spot, SpotClaim, SpotState, SpotTold};
use super::spot_reply::stuck_alarm;
use super::staff::Declined;
use crate::lane::number::SessionId;
use crate::lane::time::{Moment, Now, Stamp};
use crate::wechat::native::Payee;

/// How often an order is looked at while its driver may pay.
pub(super) const LOOK_MS: u64 = 2_500;
/// After a refusal the next order for the same stay waits so long, and twice as long each time.
const REFUSED_MS: u64 = 30_000;
const REFUSED_MS_MAX: u64 = 10 * 60 * 1000;
/// An order that ends earlier is not sent again.
const ENDS_BEYOND_MS: i64 = 2 * 60 * 1000;
/// A call about an order is of use to the lane for so long.
const LANE_MS: u64 = 1_500;

/// What WeChat is asked about an order that it has.
type SeeTo = (Errand, fn(String, Payee) -> Request);
/// How it stands.
pub(super) const QUERY: SeeTo = (Errand::QuerySpot, |number, payee| Request::QuerySpot {
    number,
    payee,
});
/// That nobody may pay it any more.
pub(super) const CLOSE: SeeTo = (Errand::CloseSpot, |number, payee| Request::CloseSpot {
    number,
    payee,
});

/// How often WeChat would not take an order for a stay, and when the next one may go. Of one run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct Refused {
    times: u32,
    /// None: the next one may go, or has gone.
    until: Option<Moment>,
}

impl Queue {
    /// Whether an order may be made for this stay now. Where WeChat is not heard, nobody would hear either
    /// that it was paid.
    pub fn may_ask_spot(&self, session: &SessionId, now: Moment) -> bool {
        let refused = self.spots_refused.get(session);
        let until = refused.and_then(|refused| refused.until);
        !self.is_silent()
            && self.book.spots().of(session).is_none()
            && until.is_none_or(|at| at <= now)
    }

    /// The driver shall pay on the spot.
    pub fn ask_spot(&mut self, claim: SpotClaim, now: Now, out: &mut Out) {
        let item = Item::Spot(claim.number.clone());
        self.record(out, MoneyRecord::SpotAsked { spot: claim });
        self.agenda.put(&item, now.moment);
    }

    /// Nobody waits for its money any more. It is closed, and until WeChat says so it may still be paid.
    pub fn give_spot_up(&mut self, number: &str, why: GivenUp, at: &Stamp, out: &mut Out) {
        let spot = self.book.spots().get(number);
        let Some(spot) = spot.filter(|spot| spot.given_up.is_none()) else {
            return;
        };
        let never_left = spot.state == SpotState::Waiting;
        let item = Item::Spot(number.to_owned());
        self.record(
            out,
            MoneyRecord::SpotGivenUp {
                number: number.to_owned(),
                why,
                at: at.clone(),
            },
        );
        if never_left {
            let why = "it never left".to_owned();
            self.end_spot(number, SpotTold::Closed { why }, at, out);
            return;
        }
        // What is on its way tells how it was before; if that is paid, it counts all the same.
        self.agenda.landed(&item, Errand::QuerySpot);
        if !self.agenda.is_in_flight(&item) {
            self.agenda.moved_on(&item);
            self.agenda.put(&item, at.now.moment);
        }
    }

    /// A person has seen in the merchant platform how an order ended that WeChat does not tell of: it was paid, or
    /// it cannot be. Returns what it was over, fen.
    ///
    /// # Errors
    /// While somebody may still pay it.
    pub fn end_spot_by_word(
        &mut self,
        number: &str,
        is_paid: bool,
        word: &str,
        now: &Stamp,
        out: &mut Out,
    ) -> Result<u64, Declined> {
        if self.is_paused() {
            return Err(Declined::StoreFailed);
        }
        let spot = self.book.spots().get(number).cloned();
        let spot = spot.ok_or(Declined::NoSuchCode)?;
        let is_over = now.now.trusted && now.now.wall > spot.ends();
        if spot.given_up.is_none() || !is_over {
            return Err(Declined::MayStillBePaid);
        }
        if self.agenda.is_in_flight(&Item::Spot(number.to_owned())) {
            return Err(Declined::OnItsWay);
        }
        out.alarms.push(mismatch(number, false, number));
        if !is_paid {
            let why = word.to_owned();
            self.end_spot(number, SpotTold::Closed { why }, now, out);
        } else if spot.was_shown() {
            self.spot_paid(&spot, None, None, now, out);
        } else {
            return Err(Declined::NeverPaid);
        }
        Ok(spot.claim.fen)
    }

    /// Forgets the refusals of stays whose cars do not stand at an exit any more, and of the others those
    /// times that are over: whether the next order goes or not, nothing is to be woken for.
    pub fn keep_refused_spots(&mut self, now: Moment, is_wanted: impl Fn(&SessionId) -> bool) {
        self.spots_refused.retain(|session, _| is_wanted(session));
        for refused in self.spots_refused.values_mut() {
            refused.until = refused.until.filter(|until| *until > now);
        }
    }

    /// Whether the stay's order may still be paid, so that no charge of it may leave.
    pub(super) fn waits_for_a_spot(&self, session: &SessionId) -> bool {
        self.book.spots().of(session).is_some() && !planted!(ChargedBesideCode)
    }

    /// What becomes due for a car that stands at an exit, and goes beside the background's calls.
    pub(super) fn spots_due(&self, now: Moment) -> Vec<Item> {
        let due = |item: &Item| self.agenda.next_at_of(item).is_some_and(|at| at <= now);
        self.spots_at_lanes().filter(due).collect()
    }

    /// When the next of them is, or an order may go again.
    pub(super) fn spots_at(&self) -> Option<Moment> {
        if self.is_silent() {
            return None;
        }
        let opens_at = self.opens_at();
        let items = self.spots_at_lanes();
        let due = items.filter_map(|item| Some(self.agenda.next_at_of(&item)?.max(opens_at)));
        let refused = self.spots_refused.values();
        due.chain(refused.filter_map(|refused| refused.until)).min()
    }

    /// Orders whose drivers may pay, or whose end a car at a barrier waits for.
    fn spots_at_lanes(&self) -> impl Iterator<Item = Item> {
        let open = self.book.spots().open();
        let awaited = open.filter(|spot| {
            spot.given_up.is_none() || self.awaited.contains_key(&spot.claim.session)
        });
        awaited.map(|spot| Item::Spot(spot.claim.number.clone()))
    }

    /// Orders that WeChat has or may have, while it refuses the merchant and no new ones are made: what was
    /// paid has to be heard of, and what nobody waits for has to be closed.
    fn spots_at_wechat(&self) -> impl Iterator<Item = Item> {
        let open = self.book.spots().open();
        let there = open.filter(|spot| {
            let is_to_make = matches!(spot.state, SpotState::Waiting | SpotState::ToRepeat);
            spot.given_up.is_some() || !is_to_make
        });
        there.map(|spot| Item::Spot(spot.claim.number.clone()))
    }

    /// When the next of them is due.
    pub(super) fn spots_while_stopped_at(&self) -> Option<Moment> {
        let items = self.spots_at_wechat();
        items.filter_map(|item| self.agenda.next_at_of(&item)).min()
    }

    pub(super) fn spots_due_while_stopped(&self, now: Moment) -> Vec<Item> {
        let due = |item: &Item| self.agenda.next_at_of(item).is_some_and(|at| at <= now);
        self.spots_at_wechat().filter(due).collect()
    }

    pub(super) fn act_on_spot(
        &mut self,
        number: &str,
        now: &Stamp,
        rules: &MerchantRules,
        out: &mut Out,
    ) {
        let item = Item::Spot(number.to_owned());
        let Some(spot) = self.book.spots().get(number).cloned() else {
            self.agenda.forget(&item);
            return;
        };
        match (&spot.state, spot.given_up) {
            (SpotState::Waiting, Some(_)) => {
                let why = "it never left".to_owned();
                self.end_spot(number, SpotTold::Closed { why }, now, out);
            }
            // Its code was never given out, so nobody can pay it.
            (SpotState::ToRepeat, None) if is_running_out(&spot, now) => {
                let why = "its time ran out before WeChat gave its code out".to_owned();
                self.end_spot(number, SpotTold::Closed { why }, now, out);
            }
            (SpotState::Waiting | SpotState::ToRepeat, None) => {
                self.make_spot(&spot, now, rules, out);
            }
            (SpotState::Sent | SpotState::Unknown | SpotState::Open { .. }, None) => {
                self.see_to_spot(&spot, QUERY, now, rules, out);
            }
            (_, Some(_)) => self.see_to_spot(&spot, CLOSE, now, rules, out),
        }
    }

    fn make_spot(&mut self, spot: &Spot, now: &Stamp, rules: &MerchantRules, out: &mut Out) {
        let number = spot.claim.number.clone();
        let payee = payee_of(spot, rules);
        let (body, is_new) = match &spot.body {
            Some(frozen) => (frozen.clone(), false),
            None => {
                let url = rules.native_notify_url.as_ref();
                let url = url.unwrap_or(&rules.charge_notify_url);
                let wall = now.now.wall;
                (spot.claim.body(&payee, &rules.description, url, wall), true)
            }
        };
        self.record(
            out,
            MoneyRecord::SpotSent {
                number: number.clone(),
                body: is_new.then(|| body.clone()),
            },
        );
        let request = Request::Spot {
            number,
            payee,
            body,
        };
        self.call_about_spot(spot, Errand::Spot, request, now, out);
    }

    /// Asks how an order stands, or closes it.
    pub(super) fn see_to_spot(
        &mut self,
        spot: &Spot,
        (errand, request): SeeTo,
        now: &Stamp,
        rules: &MerchantRules,
        out: &mut Out,
    ) {
        let request = request(spot.claim.number.clone(), payee_of(spot, rules));
        self.call_about_spot(spot, errand, request, now, out);
    }

    fn call_about_spot(
        &mut self,
        spot: &Spot,
        errand: Errand,
        request: Request,
        now: &Stamp,
        out: &mut Out,
    ) {
        let item = Item::Spot(spot.claim.number.clone());
        self.agenda.sent(&item, errand, now.now.moment);
        out.calls.push(Call {
            request,
            lane_until: Some(now.now.moment.after_ms(LANE_MS)),
        });
    }

    /// It is paid, closed or refused: the stay's charge may go, if one waits.
    pub(super) fn end_spot(&mut self, number: &str, told: SpotTold, now: &Stamp, out: &mut Out) {
        self.agenda.forget(&Item::Spot(number.to_owned()));
        let spot = self.book.spots().get(number).cloned();
        self.spot_is(number, told, out);
        let Some(spot) = spot else { return };
        out.alarms.push(stuck_alarm(&spot, false));
        let SpotClaim { session, plate, .. } = spot.claim;
        let charges = self.book.charges_of(&plate);
        let charges = charges.filter(|charge| charge.claim.session == session);
        let items: Vec<Item> = charges
            .map(|charge| Item::Charge(charge.claim.trade_no))
            .collect();
        for item in items {
            self.agenda.advance(&item, now.now.moment);
        }
    }

    pub(super) fn spot_is(&mut self, number: &str, told: SpotTold, out: &mut Out) {
        let number = number.to_owned();
        self.record(out, MoneyRecord::SpotTold { number, told });
    }

    /// WeChat would not take an order for this stay.
    pub(super) fn note_refused_spot(&mut self, session: &SessionId, now: Moment) {
        let refused = self.spots_refused.entry(session.clone()).or_default();
        let waits_ms = REFUSED_MS.saturating_mul(1 << refused.times.min(10));
        refused.times = refused.times.saturating_add(1);
        refused.until = Some(now.after_ms(waits_ms.min(REFUSED_MS_MAX)));
    }

    /// When it is looked at again: soon, as long as a driver may pay, and less and less often if only its end
    /// is waited for.
    pub(super) fn spot_later(&mut self, spot: &Spot, now: &Stamp) {
        let item = Item::Spot(spot.claim.number.clone());
        let is_awaited = self.awaited.contains_key(&spot.claim.session);
        let waits_ms = match spot.given_up {
            Some(_) if !is_awaited => backoff::item_delay_ms(item.key(), self.agenda.tried(&item)),
            _ => LOOK_MS,
        };
        self.agenda.put(&item, now.now.moment.after_ms(waits_ms));
    }

    /// The call in hand did not leave, and the order is as it was before.
    pub(super) fn spot_not_made(&mut self, number: &str, out: &mut Out) {
        let spot = self.book.spots().get(number);
        if spot.is_some_and(|spot| spot.state == SpotState::Sent) {
            let why = "the store could not write".to_owned();
            self.spot_is(number, SpotTold::ToRepeat { why }, out);
        }
    }
}

/// WeChat makes no order that ends within a minute.
fn is_running_out(spot: &Spot, now: &Stamp) -> bool {
    let ends = spot.expires();
    ends.is_some_and(|ends| ends < now.now.wall.plus_ms(ENDS_BEYOND_MS))
}

/// In whose name the order was made. Where its record cannot be read any more, or before it is made: in
/// whose name orders are made now.
fn payee_of(spot: &Spot, rules: &MerchantRules) -> Payee {
    spot.payee().unwrap_or_else(|| Payee {
        mchid: rules.mchid.clone(),
        appid: rules.appid.clone(),
        sub_mchid: rules.sub.as_ref().map(|sub| sub.mchid.clone()),
    })
}
