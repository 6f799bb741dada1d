//! What goes in and what comes out.

use serde::{Deserialize, Serialize};

use super::faults::Fault;

/// One HTTP request, as it came over the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Upper case.
    pub method: String,
    /// Path and query, percent-encoded, exactly as sent: it is part of what is signed.
    pub target: String,
    /// In the order of arrival, names in any case.
    pub headers: Vec<(String, String)>,
    /// The raw bytes.
    pub body: Vec<u8>,
}

impl Request {
    /// A GET with the headers every call needs, not signed.
    pub fn get(target: impl Into<String>) -> Self {
        Self {
            method: "GET".into(),
            target: target.into(),
            headers: vec![
                ("Accept".into(), "application/json".into()),
                ("User-Agent".into(), "parkgate-sim".into()),
            ],
            body: Vec::new(),
        }
    }

    /// A POST of JSON with the headers every call needs, not signed.
    pub fn post(target: impl Into<String>, body: impl Into<Vec<u8>>) -> Self {
        let mut request = Self::get(target);
        request.method = "POST".into();
        request.body = body.into();
        request
            .headers
            .push(("Content-Type".into(), "application/json".into()));
        request
    }

    /// The first header of this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }

    /// The target without its query.
    pub(super) fn path(&self) -> &str {
        self.target
            .split_once('?')
            .map_or(self.target.as_str(), |(path, _)| path)
    }
}

/// One HTTP answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// `Wechatpay-*`, `Request-ID`, `Date`, `Content-Type`, …
    pub headers: Vec<(String, String)>,
    /// The raw bytes that the signature covers.
    pub body: Vec<u8>,
}

impl Answer {
    /// The first header of this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }
}

/// What one request came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// None is silence: the connection stays open and nothing comes.
    pub answer: Option<Answer>,
    /// How long the answer takes, milliseconds.
    pub delay_ms: u64,
    /// Which call it was.
    pub call: Call,
    /// The fault that was played, if any.
    pub fault: Option<Fault>,
}

/// The calls that the simulator serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Call {
    /// `POST /v3/vehicle/parking/parkings`.
    Entry,
    /// `POST /v3/vehicle/transactions/parking`.
    Charge,
    /// `GET /v3/vehicle/transactions/out-trade-no/{out_trade_no}`.
    Query,
    /// `GET /v3/vehicle/parking/services/find`.
    Find,
    /// `GET /v3/certificates`.
    Certificates,
    /// `POST /v3/pay/transactions/native`, or the same below `/v3/pay/partner/`.
    NativeOrder,
    /// `GET /v3/pay/transactions/out-trade-no/{out_trade_no}`, likewise.
    NativeQuery,
    /// `POST /v3/pay/transactions/out-trade-no/{out_trade_no}/close`, likewise.
    NativeClose,
    /// `POST /v3/refund/domestic/refunds`.
    Refund,
    /// `GET /v3/refund/domestic/refunds/{out_refund_no}`.
    RefundQuery,
    /// `GET /v3/bill/tradebill`.
    TradeBill,
    /// `GET /v3/bill/fundflowbill`.
    FundFlowBill,
    /// `GET /v3/billdownload/file`, whose answer nobody signs.
    BillFile,
    /// Anything else.
    Other,
}

pub(super) const QUERY_PREFIX: &str = "/v3/vehicle/transactions/out-trade-no/";
pub(super) const NATIVE_PREFIX: &str = "/v3/pay/transactions/";
pub(super) const NATIVE_PARTNER_PREFIX: &str = "/v3/pay/partner/transactions/";
pub(super) const BILL_FILE: &str = "/v3/billdownload/file";
pub(super) const REFUNDS: &str = "/v3/refund/domestic/refunds";
pub(super) const CLOSE_SUFFIX: &str = "/close";

impl Call {
    /// The call that `request` names by its path, whatever its method.
    pub fn of(request: &Request) -> Self {
        match request.path() {
            "/v3/vehicle/parking/parkings" => Self::Entry,
            "/v3/vehicle/transactions/parking" => Self::Charge,
            "/v3/vehicle/parking/services/find" => Self::Find,
            "/v3/certificates" => Self::Certificates,
            "/v3/bill/tradebill" => Self::TradeBill,
            "/v3/bill/fundflowbill" => Self::FundFlowBill,
            BILL_FILE => Self::BillFile,
            REFUNDS => Self::Refund,
            path if path
                .strip_prefix(REFUNDS)
                .is_some_and(|rest| rest.starts_with('/')) =>
            {
                Self::RefundQuery
            }
            path if path.starts_with(QUERY_PREFIX) => Self::Query,
            path => Self::of_native(path).unwrap_or(Self::Other),
        }
    }

    fn of_native(path: &str) -> Option<Self> {
        let rest = path
            .strip_prefix(NATIVE_PREFIX)
            .or_else(|| path.strip_prefix(NATIVE_PARTNER_PREFIX))?;
        if rest == "native" {
            return Some(Self::NativeOrder);
        }
        let number = rest.strip_prefix("out-trade-no/")?;
        Some(match number.ends_with(CLOSE_SUFFIX) {
            true => Self::NativeClose,
            false => Self::NativeQuery,
        })
    }

    /// The one method that the call is made with; None where there is no such call.
    pub(super) fn method(self) -> Option<&'static str> {
        match self {
            Self::Entry | Self::Charge | Self::NativeOrder | Self::NativeClose | Self::Refund => {
                Some("POST")
            }
            Self::Query
            | Self::Find
            | Self::Certificates
            | Self::NativeQuery
            | Self::RefundQuery
            | Self::TradeBill
            | Self::FundFlowBill
            | Self::BillFile => Some("GET"),
            Self::Other => None,
        }
    }
}

pub(super) fn find<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers
        .iter()
        .find(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.as_str())
}
