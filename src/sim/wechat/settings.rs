//! How the simulated WeChat is set up: the merchant, the keys, the plates and their drivers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::seal::Seal;
use crate::lane::time::Wall;

/// Everything that can be chosen. [`crate::sim::material::settings`] gives a working set.
#[derive(Clone)]
pub struct Settings {
    /// All chance comes from it.
    pub seed: u64,
    /// Who may call.
    pub merchant: Merchant,
    /// What answers are signed with.
    pub trust: Trust,
    /// Encrypts the list of platform certificates.
    pub api_v3_key: [u8; 32],
    /// The keys themselves, or none.
    pub seal: Arc<Seal>,
    /// What is true of a plate that [`Self::plates`] does not list.
    pub default_plate: Plate,
    /// By plate number.
    pub plates: BTreeMap<String, Plate>,
    /// From acceptance to deduction, milliseconds.
    pub settle_after_ms: u64,
    /// From the application to the end of a refund, milliseconds.
    pub refund_after_ms: u64,
    /// How refunds end.
    pub refund_outcome: RefundOutcome,
    /// How long every answer takes, milliseconds.
    pub latency_ms: u64,
    /// How old the start of a new entry may be, milliseconds (open doubt 3 of `wechat-pay.md`).
    pub oldest_start_ms: u64,
    /// How far the start of a new entry may lie ahead of WeChat's clock, milliseconds.
    pub future_start_ms: u64,
    /// RULE_LIMIT for a plate's charges of one day beyond this number.
    pub charges_per_plate_and_day: Option<u32>,
    /// Tell by itself what happens, at each request's `notify_url`.
    pub calls_back: bool,
    /// Pauses before a notice that was not taken is sent again, milliseconds.
    pub callback_ladder_ms: Vec<u64>,
    /// From WeChat's advance to the driver's repayment, milliseconds; None: never.
    pub repay_after_ms: Option<u64>,
    /// Take `http://` on this machine for a callback address, for a sandbox.
    pub loopback_callbacks: bool,
    /// A part of each order that a coupon pays, from when it is settled.
    pub coupon: Option<Coupon>,
    /// The orders of these numbers are left out of bills.
    pub bills_without: BTreeSet<String>,
    /// The rest.
    pub switches: Switches,
}

/// A part of an order that its driver does not pay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Coupon {
    /// At most the order's sum.
    pub fen: u64,
    /// The merchant bears it, and gets so much less; otherwise WeChat does.
    pub merchants: bool,
}

/// What of one order a coupon paid.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct CouponPart {
    /// Not paid by the driver.
    pub fen: u64,
    /// Of that, what the merchant bears.
    pub merchant_fen: u64,
}

impl Settings {
    /// What of an order that is settled now a coupon pays.
    pub(super) fn coupon_of(&self, total_fen: u64) -> CouponPart {
        let Some(coupon) = self.coupon else {
            return CouponPart::default();
        };
        let fen = coupon.fen.min(total_fen);
        let merchant_fen = if coupon.merchants { fen } else { 0 };
        CouponPart { fen, merchant_fen }
    }
}

/// The caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Merchant {
    /// Direct merchant, or service provider if [`Self::sub_merchants`] is not empty.
    pub mchid: String,
    /// Its API certificates by serial, each with when it is refused from.
    pub serials: BTreeMap<String, Option<Wall>>,
    /// The appids bound to `mchid`.
    pub appids: BTreeSet<String>,
    /// Partner mode: each sub-merchant's id and the appids bound to it. Empty is direct mode.
    pub sub_merchants: BTreeMap<String, BTreeSet<String>>,
}

/// What answers are signed with (`wechat-pay.md` 1.6, 1.7, 1.9).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trust {
    /// Which of the two models answers follow.
    pub mode: TrustMode,
    /// All that the download returns.
    pub certificates: Vec<PlatformCertificate>,
    /// Made and not returned yet: they come with [`Trust::rotate`].
    pub next: Vec<PlatformCertificate>,
    /// Serials of those that sign; one is drawn per answer, so two make a rotation.
    pub signing: Vec<String>,
    /// `PUB_KEY_ID_…`.
    pub public_key_id: String,
}

/// Which of the two trust models the merchant is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrustMode {
    /// Platform certificates only.
    Certificates,
    /// The public key only; there is no certificate to download.
    PublicKey,
    /// Migrating: the public key if the request's `Wechatpay-Serial` names it.
    Both,
    /// Migrating without regard to what the request names: drawn per answer.
    Mixed,
}

/// One platform certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlatformCertificate {
    /// Hexadecimal, upper case, leading zeros kept.
    pub serial: String,
    /// The certificate itself.
    pub pem: String,
    /// Valid from.
    pub effective: Wall,
    /// Valid until.
    pub expires: Wall,
}

/// What WeChat knows of a plate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plate {
    /// May its stays be charged?
    pub service: Service,
    /// The colour it is enrolled with; another colour is another vehicle. None fits any.
    pub color: Option<String>,
    /// The driver, under the merchant's appid.
    pub openid: String,
    /// What becomes of accepted charges.
    pub outcome: Outcome,
}

