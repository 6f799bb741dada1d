//! What is done.

use serde::Deserialize;
use serde_json::{Value, json};

use super::change::{changed, read};
use super::desk::Desk;
use super::problem::Problem;
use super::views::{Dials, next_faults};
use crate::sim::http::Outage;
use crate::sim::wechat::{
    Call, CallbackFault, Fault, Faults, Outcome, Plate, Rates, RefundOutcome, Service, is_color,
    plate_fault,
};

/// Nobody waits longer for an answer.
const PAUSE_MAX_MS: u64 = 600_000;
const QUEUED_MAX: usize = 1000;
const LADDER_MAX: usize = 32;
const NAMES_MAX: usize = 100;
/// Ten years.
pub(super) const AHEAD_MAX_MS: i64 = 10 * 366 * 24 * 3600 * 1000;

/// The body of what needs none.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settled {
    outcome: Outcome,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Ended {
    outcome: RefundOutcome,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NextFault {
    fault: Fault,
    call: Option<Call>,
    times: Option<usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NextCallbackFaults {
    faults: Vec<CallbackFault>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Delivered {
    fault: Option<CallbackFault>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Ahead {
    ahead_ms: i64,
}

impl Desk {
    pub(super) fn set_plate(&self, number: &str, body: &[u8]) -> Result<Value, Problem> {
        check_plate_number(number)?;
        let current = self.handle.with(|wechat| {
            let settings = wechat.settings();
            let known = settings.plates.get(number);
            known.unwrap_or(&settings.default_plate).clone()
        });
        let plate: Plate = changed(&current, body, &[])?;
        check_plate(&plate, "")?;
        self.handle.set_plate(number, plate.clone());
        Ok(json!({ "plate": number, "is": plate }))
    }

    pub(super) fn forget_plate(&self, number: &str) -> Result<Value, Problem> {
        let (is_known, default) = self.handle.with(|wechat| {
            let settings = wechat.settings();
            let is_known = settings.plates.contains_key(number);
            (is_known, settings.default_plate.clone())
        });
        if !is_known {
            let message = format!("nothing is set for the plate {number}");
            return Err(Problem::unknown(message));
        }
        // Whoever is inside is told of it.
        self.handle.set_plate(number, default.clone());
        self.handle
            .with(|wechat| wechat.settings_mut().plates.remove(number));
        Ok(json!({ "plate": number, "is": default }))
    }

    pub(super) fn change_settings(&self, body: &[u8]) -> Result<Value, Problem> {
        let current = self.handle.with(|wechat| Dials::of(wechat.settings()));
        let dials: Dials = changed(&current, body, &["switches", "default_plate"])?;
        check_settings(&dials)?;
        if dials.calls_back && !self.can_call_back {
            let issue = "nobody delivers: start with --notify or --notify-to";
            return Err(Problem::value("calls_back", issue));
        }
        if dials.sub_merchants.is_empty() != current.sub_merchants.is_empty() {
            let issue = "is empty without --partner, and has somebody with it";
            return Err(Problem::value("sub_merchants", issue));
        }
        let shown = json!({ "settings": dials });
        self.handle
            .with(|wechat| dials.put_into(wechat.settings_mut()));
        Ok(shown)
    }

    pub(super) fn change_faults(&self, body: &[u8]) -> Result<Value, Problem> {
        let dials = changed(&self.faults(), body, &["rates"])?;
        if let Some(fault) = &dials.standing {
            check_fault(fault, "standing")?;
        }
        if dials.rates.sum() > 1000 {
            let issue = "are more than 1000 of 1000 together";
            return Err(Problem::value("rates", issue));
        }
        let shown = json!({ "faults": dials });
        self.handle.set_outage(dials.outage);
        self.handle.with(|wechat| {
            let faults = wechat.faults_mut();
            faults.standing = dials.standing;
            faults.rates = dials.rates;
        });
        Ok(shown)
    }

    pub(super) fn queue_faults(&self, body: &[u8]) -> Result<Value, Problem> {
        let NextFault { fault, call, times } = read(body)?;
        check_fault(&fault, "fault")?;
        let times = times.unwrap_or(1);
        self.handle.with(|wechat| {
            let faults = wechat.faults_mut();
            let queue = match call {
                Some(call) => faults.next_on.entry(call).or_default(),
                None => &mut faults.next,
            };
            if times == 0 || queue.len().saturating_add(times) > QUEUED_MAX {
                let issue = format!("is 0, or more than {QUEUED_MAX} with what is queued already");
                return Err(Problem::value("times", issue));
            }
            queue.extend(std::iter::repeat_n(fault, times));
            Ok(json!({ "faults_next": next_faults(wechat) }))
        })
    }

    pub(super) fn end_faults(&self) -> Value {
        self.handle
            .with(|wechat| *wechat.faults_mut() = Faults::default());
        self.handle.set_outage(Outage::None);
        json!({ "faults": self.faults() })
    }

    pub(super) fn settle(&self, number: &str, body: &[u8]) -> Result<Value, Problem> {
        let Settled { outcome } = read(body)?;
        if outcome == Outcome::Never {
            let issue = "a charge that is settled now ends as success, advanced or pay_fail";
            return Err(Problem::value("outcome", issue));
        }
        let now = self.handle.now();
        self.handle.with(|wechat| {
            if wechat.order(number).is_none() {
                return Err(Problem::unknown(format!("there is no charge {number}")));
            }
            if !wechat.settle(number, outcome, now) {
                let message = format!("the charge {number} is settled");
                return Err(Problem::conflict(message));
            }
            Ok(json!({ "charge": wechat.charge_shown(number) }))
        })
    }

    pub(super) fn end_refund(&self, number: &str, body: &[u8]) -> Result<Value, Problem> {
        let Ended { outcome } = read(body)?;
        let now = self.handle.now();
        self.handle.with(|wechat| {
            let finishes = outcome == RefundOutcome::Success;
            let done = wechat.end_refund(number, outcome, now)
                || (finishes && wechat.finish_abnormal(number, now));
            match wechat.refund_shown(number) {
                None => Err(Problem::unknown(format!("there is no refund {number}"))),
                Some(shown) if done => Ok(json!({ "refund": shown })),
                Some(shown) => {
                    let message = format!("the refund {number} is {}", shown["status"]);
                    Err(Problem::conflict(message))
                }
            }
        })
    }

    pub(super) fn pay_native(&self, number: &str, body: &[u8]) -> Result<Value, Problem> {
        let Nothing {} = read(body)?;
        let now = self.handle.now();
        self.handle.with(|wechat| {
            let paid = wechat.pay_native(number, now);
            let orders = wechat.native_orders();
            match orders.iter().find(|row| row.out_trade_no == number) {
                None => Err(Problem::unknown(format!(
                    "there is no Native order {number}"
                ))),
                Some(_) if paid => Ok(json!({ "paid": number })),
                Some(_) => {
                    let message = format!("the Native order {number} is paid or closed");
                    Err(Problem::conflict(message))
                }
            }
        })
    }

    pub(super) fn queue_callback_faults(&self, body: &[u8]) -> Result<Value, Problem> {
        let NextCallbackFaults { faults } = read(body)?;
        self.handle.with(|wechat| {
            let queued = wechat.callback_faults().len();
            if queued.saturating_add(faults.len()) > QUEUED_MAX {
                let issue = format!("are more than {QUEUED_MAX} with what is queued already");
                return Err(Problem::value("faults", issue));
            }
            wechat.push_callback_faults(faults);
            Ok(json!({ "faults": wechat.callback_faults() }))
        })
    }

    pub(super) fn deliver(&self, number: &str, body: &[u8]) -> Result<Value, Problem> {
        let Delivered { fault } = read(body)?;
        let fault = fault.unwrap_or(CallbackFault::Pass);
        let unknown = || Problem::unknown(format!("there is no callback {number}"));
        let read = number.parse().map_err(|_| unknown())?;
        let now = self.handle.now();
        self.handle.with(|wechat| {
            if wechat.deliver_again(read, fault, now) {
                return Ok(json!({ "callback": read, "fault": fault }));
            }
            match wechat.is_callback_known(read) {
                true => Err(Problem::conflict(format!(
                    "the callback {number} is under way; try again in a moment"
                ))),
                false => Err(unknown()),
            }
        })
    }

    pub(super) fn set_clock(&self, body: &[u8]) -> Result<Value, Problem> {
        let Ahead { ahead_ms } = read(body)?;
        if ahead_ms.saturating_abs() > AHEAD_MAX_MS {
            return Err(Problem::value("ahead_ms", "is more than ten years"));
        }
        self.set_ahead_ms(ahead_ms);
        let now = self.handle.now();
        self.handle.with(|wechat| wechat.advance(now));
        Ok(json!({ "ahead_ms": ahead_ms, "now": now.to_rfc3339() }))
    }
}

fn check_settings(dials: &Dials) -> Result<(), Problem> {
    check_plate(&dials.default_plate, "default_plate.")?;
    let switches = &dials.switches;
    let permille = |value: u16| (u64::from(value), 1000);
    for (name, (value, most)) in [
        ("latency_ms", (dials.latency_ms, PAUSE_MAX_MS)),
        (
            "switches.omit_free_duration_permille",
            permille(switches.omit_free_duration_permille),
        ),
        (
            "switches.extra_keys_permille",
            permille(switches.extra_keys_permille),
        ),
        (
            "switches.unknown_state_permille",
            permille(switches.unknown_state_permille),
        ),
    ] {
        if value > most {
            return Err(Problem::value(name, format!("is more than {most}")));
        }
    }
    for (name, length, most) in [
        (
            "callback_ladder_ms",
            dials.callback_ladder_ms.len(),
            LADDER_MAX,
        ),
        ("bills_without", dials.bills_without.len(), NAMES_MAX),
        ("appids", dials.appids.len(), NAMES_MAX),
        ("sub_merchants", dials.sub_merchants.len(), NAMES_MAX),
    ] {
        if length > most {
            return Err(Problem::value(name, format!("has more than {most}")));
        }
    }
    let subs = dials.sub_merchants.iter();
    let bound = subs.flat_map(|(mchid, appids)| appids.iter().chain([mchid]));
    for (name, names) in [
        ("bills_without", dials.bills_without.iter().collect()),
        ("appids", dials.appids.iter().collect()),
        ("sub_merchants", bound.collect::<Vec<_>>()),
    ] {
        if let Some(odd) = names.iter().find(|it| !is_word(it, 32)) {
            let issue = format!("{odd:?} is not 1 to 32 printable ASCII characters");
            return Err(Problem::value(name, issue));
        }
    }
    Ok(())
}

fn check_plate_number(number: &str) -> Result<(), Problem> {
    match plate_fault(number) {
        Some(issue) => Err(Problem::value(number, issue)),
        None => Ok(()),
    }
}

fn check_plate(plate: &Plate, at: &str) -> Result<(), Problem> {
    let refuse = |name: &str, issue: &str| Err(Problem::value(&format!("{at}{name}"), issue));
    if let Some(color) = &plate.color
        && !is_color(color)
    {
        return refuse(
            "color",
            "is not BLUE, GREEN, YELLOW, BLACK, WHITE or LIMEGREEN",
        );
    }
    if !is_word(&plate.openid, 128) {
        return refuse("openid", "is not 1 to 128 printable ASCII characters");
    }
    match &plate.service {
        Service::Blocked(reason) if !is_word(reason, 32) => refuse(
            "service",
            "the reason is not 1 to 32 printable ASCII characters",
        ),
        _ => Ok(()),
    }
}

fn is_word(text: &str, longest: usize) -> bool {
    (1..=longest).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn check_fault(fault: &Fault, path: &str) -> Result<(), Problem> {
    match fault {
        Fault::Slow(ms) if *ms > PAUSE_MAX_MS => {
            let issue = format!("slow is more than {PAUSE_MAX_MS} ms");
            Err(Problem::value(path, issue))
        }
        Fault::ProxyPage(status) if !(200..600).contains(status) => Err(Problem::value(
            path,
            "proxy_page is not a status from 200 to 599",
        )),
        _ => Ok(()),
    }
}

impl Rates {
    fn sum(&self) -> u32 {
        let Ok(Value::Object(rates)) = serde_json::to_value(self) else {
            return 0;
        };
        let permille = rates.values().filter_map(Value::as_u64);
        u32::try_from(permille.sum::<u64>()).unwrap_or(u32::MAX)
    }
}
