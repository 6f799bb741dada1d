//! A strict simulator of WeChat Pay's parking service, written from the wire contract and sharing
//! nothing with the daemon's client.
//!
//! Pure: `(request, now) → (answer, effects)`. No clock, no I/O; all chance comes from a seed.
//! [`Simulator::handle`] does everything; [`Simulator::decide`] leaves the signature for later, so
//! that a server can make it without holding the simulator.

mod answer;
mod authorization;
mod bills;
mod books;
mod callbacks;
mod certificates;
mod charges;
mod entries;
mod faults;
mod fields;
mod find;
mod merchant;
mod message;
mod native;
mod orders;
mod parameters;
mod refunds;
mod refusal;
mod repeats;
mod sale;
mod seal;
mod settings;
mod shown;
#[cfg(test)]
mod tests;
mod time;

use std::collections::{BTreeMap, BTreeSet};

pub use answer::Decision;
pub use books::{Books, EntryRow, OrderRow, OrderState, Violation, ViolationKind};
pub use callbacks::{
    CallbackAnswer, CallbackFault, CallbackRow, CallbackState, Delivery, LADDER_MS,
};
pub use faults::{Fault, Faults, Rates};
pub(super) use fields::{is_color, plate_fault};
pub use message::{Answer, Call, Exchange, Request};
pub use native::{NativeRow, NativeState};
pub(super) use parameters::decode;
pub use refunds::{RefundRow, RefundState};
pub use seal::{RsaKeys, Seal, SealError};
pub use settings::{
    Coupon, Merchant, Outcome, Plate, PlatformCertificate, RefundOutcome, Service, Settings,
    Switches, Trust, TrustMode,
};

use self::answer::Reply;
use self::authorization::admit;
use self::callbacks::Callbacks;
use self::entries::Entry;
use self::native::NativeOrder;
use self::orders::Order;
use self::refunds::Refunds;
use self::refusal::Refusal;
use self::repeats::Heard;
use crate::lane::time::Wall;
use crate::sim::random::SplitMix64;

/// WeChat Pay, as far as one merchant's car park sees it.
pub struct Simulator {
    settings: Settings,
    faults: Faults,
    entries: Vec<Entry>,
    entry_by_number: BTreeMap<String, usize>,
    entry_by_id: BTreeMap<String, usize>,
    /// By plate: only the latest entry can be charged.
    latest_entry: BTreeMap<String, usize>,
    orders: Vec<Order>,
    order_by_number: BTreeMap<String, usize>,
    /// Orders that are accepted and not settled.
    unsettled: BTreeSet<usize>,
    /// By number, which no charge may have.
    natives: BTreeMap<String, NativeOrder>,
    refunds: Refunds,
    bill_files: Vec<bills::File>,
    violations: Vec<Violation>,
    heard: Heard,
    /// How many requests came.
    asked: BTreeMap<Call, u64>,
    ids_given: u64,
    fault_draws: SplitMix64,
    nonces: SplitMix64,
    callback_draws: SplitMix64,
    callbacks: Callbacks,
    /// Which optional and unknown keys an answer has.
    whims: SplitMix64,
}

impl Simulator {
    /// An empty simulator.
    pub fn new(settings: Settings) -> Self {
        let stream = |purpose| SplitMix64::new(settings.seed, purpose);
        Self {
            fault_draws: stream("faults"),
            nonces: stream("nonces"),
            callback_draws: stream("callbacks"),
            callbacks: Callbacks::default(),
            whims: stream("whims"),
            settings,
            faults: Faults::default(),
            entries: Vec::new(),
            entry_by_number: BTreeMap::new(),
            entry_by_id: BTreeMap::new(),
            latest_entry: BTreeMap::new(),
            orders: Vec::new(),
            order_by_number: BTreeMap::new(),
            unsettled: BTreeSet::new(),
            natives: BTreeMap::new(),
            refunds: Refunds::new(),
            bill_files: Vec::new(),
            violations: Vec::new(),
            heard: Heard::default(),
            asked: BTreeMap::new(),
            ids_given: 0,
        }
    }

    /// Hears one request at `now` and answers it.
    pub fn handle(&mut self, request: &Request, now: Wall) -> Exchange {
        self.decide(request, now).seal()
    }

    /// As [`Self::handle`], without the signature, which [`Decision::seal`] makes.
    pub fn decide(&mut self, request: &Request, now: Wall) -> Decision {
        self.advance(now);
        let call = Call::of(request);
        *self.asked.entry(call).or_default() += 1;
        let fault = self.faults.draw(call, &mut self.fault_draws);
        let reply = match &fault {
            Some(Fault::Silence) => None,
            Some(Fault::ErrorBefore) => Some(Reply::from(Refusal::system())),
            Some(Fault::Throttled(after_s)) => Some(Reply::throttled(*after_s)),
            Some(Fault::ProxyPage(status)) => Some(Reply::proxy_page(*status)),
            Some(Fault::SignError) => Some(Reply::from(Refusal::sign(
                ViolationKind::Signature,
                "signature",
                "sign not match",
            ))),
            Some(Fault::NoAuth) => Some(Reply::from(Refusal::no_permission())),
            Some(Fault::AnswerLost) => {
                self.act(call, request, now);
                None
            }
            Some(Fault::ErrorAfter) => {
                self.act(call, request, now);
                Some(Reply::from(Refusal::system()))
            }
            Some(Fault::WrongEcho) => {
                let mut reply = self.act(call, request, now);
                reply.echo_wrongly(&mut self.fault_draws);
                Some(reply)
            }
            Some(Fault::OtherSubMerchant) => {
                let mut reply = self.act(call, request, now);
                reply.name_another_sub_merchant();
                Some(reply)
            }
            None
            | Some(
                Fault::Pass
                | Fault::Slow(_)
                | Fault::WrongSignature
                | Fault::ProbeSignature
                | Fault::UnknownSerial
                | Fault::Unsigned,
            ) => Some(self.act(call, request, now)),
        };
        self.prepare(request, call, fault, reply, now)
    }