/// Whether a plate's stays may be charged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Service {
    /// Enrolled and in service.
    Normal,
    /// Enrolled but not now: `PAUSE`, `OVERDUE`, `EVALUATION_FAILED`, or a word nobody knows yet.
    Blocked(String),
    /// Nobody enrolled it: entries are BLOCKED with `OUT_SERVICE`, charges find no plate.
    NotEnrolled,
}

/// What becomes of an accepted charge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The driver pays.
    Success,
    /// The wallet is empty and WeChat advances the money (`bank_type` BPA).
    Advanced,
    /// `PAY_FAIL`.
    PayFail,
    /// ACCEPTED for ever.
    Never,
}

/// How a refund ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundOutcome {
    /// The driver gets it.
    #[default]
    Success,
    /// WeChat does not make it.
    Closed,
    /// The driver's account takes nothing.
    Abnormal,
}

/// Behaviour on which the documents are open, or which differs between WeChat's versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Switches {
    /// Sign error answers too.
    pub sign_errors: bool,
    /// Refuse an identical repeat of *create entry* instead of answering the same entry.
    pub strict_duplicate_entry: bool,
    /// Write `ACCEPT` for `ACCEPTED`.
    pub accept_spelling: bool,
    /// The product permission is granted; without it every parking call is NO_AUTH.
    pub permission: bool,
    /// Native pay is granted; without it its calls are NO_AUTH.
    pub native: bool,
    /// The merchant may refund; without it the calls are NO_AUTH.
    pub refunds: bool,
    /// The merchant's balance is too small for any refund.
    pub balance_too_small: bool,
    /// Bills come with another byte than their hash was made of.
    pub bills_altered: bool,
    /// The merchant may collect; otherwise charges are NO_AUTH.
    pub may_collect: bool,
    /// So many of 1000 entry answers lack `free_duration`.
    pub omit_free_duration_permille: u16,
    /// So many of 1000 answers carry keys that no document names.
    pub extra_keys_permille: u16,
    /// So many of 1000 queries of an accepted order answer a `trade_state` that no document names.
    pub unknown_state_permille: u16,
}

impl Trust {
    /// Only the first certificate exists so far; the others wait for [`Self::rotate`].
    pub fn before_rotation(mut self) -> Self {
        self.mode = TrustMode::Certificates;
        self.next = self.certificates.split_off(self.certificates.len().min(1));
        let signing = self.certificates.iter().map(|it| it.serial.clone());
        self.signing = signing.collect();
        self
    }

    /// The next certificates are returned beside the old ones, and all of them sign.
    pub fn rotate(&mut self) {
        let next = std::mem::take(&mut self.next);
        self.signing.extend(next.iter().map(|it| it.serial.clone()));
        self.certificates.extend(next);
    }

    /// The next certificates are returned beside the old ones, and sign nothing yet.
    pub fn announce(&mut self) {
        self.certificates.append(&mut self.next);
    }

    /// The rotation is over: only the newest certificate signs and is returned.
    pub fn retire_old(&mut self) {
        if let Some(newest) = self.certificates.pop() {
            self.signing = vec![newest.serial.clone()];
            self.certificates = vec![newest];
        }
    }

    /// The merchant has moved to the public key; there is no certificate any more.
    pub fn switch_to_public_key(&mut self) {
        self.mode = TrustMode::PublicKey;
    }
}

impl Default for Switches {
    fn default() -> Self {
        Self {
            sign_errors: true,
            strict_duplicate_entry: false,
            accept_spelling: false,
            permission: true,
            native: true,
            refunds: true,
            balance_too_small: false,
            bills_altered: false,
            may_collect: true,
            omit_free_duration_permille: 250,
            extra_keys_permille: 250,
            unknown_state_permille: 0,
        }
    }
}

impl Default for Plate {
    /// Enrolled, in service, and its driver pays.
    fn default() -> Self {
        Self {
            service: Service::Normal,
            color: None,
            openid: "oUpF8uMuAJOM2pxb1Q".into(),
            outcome: Outcome::Success,
        }
    }
}

impl Plate {
    /// A plate whose stays cannot be charged, because of `reason`.
    pub fn blocked(reason: &str) -> Self {
        Self {
            service: Service::Blocked(reason.into()),
            ..Self::default()
        }
    }

    /// A plate that nobody enrolled.
    pub fn not_enrolled() -> Self {
        Self {
            service: Service::NotEnrolled,
            ..Self::default()
        }
    }

    /// A plate whose accepted charges end like this.
    pub fn ending(outcome: Outcome) -> Self {
        Self {
            outcome,
            ..Self::default()
        }
    }

    /// The service as it stands for a vehicle of this colour.
    pub(super) fn service_for(&self, color: &str) -> &Service {
        match &self.color {
            Some(enrolled) if enrolled != color => &Service::NotEnrolled,
            _ => &self.service,
        }
    }
}

impl Settings {
    pub(super) fn plate(&self, number: &str) -> &Plate {
        self.plates.get(number).unwrap_or(&self.default_plate)
    }
}
