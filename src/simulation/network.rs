//! The way to WeChat and back, with the strict simulator at its end.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::clock::Clock;
use super::faults::{permille, windows, within};
use super::site::{MINUTE, PLATES};
use super::wire;
use crate::charges::queue::Request;
use crate::park::event::Event;
use crate::sim::material;
use crate::sim::random::SplitMix64;
use crate::sim::wechat::{Call, Fault, Faults, Outcome, Plate, Rates, Seal, Simulator};

/// A call without an answer counts as lost after this.
pub const CALL_MS: u64 = 10_000;
/// WeChat takes no request whose time is further off.
const SKEW_MS_MAX: u64 = 5 * 60 * 1000;

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
    pub went_wrong: Option<String>,
}

pub struct Network {
    pub simulator: Simulator,
    faults: NetworkFaults,
    random: SplitMix64,
    calm: bool,
    /// Numbers that were filed before.
    filed: BTreeSet<String>,
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
        }
    }
}

impl Network {
    pub fn new(seed: u64, faults: NetworkFaults) -> Self {
        let mut settings = material::settings(seed);
        settings.seal = Arc::new(Seal::None);
        settings.latency_ms = 20 + faults.latency_ms;
        settings.settle_after_ms = 1_000 + faults.settle_after_ms;
        settings.switches.strict_duplicate_entry = faults.strict_duplicate_entry;
        settings.switches.accept_spelling = faults.accept_spelling;
        settings.switches.sign_errors = !faults.unsigned_errors;
        settings.switches.unknown_state_permille = faults.unknown_state_permille;
        settings.default_plate = Plate::not_enrolled();
        let drivers = &mut SplitMix64::new(seed, "drivers");
        for plate in PLATES {
            settings.plates.insert(plate.into(), driver(drivers));
        }
        let mut simulator = Simulator::new(settings);
        simulator.faults_mut().rates = faults.rates;
        Self {
            simulator,
            faults,
            random: SplitMix64::new(seed, "network"),
            calm: false,
            filed: BTreeSet::new(),
        }
    }

    /// Everything works from here on.
    pub fn calm_down(&mut self) {
        self.calm = true;
        self.faults = NetworkFaults::default();
        let simulator = &mut self.simulator;
        *simulator.faults_mut() = Faults::default();
        let switches = &mut simulator.settings_mut().switches;
        switches.sign_errors = true;
        switches.unknown_state_permille = 0;
    }

    /// A request leaves the box.
    pub fn call(&mut self, request: &Request, clock: &Clock) -> Called {
        if within(&self.faults.nameless, clock.time) {
            let event = wire::not_sent(request);
            return Called {
                sent: None,
                deliveries: vec![delivery(5, event, false)],
                went_wrong: Some("no name was found".to_owned()),
            };
        }
        let mut http = wire::http(request);
        self.plant_a_new_number(request, &mut http.body);
        let faults = self.simulator.faults_mut();
        faults.outage = within(&self.faults.silent, clock.time);
        if clock.error_ms().unsigned_abs() > SKEW_MS_MAX {
            let call = Call::of(&http);
            faults.push_on(call, Fault::SignError);
        }
        let exchange = self.simulator.handle(&http, clock.true_wall());
        let event = wire::heard(request, &exchange, &self.simulator);
        let answered = exchange.answer.as_ref();
        let is_of_another = matches!(
            exchange.fault,
            Some(Fault::WrongEcho | Fault::OtherSubMerchant)
        );
        let is_genuine = !is_of_another && answered.is_some_and(|a| self.simulator.verify(a));
        let in_time = exchange.delay_ms < CALL_MS;
        let mut went_wrong = exchange.fault.map(|fault| format!("{fault:?}"));
        let mut deliveries = Vec::new();
        if answered.is_some() && in_time {
            deliveries.push(delivery(exchange.delay_ms, event, is_genuine));
        } else {
            deliveries.push(delivery(CALL_MS, wire::lost(request), false));
        }
        if self.random.chance(self.faults.stuck_permille) {
            deliveries[0].after_ms += 61_000 + self.random.below(2 * MINUTE);
            went_wrong = Some("the answer came after minutes".to_owned());
        } else if self.random.chance(self.faults.twice_permille) {
            let after_ms = deliveries[0].after_ms + self.random.below(3 * MINUTE);
            deliveries.push(delivery(after_ms, wire::lost(request), false));
            went_wrong = Some("another answer came later".to_owned());
        }
        Called {
            sent: Some(http.body),
            deliveries,
            went_wrong,
        }
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
fn driver(random: &mut SplitMix64) -> Plate {
    match random.below(11) {
        0 => Plate::not_enrolled(),
        1 => Plate::blocked("OVERDUE"),
        2 => Plate::ending(Outcome::PayFail),
        3 => Plate::ending(Outcome::Advanced),
        _ => Plate::default(),
    }
}