    /// Settles the accepted orders that are due. [`Self::handle`] does this first of all.
    pub fn advance(&mut self, now: Wall) {
        self.settle_due(now);
        self.end_refunds(now);
    }

    /// How many requests of this call came, whatever became of them.
    pub fn asked(&self, call: Call) -> u64 {
        self.asked.get(&call).copied().unwrap_or_default()
    }

    /// The faults in force, to be changed.
    pub fn faults_mut(&mut self) -> &mut Faults {
        &mut self.faults
    }

    /// The faults in force.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// How it is set up, to be changed: plates, switches, trust.
    pub fn settings_mut(&mut self) -> &mut Settings {
        &mut self.settings
    }

    /// How it is set up.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Whether `answer` carries a signature of this simulator's keys that fits; for tests that drive
    /// the simulator without the daemon's own trust code.
    pub fn verify(&self, answer: &Answer) -> bool {
        let header = |name| answer.header(name);
        let (Some(timestamp), Some(nonce), Some(signature), Some(serial)) = (
            header("Wechatpay-Timestamp"),
            header("Wechatpay-Nonce"),
            header("Wechatpay-Signature"),
            header("Wechatpay-Serial"),
        ) else {
            return false;
        };
        let text = answer::signed_text(timestamp, nonce, &answer.body);
        self.settings.seal.verify_answer(serial, &text, signature)
    }

    /// Checks and carries out one request, and remembers what a resend of it is answered.
    fn act(&mut self, call: Call, request: &Request, now: Wall) -> Reply {
        let authorization = match admit(&self.settings, request, now) {
            Ok(authorization) => authorization,
            Err(refusal) => return self.refuse(call, refusal, now),
        };
        let Some(authorization) = authorization else {
            return self.serve(call, request, now);
        };
        match self.heard.earlier(&authorization, request, now) {
            Ok(Some(reply)) => reply,
            Ok(None) => {
                let reply = self.serve(call, request, now);
                self.heard.remember(&authorization, request, &reply);
                reply
            }
            Err(refusal) => self.refuse(call, refusal, now),
        }
    }

    fn serve(&mut self, call: Call, request: &Request, now: Wall) -> Reply {
        if call == Call::BillFile {
            return match self.bill_file(request, now) {
                Ok(bytes) => Reply::file(bytes),
                Err(refusal) => self.refuse(call, refusal, now),
            };
        }
        match self.dispatch(call, request, now) {
            Ok(serde_json::Value::Null) => Reply::empty(),
            Ok(body) => Reply::ok(body),
            Err(refusal) => self.refuse(call, refusal, now),
        }
    }

    /// Null is an answer without a body.
    fn dispatch(
        &mut self,
        call: Call,
        request: &Request,
        now: Wall,
    ) -> Result<serde_json::Value, Refusal> {
        let method = call.method().ok_or_else(Refusal::no_such_call)?;
        if request.method != method {
            return Err(Refusal::wrong_method());
        }
        if method == "GET" && !request.body.is_empty() {
            return Err(Refusal::parameter("body", "", None, "is not empty"));
        }
        if !self.is_permitted(call) {
            return Err(Refusal::no_permission());
        }
        match call {
            Call::Entry => self.create_entry(request, now),
            Call::Charge => self.accept_charge(request, now),
            Call::Query => self.query_order(request),
            Call::Find => self.find_service(request),
            Call::Certificates => self.list_certificates(request),
            Call::NativeOrder => self.create_native(request, now),
            Call::NativeQuery => self.query_native(request, now),
            Call::NativeClose => self.close_native(request, now),
            Call::Refund => self.create_refund(request, now),
            Call::RefundQuery => self.query_refund(request),
            Call::TradeBill => self.trade_bill(request, now),
            Call::FundFlowBill => self.fund_flow_bill(request, now),
            Call::BillFile | Call::Other => Err(Refusal::no_such_call()),
        }
    }

    /// Native pay is a product of its own, with a permission of its own.
    fn is_permitted(&self, call: Call) -> bool {
        let switches = &self.settings.switches;
        match call {
            Call::Certificates
            | Call::TradeBill
            | Call::FundFlowBill
            | Call::BillFile
            | Call::Other => true,
            Call::Refund | Call::RefundQuery => switches.refunds,
            Call::Entry | Call::Charge | Call::Query | Call::Find => switches.permission,
            Call::NativeOrder | Call::NativeQuery | Call::NativeClose => switches.native,
        }
    }

    fn refuse(&mut self, call: Call, refusal: Refusal, now: Wall) -> Reply {
        if let Some(kind) = refusal.violation {
            self.violations.push(Violation {
                at: now,
                call,
                kind,
                detail: refusal.body().to_string(),
            });
        }
        Reply::from(refusal)
    }
}
