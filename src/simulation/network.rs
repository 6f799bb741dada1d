//! The way to WeChat and back, with the strict simulator at its end.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::bills::{BillFaults, Bills};
use super::clock::Clock;
use super::doing::Doing;
use super::faults::{FAULTS_MS, Group, permille, windows, within};
use super::keys::Keys;
use super::letters::{LetterFaults, Letters};
use super::oracle::View;
use super::site::{MINUTE, PLATES};
use super::wire;
use super::world::World;
use crate::charges::queue::{MerchantRules, Request};
use crate::park::event::Event;
use crate::sim::material;
use crate::sim::random::SplitMix64;
use crate::sim::wechat::{
    Call, Coupon, Delivery as CallbackDelivery, Exchange, Fault, Faults, Outcome, Plate, Rates,
    RefundOutcome, Request as Http, Seal, Simulator, TrustMode,
};
use crate::wechat::certificates;

/// A call without an answer counts as lost after this.
pub const CALL_MS: u64 = 10_000;
/// WeChat takes no request whose time is further off.
const SKEW_MS_MAX: u64 = 5 * 60 * 1000;
/// Drivers pay back what WeChat advanced for them after this.
const REPAID_AFTER_MS: u64 = 10 * MINUTE;
/// The queue gives a call up after this.
const FLIGHT_MS_MAX: u64 = 60_000;

/// What is wrong with the network, and with WeChat.
#[derive(Default)]
pub struct NetworkFaults {
    rates: Rates,
    latency_ms: u64,
    settle_after_ms: u64,
    strict_duplicate_entry: bool,
    accept_spelling: bool,
    unsigned_errors: bool,
    unknown_state_permille: u16,
    /// Nothing comes back: from, to.
    silent: Vec<(u64, u64)>,
    /// No name is found, nothing leaves: from, to.
    nameless: Vec<(u64, u64)>,
    /// So many of 1000 answers sit in the sender for longer than the queue waits for them.
    stuck_permille: u16,
    /// So many of 1000 requests that failed are answered a second time, by the other host.
    twice_permille: u16,
    /// WeChat changes the certificate it signs with: from the first time on it signs with both, from the
    /// second with the new one alone.
    new_certificate: Option<(u64, u64)>,
    refund_after_ms: u64,
    letters: LetterFaults,
    bills: BillFaults,
    /// What a coupon pays of each order.
    coupon: Option<Coupon>,
}

/// What the box will hear of a call.
pub struct Delivery {
    pub after_ms: u64,
    pub event: Event,
    /// WeChat really said so, of this very order or entry.
    pub is_genuine: bool,
}

/// What became of a call.
pub struct Called {
    /// What went over the wire, if anything did.
    pub sent: Option<Vec<u8>>,
    pub deliveries: Vec<Delivery>,
    pub went_wrong: Option<&'static str>,
    /// The answer names a key that the box has not got, and it may ask for it now.
    pub asks_for_keys: bool,
}

pub struct Network {
    pub simulator: Simulator,
    faults: NetworkFaults,
    random: SplitMix64,
    keys: Keys,
    /// When the calls under way count as over.
    flights: Vec<u64>,
    /// Numbers that were filed before.
    filed: BTreeSet<String>,
    pub letters: Letters,
    pub bills: Bills,
}

