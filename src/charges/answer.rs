//! What WeChat Pay answered, as far as it can be believed.
//!
//! The adapter (`wechat/`) fills these in; the queue decides from them with exhaustive matches.

use serde::{Deserialize, Serialize};

use crate::lane::plate::PlateColor;
pub use crate::lane::service::ServiceState;
use crate::lane::time::Wall;

/// One call's result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heard<T> {
    /// What it came to.
    pub answer: Answer<T>,
    /// WeChat's `Request-ID`, for support.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub request_id: Option<String>,
    /// The box's clock minus the answer's `Date` header, milliseconds; only a hint for alarms.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub skew_ms: Option<i64>,
}

/// The five things an answer can be. Only [`Answer::Verified`] proves anything in our favour.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer<T> {
    /// 2xx, signature verified over the raw bytes, body understood.
    Verified(T),
    /// A 4xx (other than 429) with API JSON: WeChat says no.
    Refused(Refusal),
    /// 429: come back later with the same request.
    Throttled {
        /// From `Retry-After`, milliseconds.
        retry_after_ms: Option<u64>,
    },
    /// Nothing left this box: name look-up, connection or TLS failed at every host, or the box
    /// would not sign (no key, untrusted clock).
    NotSent(String),
    /// Bytes may have arrived, nothing believable came back: silence, reset, 202, 5xx, something
    /// that is not API JSON, a signature that does not verify.
    Lost(String),
}

/// An error body of API v3 (`wechat-pay.md` 10).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// HTTP status, 400–499.
    pub status: u16,
    /// `PARAM_ERROR`, `NO_AUTH`, …; open list.
    pub code: String,
    /// For people; never branched on.
    pub message: String,
    /// WeChat signed it, or the configuration believes unsigned errors. What is not proven never
    /// opens another channel for the money (`wechat-pay.md` 13, 15).
    #[serde(default)]
    pub proven: bool,
}

/// Answer to *create entry* (2.2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParkingEntry {
    /// WeChat's id of the entry, `parking_id` of the charge.
    pub parking_id: String,
    /// Echo of our number.
    pub out_parking_no: String,
    /// Echo of the plate.
    pub plate_number: String,
    /// Whom the entry is for, in partner mode; the page does not promise it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sub_mchid: Option<String>,
    /// May this entry be charged?
    pub state: ServiceState,
}

/// The order as WeChat sees it: answer to a charge (2.3) and to a query (2.4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transaction {
    /// Echo of our number.
    pub out_trade_no: String,
    /// Whose order it is.
    #[serde(skip_serializing_if = "Parties::are_unnamed", default)]
    pub parties: Parties,
    /// Where the money stands.
    pub state: TradeState,
    /// `amount.total`, fen. None if the answer left it out.
    pub total_fen: Option<u64>,
    /// How it was paid.
    #[serde(skip_serializing_if = "Paid::is_untold", default)]
    pub paid: Paid,
    /// Echo of `parking_info.parking_id`.
    pub parking_id: Option<String>,
    /// Echo of `parking_info.plate_number`.
    pub plate_number: Option<String>,
    /// Echo of `parking_info.plate_color`.
    pub plate_color: Option<PlateColor>,
    /// WeChat's order number, once it exists.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub transaction_id: Option<String>,
    /// `bank_type`; `BPA` means that WeChat advanced the money.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub bank_type: Option<String>,
    /// `trade_state_description`, for people.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub description: Option<String>,
}

/// How an order was paid, each as far as the answer says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Paid {
    /// `amount.payer_total`, fen: what the driver paid. Less than the sum where coupons paid a part of it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub payer_fen: Option<u64>,
    /// What all coupons in `promotion_detail` paid, fen.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub coupon_fen: Option<u64>,
    /// What of that the merchant bears (`merchant_contribute`), fen.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub merchant_fen: Option<u64>,
    /// `success_time`: the day of it is the day in whose bill the order stands.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub at: Option<Wall>,
}

impl Paid {
    /// Whether nothing is said of it.
    pub fn is_untold(&self) -> bool {
        *self == Self::default()
    }

    /// Nobody pays more than the whole.
    pub fn fits(&self, total_fen: u64) -> bool {
        let parts = [self.payer_fen, self.coupon_fen, self.merchant_fen];
        parts.into_iter().flatten().all(|fen| fen <= total_fen)
    }
}

