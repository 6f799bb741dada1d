//! What is shown.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::desk::Desk;
use crate::lane::time::Wall;
use crate::sim::http::{JournalLine, Outage};
use crate::sim::wechat::{
    Coupon, Fault, Plate, Rates, RefundOutcome, Settings, Simulator, Switches, TrustMode,
};

/// What can be set of how WeChat behaves when all is well.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Dials {
    pub trust: TrustMode,
    pub settle_after_ms: u64,
    pub repay_after_ms: Option<u64>,
    pub refund_after_ms: u64,
    pub refund_outcome: RefundOutcome,
    pub latency_ms: u64,
    pub oldest_start_ms: u64,
    pub future_start_ms: u64,
    pub charges_per_plate_and_day: Option<u32>,
    pub calls_back: bool,
    pub callback_ladder_ms: Vec<u64>,
    pub loopback_callbacks: bool,
    pub coupon: Option<Coupon>,
    pub bills_without: BTreeSet<String>,
    pub appids: BTreeSet<String>,
    pub sub_merchants: BTreeMap<String, BTreeSet<String>>,
    pub default_plate: Plate,
    pub switches: Switches,
}

/// What can be set of what goes wrong, until it is taken away.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FaultDials {
    pub outage: Outage,
    pub standing: Option<Fault>,
    pub rates: Rates,
}

impl Dials {
    pub fn of(settings: &Settings) -> Self {
        // Named one by one, so that no setting is forgotten here.
        let Settings {
            seed: _,
            merchant,
            trust,
            api_v3_key: _,
            seal: _,
            default_plate,
            plates: _,
            settle_after_ms,
            refund_after_ms,
            refund_outcome,
            latency_ms,
            oldest_start_ms,
            future_start_ms,
            charges_per_plate_and_day,
            calls_back,
            callback_ladder_ms,
            repay_after_ms,
            loopback_callbacks,
            coupon,
            bills_without,
            switches,
        } = settings.clone();
        Self {
            trust: trust.mode,
            settle_after_ms,
            repay_after_ms,
            refund_after_ms,
            refund_outcome,
            latency_ms,
            oldest_start_ms,
            future_start_ms,
            charges_per_plate_and_day,
            calls_back,
            callback_ladder_ms,
            loopback_callbacks,
            coupon,
            bills_without,
            appids: merchant.appids,
            sub_merchants: merchant.sub_merchants,
            default_plate,
            switches,
        }
    }

    pub fn put_into(self, settings: &mut Settings) {
        settings.trust.mode = self.trust;
        settings.settle_after_ms = self.settle_after_ms;
        settings.repay_after_ms = self.repay_after_ms;
        settings.refund_after_ms = self.refund_after_ms;
        settings.refund_outcome = self.refund_outcome;
        settings.latency_ms = self.latency_ms;
        settings.oldest_start_ms = self.oldest_start_ms;
        settings.future_start_ms = self.future_start_ms;
        settings.charges_per_plate_and_day = self.charges_per_plate_and_day;
        settings.calls_back = self.calls_back;
        settings.callback_ladder_ms = self.callback_ladder_ms;
        settings.loopback_callbacks = self.loopback_callbacks;
        settings.coupon = self.coupon;
        settings.bills_without = self.bills_without;
        settings.merchant.appids = self.appids;
        settings.merchant.sub_merchants = self.sub_merchants;
        settings.default_plate = self.default_plate;
        settings.switches = self.switches;
    }
}

impl Desk {
    pub(super) fn state(&self) -> Value {
        let (requests, refused) = self.handle.requests();
        let (faults, setup) = (self.faults(), self.setup());
        self.handle.with(|wechat| {
            let (taken, given_up) = wechat.callbacks_ended();
            json!({
                "now": self.handle.now().to_rfc3339(),
                "ahead_ms": self.ahead_ms(),
                "client": setup.json(),
                "settings": Dials::of(wechat.settings()),
                "faults": faults,
                "faults_next": next_faults(wechat),
                "callback_faults": wechat.callback_faults(),
                "keys": keys(wechat),
                "can_call_back": self.can_call_back,
                "counts": {
                    "requests": requests,
                    "refused": refused,
                    "violations": wechat.violations().len(),
                    "entries": wechat.entries_shown(0).0,
                    "charges": wechat.charges_shown(0).0,
                    "refunds": wechat.refunds_shown(0).0,
                    "natives": wechat.natives_shown(0).0,
                    "callbacks": wechat.callback_rows(1).first().map_or(0, |row| row.number),
                    "callbacks_waiting": wechat.callbacks_waiting(),
                    "callbacks_taken": taken,
                    "callbacks_given_up": given_up,
                },
            })
        })
    }

    /// Newest rows, and how many there are in all.
    pub(super) fn list(
        &self,
        name: &str,
        rows: impl FnOnce(&Simulator) -> (usize, Vec<Value>),
    ) -> Value {
        let (all, shown) = self.handle.with(|wechat| rows(wechat));
        json!({ "all": all, name: shown })
    }

    pub(super) fn callbacks(&self, last: usize) -> Value {
        self.handle.with(|wechat| {
            json!({
                "calls_back": wechat.settings().calls_back,
                "faults": wechat.callback_faults(),
                "callbacks": wechat.callbacks_shown(last),
            })
        })
    }

    pub(super) fn requests(&self, last: usize, refused: bool) -> Value {
        let wanted = |line: &JournalLine| !refused || line.refusal.is_some();
        let (all, lines) = self.handle.journal(last, wanted);
        let shown: Vec<Value> = lines.iter().map(JournalLine::shown).collect();
        json!({ "all": all, "requests": shown })
    }

    pub(super) fn plates(&self) -> Value {
        self.handle.with(|wechat| {
            let settings = wechat.settings();
            json!({ "default": settings.default_plate, "plates": settings.plates })
        })
    }

    pub(super) fn faults(&self) -> FaultDials {
        let outage = self.handle.outage();
        self.handle.with(|wechat| FaultDials {
            outage,
            standing: wechat.faults().standing.clone(),
            rates: wechat.faults().rates,
        })
    }
}

/// What is queued for single requests.
pub(super) fn next_faults(wechat: &Simulator) -> Value {
    let faults = wechat.faults();
    let on_calls: Vec<Value> = faults
        .next_on
        .iter()
        .filter(|(_, queued)| !queued.is_empty())
        .map(|(call, queued)| json!({ "call": call, "faults": queued }))
        .collect();
    json!({ "any": faults.next, "on": on_calls })
}

/// Serials and ids, and no key.
pub(super) fn keys(wechat: &Simulator) -> Value {
    let trust = &wechat.settings().trust;
    let shown = |list: &[crate::sim::wechat::PlatformCertificate], is_returned: bool| {
        let rows = list.iter().map(|it| {
            json!({
                "serial": it.serial,
                "effective": it.effective.to_rfc3339(),
                "expires": it.expires.to_rfc3339(),
                "is_returned": is_returned,
                "signs": trust.signing.contains(&it.serial),
            })
        });
        rows.collect::<Vec<Value>>()
    };
    let mut certificates = shown(&trust.certificates, true);
    certificates.extend(shown(&trust.next, false));
    let merchant = wechat.settings().merchant.serials.iter();
    let merchant = merchant.map(|(serial, refused)| {
        let refused_from = refused.map(Wall::to_rfc3339);
        json!({ "serial": serial, "refused_from": refused_from })
    });
    json!({
        "mode": trust.mode,
        "public_key_id": trust.public_key_id,
        "certificates": certificates,
        "merchant": merchant.collect::<Vec<Value>>(),
    })
}