impl NetworkFaults {
    pub fn drawn(random: &mut SplitMix64) -> Self {
        let mut rates = Rates::default();
        for rate in [
            &mut rates.silence,
            &mut rates.slow,
            &mut rates.answer_lost,
            &mut rates.error_before,
            &mut rates.error_after,
            &mut rates.throttled,
            &mut rates.wrong_signature,
            &mut rates.probe_signature,
            &mut rates.unsigned,
            &mut rates.unknown_serial,
            &mut rates.proxy_page,
            &mut rates.wrong_echo,
            &mut rates.other_sub_merchant,
        ] {
            *rate = permille(random, 80);
        }
        for rate in [&mut rates.sign_error, &mut rates.no_auth] {
            if random.chance(200) {
                *rate = u16::try_from(random.below(20)).unwrap();
            }
        }
        Self {
            rates,
            latency_ms: random.below(600),
            settle_after_ms: random.below(20_000),
            strict_duplicate_entry: random.chance(400),
            accept_spelling: random.chance(300),
            unsigned_errors: random.chance(200),
            unknown_state_permille: permille(random, 100),
            silent: windows(random, 2, 40 * MINUTE),
            nameless: windows(random, 2, 30 * MINUTE),
            stuck_permille: permille(random, 60),
            twice_permille: permille(random, 100),
            new_certificate: random.chance(400).then(|| {
                let from = random.below(FAULTS_MS);
                (from, from + random.below(30 * MINUTE))
            }),
            refund_after_ms: random.below(20 * MINUTE),
            letters: LetterFaults::drawn(random),
            bills: BillFaults::drawn(random),
            coupon: random.chance(300).then(|| Coupon {
                fen: 1 + random.below(600),
                merchants: random.chance(500),
            }),
        }
    }
}

impl Network {
    pub fn new(seed: u64, merchant: &MerchantRules, mut faults: NetworkFaults) -> Self {
        let mut settings = match merchant.sub {
            Some(_) => material::partner_settings(seed),
            None => material::settings(seed),
        };
        settings.seal = Arc::new(Seal::None);
        settings.latency_ms = 20 + faults.latency_ms;
        settings.settle_after_ms = 1_000 + faults.settle_after_ms;
        settings.refund_after_ms = 1_000 + faults.refund_after_ms;
        settings.calls_back = faults.letters.calls_back();
        settings.repay_after_ms = Some(REPAID_AFTER_MS);
        settings.coupon = faults.coupon;
        settings.switches.strict_duplicate_entry = faults.strict_duplicate_entry;
        settings.switches.accept_spelling = faults.accept_spelling;
        settings.switches.sign_errors = !faults.unsigned_errors;
        settings.switches.unknown_state_permille = faults.unknown_state_permille;
        settings.trust.mode = TrustMode::Certificates;
        settings.trust.next = settings.trust.certificates.split_off(1);
        settings.default_plate = Plate::not_enrolled();
        let drivers = &mut SplitMix64::new(seed, "drivers");
        for plate in PLATES {
            settings.plates.insert(plate.into(), driver(drivers));
        }
        let keys = Keys::held(&settings.trust.signing);
        let letters = std::mem::take(&mut faults.letters);
        let letters = Letters::new(seed, letters, &settings.api_v3_key);
        let bills = Bills::new(seed, std::mem::take(&mut faults.bills));
        let mut simulator = Simulator::new(settings);
        simulator.faults_mut().rates = faults.rates;
        Self {
            simulator,
            faults,
            random: SplitMix64::new(seed, "network"),
            keys,
            flights: Vec::new(),
            filed: BTreeSet::new(),
            letters,
            bills,
        }
    }

    /// Everything works from here on.
    pub fn calm_down(&mut self) {
        self.faults = NetworkFaults::default();
        self.letters.calm_down();
        let simulator = &mut self.simulator;
        *simulator.faults_mut() = Faults::default();
        let switches = &mut simulator.settings_mut().switches;
        switches.sign_errors = true;
        switches.unknown_state_permille = 0;
        simulator.settings_mut().refund_outcome = RefundOutcome::Success;
    }

    /// When WeChat changes its certificate, and what it knows of a driver.
    pub fn plan(&self) -> Vec<(u64, Doing)> {
        let mut plan = self.letters.plan();
        if let Some((from, to)) = self.faults.new_certificate {
            plan.push((from, Doing::NewCertificate));
            plan.push((to, Doing::OldCertificateEnds));
        }
        plan
    }

    /// Whether the box holds the key that a notice is signed with.
    pub fn knows_key_of(&self, delivery: &CallbackDelivery) -> bool {
        let serial = delivery.header("Wechatpay-Serial");
        serial.is_some_and(|serial| self.keys.holds(serial))
    }

    /// The daemon starts: nothing is under way.
    pub fn start(&mut self, now: crate::lane::time::Moment) {
        self.flights.clear();
        self.keys.start(now);
    }