/// Whom an order names, each as far as the answer says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parties {
    /// Who called; WeChat writes it so in direct mode too.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sp_mchid: Option<String>,
    /// For whom, in partner mode.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sub_mchid: Option<String>,
    /// Bound to `sp_mchid`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub appid: Option<String>,
    /// Bound to `sub_mchid`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sub_appid: Option<String>,
}

impl Parties {
    fn are_unnamed(&self) -> bool {
        *self == Self::default()
    }
}

/// `trade_state`, both spellings of *accepted* read alike; unknown words are kept and are not final.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TradeState {
    /// `ACCEPTED` or `ACCEPT`: taken on, money not yet moved.
    Accepted,
    /// `SUCCESS`.
    Success,
    /// `PAY_FAIL`: final, not collected.
    PayFail,
    /// `REFUND`: was paid, went into refund.
    Refund,
    /// A word this version does not know.
    Other(String),
}

/// A refund as WeChat sees it: answer to applying for one (4.1), to a query (4.2), and in a callback (4.5).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundSeen {
    /// Echo of our number.
    pub out_refund_no: String,
    /// Echo of the number of the charge.
    pub out_trade_no: String,
    /// For whom, in partner mode, where the answer says so.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sub_mchid: Option<String>,
    /// Where the money stands.
    pub state: RefundWord,
    /// WeChat's number of the refund.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub refund_id: Option<String>,
    /// `amount.total`: the whole charge, fen. None if the answer left it out.
    pub total_fen: Option<u64>,
    /// `amount.refund`: what is refunded of it, fen.
    pub refund_fen: Option<u64>,
    /// `amount.payer_refund`: what of that the driver gets, fen; less than `refund` where a coupon paid a part.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub payer_refund_fen: Option<u64>,
    /// Where the driver gets it, in WeChat's words.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub account: Option<String>,
}

/// `status` of a refund, in a callback `refund_status`; unknown words are kept and are not final.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundWord {
    /// `PROCESSING`.
    Processing,
    /// `SUCCESS`: the driver has it.
    Success,
    /// `CLOSED`: it is not made; another needs a number of its own.
    Closed,
    /// `ABNORMAL`: the driver's card takes no money; a person finishes it in the merchant platform.
    Abnormal,
    /// A word this version does not know.
    Other(String),
}

/// What the driver scans: the text of a QR code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeUrl(pub String);

/// A Native order as WeChat sees it: answer to a query (6.2), and in a callback.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NativeSeen {
    /// Echo of our number.
    pub out_trade_no: String,
    /// Echo of the caller's id, where the answer says so.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub mchid: Option<String>,
    /// For whom, in partner mode, where the answer says so.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sub_mchid: Option<String>,
    /// Where the money stands.
    pub state: NativeState,
    /// `amount.total`, fen; an order that nobody paid may come without.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub total_fen: Option<u64>,
    /// `amount.payer_total`: what of that the driver paid, fen; less where a coupon paid a part.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub payer_total_fen: Option<u64>,
    /// WeChat's order number, once it is paid.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub transaction_id: Option<String>,
}

/// `trade_state` of a Native order. Only [`NativeState::Closed`] and [`NativeState::Revoked`] say that no
/// money comes any more; unknown words are kept and say nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NativeState {
    /// `NOTPAY`.
    NotPaid,
    /// `USERPAYING`.
    Paying,
    /// `SUCCESS`.
    Paid,
    /// `REFUND`: was paid, went into refund.
    Refunded,
    /// `CLOSED`.
    Closed,
    /// `REVOKED`.
    Revoked,
    /// `PAYERROR`: a try failed; another may follow.
    Failed,
    /// A word this version does not know.
    Other(String),
}

impl NativeState {
    /// As WeChat writes it.
    pub fn of(word: &str) -> Self {
        match word {
            "NOTPAY" => Self::NotPaid,
            "USERPAYING" => Self::Paying,
            "SUCCESS" => Self::Paid,
            "REFUND" => Self::Refunded,
            "CLOSED" => Self::Closed,
            "REVOKED" => Self::Revoked,
            "PAYERROR" => Self::Failed,
            _ => Self::Other(word.to_owned()),
        }
    }
}
