//! What the queue asks of the sender, and what goes into every body.

use serde::{Deserialize, Serialize};

use super::record::MoneyRecord;
use super::spot::SpotPaid;
use crate::lane::alarm::Alarm;
use crate::lane::number::SessionId;
use crate::lane::tariff::FreeTime;
use crate::lane::time::Moment;
use crate::wechat::native::Payee;

/// What goes into every body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MerchantRules {
    /// Who calls: the merchant, in partner mode the service provider. Not in the bodies, but in every
    /// answer.
    #[serde(default)]
    pub mchid: String,
    /// Bound to the merchant id.
    pub appid: String,
    /// Partner mode: for whom. None in direct mode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sub: Option<SubMerchant>,
    /// Shown to the driver; at most 32 characters.
    pub parking_name: String,
    /// In the payer's bill.
    pub description: String,
    /// Where WeChat reports a change of an entry's state; https, no query string.
    pub entry_notify_url: String,
    /// Where WeChat reports what became of a charge; https, no query string.
    pub charge_notify_url: String,
    /// What a charge may say besides.
    #[serde(default, skip_serializing_if = "Extras::is_empty")]
    pub extras: Extras,
    /// Where WeChat reports what became of a refund, as above; None: nowhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refund_notify_url: Option<String>,
    /// Where WeChat reports that an order was paid on the spot, as above; None where no such order is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub native_notify_url: Option<String>,
    /// Free time as told to WeChat, seconds; derives from the tariff.
    pub free_duration_s: u64,
    /// The same by class and date, where the tariff knows any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub free_times: Vec<FreeTime>,
}

/// What a charge may say besides what it must (`wechat-pay.md` 2.3).
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Extras {
    /// Given back in answers and bills, at most 128 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attach: Option<String>,
    /// Which of the merchant's promotions it may take part in, at most 32 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub goods_tag: Option<String>,
    /// The money is held for being shared out (分账), which another system does.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub profit_sharing: bool,
}

impl Extras {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The sub-merchant (特约商户) that a service provider acts for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubMerchant {
    /// `sub_mchid`.
    pub mchid: String,
    /// `sub_appid`, bound to it.
    pub appid: String,
}

/// A call to make, once the records of the same step are on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// What is asked.
    pub request: Request,
    /// A lane waits for it until then; None: nobody does.
    pub lane_until: Option<Moment>,
}

/// The calls that the queue makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// *Create entry*.
    NotifyEntry {
        /// Whose entry.
        session: SessionId,
        /// The frozen body, to be sent byte for byte.
        body: String,
    },
    /// *Charge*.
    Charge {
        /// `out_trade_no`.
        trade_no: String,
        /// The frozen body, to be sent byte for byte.
        body: String,
    },
    /// *Query order*.
    Query {
        /// `out_trade_no`.
        trade_no: String,
        /// Whose order it is, in partner mode: as frozen with the charge, whatever is configured now.
        sub_mchid: Option<String>,
    },
    /// *Apply for a refund*.
    Refund {
        /// `out_refund_no`.
        refund_no: String,
        /// The frozen body, to be sent byte for byte.
        body: String,
    },
    /// *Query refund*.
    QueryRefund {
        /// `out_refund_no`.
        refund_no: String,
        /// Whose it is, in partner mode: as frozen.
        sub_mchid: Option<String>,
    },
    /// *Create Native order*.
    Spot {
        /// `out_trade_no`.
        number: String,
        /// In whose name: as frozen.
        payee: Payee,
        /// The frozen body, to be sent byte for byte.
        body: String,
    },
    /// *Query Native order*.
    QuerySpot {
        /// `out_trade_no`.
        number: String,
        /// In whose name it was made.
        payee: Payee,
    },
    /// *Close Native order*.
    CloseSpot {
        /// `out_trade_no`.
        number: String,
        /// In whose name it was made.
        payee: Payee,
    },
}

/// A call that was not made because its record is not on disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnsentCall {
    /// *Create entry* for this stay.
    Entry(SessionId),
    /// *Charge* of this `out_trade_no`.
    Charge(String),
    /// *Query order* of this `out_trade_no`.
    Query(String),
    /// *Apply for a refund* of this `out_refund_no`.
    Refund(String),
    /// *Query refund* of this `out_refund_no`.
    QueryRefund(String),
    /// *Create Native order* of this `out_trade_no`.
    Spot(String),
    /// *Query Native order* of this `out_trade_no`.
    QuerySpot(String),
    /// *Close Native order* of this `out_trade_no`.
    CloseSpot(String),
}

impl Request {
    /// What it is called if it is not made.
    pub fn unsent(&self) -> UnsentCall {
        match self {
            Self::NotifyEntry { session, .. } => UnsentCall::Entry(session.clone()),
            Self::Charge { trade_no, .. } => UnsentCall::Charge(trade_no.clone()),
            Self::Query { trade_no, .. } => UnsentCall::Query(trade_no.clone()),
            Self::Refund { refund_no, .. } => UnsentCall::Refund(refund_no.clone()),
            Self::QueryRefund { refund_no, .. } => UnsentCall::QueryRefund(refund_no.clone()),
            Self::Spot { number, .. } => UnsentCall::Spot(number.clone()),
            Self::QuerySpot { number, .. } => UnsentCall::QuerySpot(number.clone()),
            Self::CloseSpot { number, .. } => UnsentCall::CloseSpot(number.clone()),
        }
    }
}

/// What one turn of the queue led to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Out {
    /// For the ledger, in order.
    pub records: Vec<MoneyRecord>,
    /// To be made once the records are on disk.
    pub calls: Vec<Call>,
    /// For people.
    pub alarms: Vec<Alarm>,
    /// WeChat knew the number of this stay's entry before it was ever sent from here.
    pub taken: Option<SessionId>,
    /// What drivers paid on the spot.
    pub paid: Vec<SpotPaid>,
}