    /// How many calls are under way.
    pub fn under_way(&mut self, time: u64) -> usize {
        self.flights.retain(|lands| *lands > time);
        self.flights.len()
    }

    /// A request leaves the box.
    pub fn call(&mut self, request: &Request, clock: &Clock) -> Called {
        if within(&self.faults.nameless, clock.time) {
            let event = wire::not_sent(request);
            return Called {
                sent: None,
                deliveries: vec![delivery(5, event, false)],
                went_wrong: Some("no name found"),
                asks_for_keys: false,
            };
        }
        let mut http = wire::http(request);
        self.plant_a_new_number(request, &mut http.body);
        let exchange = self.exchange(&http, clock);
        let answered = exchange.answer.as_ref();
        let signed_by_wechat = answered.is_some_and(|answer| self.simulator.verify(answer));
        let unknown = answered.is_some_and(|answer| self.keys.unknown_serial(answer));
        let asks_for_keys = unknown && self.keys.may_ask(clock.now().moment);
        let verifies = (signed_by_wechat && !unknown) || planted!(UnverifiedBelieved);
        let event = wire::heard(request, &exchange, verifies);
        // A code, and that an order is closed, name no order that could be another one.
        let names_it = !matches!(request, Request::Spot { .. } | Request::CloseSpot { .. });
        let is_of_another = names_it
            && matches!(
                exchange.fault,
                Some(Fault::WrongEcho | Fault::OtherSubMerchant)
            );
        let is_genuine = !is_of_another && signed_by_wechat;
        let in_time = exchange.delay_ms < CALL_MS;
        let mut went_wrong = exchange.fault.as_ref().and_then(name_of);
        if unknown && signed_by_wechat {
            went_wrong = Some("signed with a new certificate");
        }
        let mut deliveries = Vec::new();
        if answered.is_some() && in_time {
            deliveries.push(delivery(exchange.delay_ms, event, is_genuine));
        } else {
            deliveries.push(delivery(CALL_MS, wire::lost(request), false));
        }
        if self.random.chance(self.faults.stuck_permille) {
            deliveries[0].after_ms += 61_000 + self.random.below(2 * MINUTE);
            went_wrong = Some("answered after minutes");
        } else if self.random.chance(self.faults.twice_permille) {
            let after_ms = deliveries[0].after_ms + self.random.below(3 * MINUTE);
            deliveries.push(delivery(after_ms, wire::lost(request), false));
            went_wrong = Some("answered twice");
        }
        Called {
            sent: Some(http.body),
            deliveries,
            went_wrong,
            asks_for_keys,
        }
    }

    /// The box asks for the list of certificates. None: it got none that it believes.
    fn fetch_certificates(&mut self, clock: &Clock) -> Option<Vec<String>> {
        if within(&self.faults.nameless, clock.time) || !clock.now().trusted {
            return None;
        }
        let exchange = self.exchange(&Http::get(certificates::PATH), clock);
        let answer = exchange.answer.filter(|_| exchange.delay_ms < CALL_MS)?;
        // The list may vouch for itself (`wechat-pay.md` 1.6).
        let believed = answer.status == 200 && self.simulator.verify(&answer);
        let listed = self.simulator.settings().trust.certificates.iter();
        believed.then(|| listed.map(|it| it.serial.clone()).collect())
    }

    /// Nothing comes back at that time, or everything does.
    pub fn outage_by(&mut self, time: u64) {
        self.simulator.faults_mut().outage = within(&self.faults.silent, time);
    }

    fn exchange(&mut self, http: &Http, clock: &Clock) -> Exchange {
        self.outage_by(clock.time);
        let faults = self.simulator.faults_mut();
        if clock.error_ms().unsigned_abs() > SKEW_MS_MAX {
            faults.push_on(Call::of(http), Fault::SignError);
        }
        self.simulator.handle(http, clock.true_wall())
    }

