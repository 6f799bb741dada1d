//! Where the requests of the control are decided.

use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use super::problem::Problem;
use super::routes::{Asked, What};
use crate::sim::http::Handle;
use crate::sim::sandbox::keys::Keys;
use crate::sim::sandbox::setup::ClientSetup;

/// The sandbox, as its control holds it.
pub(in crate::sim::sandbox) struct Desk {
    pub(super) handle: Handle,
    setup: ClientSetup,
    /// Somebody delivers what WeChat tells by itself.
    pub(super) can_call_back: bool,
    keys: Mutex<Keys>,
    ahead_ms: Arc<AtomicI64>,
}

impl Desk {
    /// `ahead_ms` is how far WeChat's clock is made to be ahead of this machine's.
    pub fn new(handle: Handle, setup: ClientSetup, keys: Keys, ahead_ms: Arc<AtomicI64>) -> Self {
        let can_call_back = handle.with(|wechat| wechat.settings().calls_back);
        Self {
            can_call_back,
            handle,
            setup,
            keys: Mutex::new(keys),
            ahead_ms,
        }
    }

    /// Shows or does what is asked. What is due by the clock has happened by then.
    pub(super) fn answer(&self, asked: &Asked, body: &[u8]) -> Result<Value, Problem> {
        let now = self.handle.now();
        self.handle.with(|wechat| wechat.advance(now));
        let (name, last) = (asked.name.as_str(), asked.last);
        match asked.what {
            What::Page | What::State => Ok(self.state()),
            What::Entries => Ok(self.list("entries", |wechat| wechat.entries_shown(last))),
            What::Charges => Ok(self.list("charges", |wechat| wechat.charges_shown(last))),
            What::Refunds => Ok(self.list("refunds", |wechat| wechat.refunds_shown(last))),
            What::Natives => Ok(self.list("natives", |wechat| wechat.natives_shown(last))),
            What::Callbacks => Ok(self.callbacks(last)),
            What::Requests => Ok(self.requests(last, asked.refused)),
            What::Violations => Ok(self.list("violations", |wechat| wechat.violations_shown(last))),
            What::Plates => Ok(self.plates()),
            What::SetPlate => self.set_plate(name, body),
            What::ForgetPlate => self.forget_plate(name),
            What::Settings => self.change_settings(body),
            What::Faults => self.change_faults(body),
            What::NextFaults => self.queue_faults(body),
            What::NoFaults => Ok(self.end_faults()),
            What::Settle => self.settle(name, body),
            What::EndRefund => self.end_refund(name, body),
            What::PayNative => self.pay_native(name, body),
            What::CallbackFaults => self.queue_callback_faults(body),
            What::Deliver => self.deliver(name, body),
            What::IssueCertificate => self.issue_certificate(body),
            What::MixCertificates => self.mix_certificates(body),
            What::RetireCertificates => self.retire_certificates(body),
            What::IssueMerchantCertificate => self.issue_merchant_certificate(body),
            What::RetireMerchantCertificates => self.retire_merchant_certificates(body),
            What::ChangeApiV3Key => self.change_api_v3_key(body),
            What::Clock => self.set_clock(body),
        }
    }

    pub(super) fn keys(&self) -> MutexGuard<'_, Keys> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a client is told now.
    pub(super) fn setup(&self) -> ClientSetup {
        ClientSetup {
            merchant_serial: self.keys().merchant.serial.clone(),
            ..self.setup.clone()
        }
    }

    pub(super) fn folder(&self) -> &Path {
        &self.setup.folder
    }

    pub(super) fn write_setup(&self) -> Result<(), Problem> {
        let written = self.setup().write();
        written.map_err(|error| Problem::machine(&error))
    }

    pub(super) fn ahead_ms(&self) -> i64 {
        self.ahead_ms.load(Ordering::Relaxed)
    }

    pub(super) fn set_ahead_ms(&self, ahead_ms: i64) {
        self.ahead_ms.store(ahead_ms, Ordering::Relaxed);
    }
}