    fn plant_a_new_number(&mut self, request: &Request, body: &mut Vec<u8>) {
        let Request::Charge { trade_no, .. } = request else {
            return;
        };
        let is_again = !self.filed.insert(trade_no.clone());
        if planted!(NewNumberOnRetry) && is_again {
            let text = String::from_utf8(std::mem::take(body)).unwrap();
            let other = format!("{}9", trade_no.trim_end_matches('0'));
            *body = text.replace(trade_no.as_str(), &other).into_bytes();
        }
    }
}

fn delivery(after_ms: u64, event: Event, is_genuine: bool) -> Delivery {
    Delivery {
        after_ms,
        event,
        is_genuine,
    }
}

/// What WeChat knows of a plate.
pub fn driver(random: &mut SplitMix64) -> Plate {
    match random.below(11) {
        0 => Plate::not_enrolled(),
        1 => Plate::blocked("OVERDUE"),
        2 => Plate::ending(Outcome::PayFail),
        3 => Plate::ending(Outcome::Advanced),
        _ => Plate::default(),
    }
}

/// As the tally names it. None: nothing is wrong.
fn name_of(fault: &Fault) -> Option<&'static str> {
    Some(match fault {
        Fault::Pass => return None,
        Fault::Silence => "silence",
        Fault::Slow(_) => "slow answer",
        Fault::AnswerLost => "answer lost",
        Fault::ErrorBefore => "500 before acting",
        Fault::ErrorAfter => "500 after acting",
        Fault::Throttled(_) => "429",
        Fault::WrongSignature => "wrong signature",
        Fault::ProbeSignature => "probing signature",
        Fault::Unsigned => "unsigned",
        Fault::ProxyPage(_) => "page of a proxy",
        Fault::WrongEcho => "answer about another order",
        Fault::OtherSubMerchant => "answer about another sub-merchant",
        Fault::UnknownSerial => "unknown serial",
        Fault::SignError => "SIGN_ERROR",
        Fault::NoAuth => "NO_AUTH",
    })
}

impl World {
    pub(super) fn call(&mut self, request: &Request) {
        let called = self.network.call(request, &self.clock);
        if let Some(body) = &called.sent {
            self.trace.effect(self.clock.time, body);
            let verdict = self.oracle.judge_wire(request, body);
            self.note(verdict);
        }
        if let Some(what) = called.went_wrong {
            self.count(Group::Network, what);
            self.trace
                .note(self.clock.time, || format!("  wire: {what}"));
        }
        if called.asks_for_keys {
            let run = self.machine.run;
            self.soon(1, Doing::FetchCertificates(run));
        }
        let verdict = self.oracle.judge_books(&View::of(
            &self.clock,
            &self.cameras,
            &self.vehicles,
            &self.network.simulator,
        ));
        self.note(verdict);
        let run = self.machine.run;
        let first_ms = called.deliveries.first().map_or(0, |it| it.after_ms);
        let lands = self.clock.time + first_ms.min(FLIGHT_MS_MAX);
        self.network.flights.push(lands);
        for delivery in called.deliveries {
            let event = Box::new(delivery.event);
            let doing = Doing::Happen(run, event, delivery.is_genuine);
            self.soon(delivery.after_ms, doing);
        }
        self.wechat_may_tell();
    }

    pub(super) fn new_certificate(&mut self) {
        self.count(Group::Network, "new certificate");
        self.network.simulator.settings_mut().trust.rotate();
    }

    pub(super) fn old_certificate_ends(&mut self) {
        self.network.simulator.settings_mut().trust.retire_old();
    }

    pub(super) fn fetch_certificates(&mut self, run: u64) {
        if self.machine.off || run != self.machine.run {
            return;
        }
        let listed = self.network.fetch_certificates(&self.clock);
        self.trace.note(self.clock.time, || {
            format!("certificates of WeChat: {listed:?}")
        });
        let now = self.clock.now().moment;
        let retry_at = self.network.keys.fetched(listed, now);
        if let Some(retry_at) = retry_at.filter(|_| !self.clock.is_never_set()) {
            let at = self.clock.time_of(retry_at);
            self.plan(at, Doing::FetchCertificates(run));
        }
    }
}
