//! A wall clock that tests set. The gate runs in the test's process: nobody sets the clock of the machine
//! that tests run on.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use parkgate::clock::{Clock, TrustRule};
use parkgate::config::Config;
use parkgate::gate::{Gate, Parts};
use parkgate::health::systemd::Notifier;
use parkgate::lane::time::Wall;
use serde_json::Value;

use crate::bench::Bench;
use crate::wait::soon;

/// How far off a wall clock is.
#[derive(Clone, Default)]
pub struct Shift(Arc<AtomicI64>);

impl Shift {
    pub fn set(&self, ms: i64) {
        self.0.store(ms, Ordering::Relaxed);
    }

    /// A clock that is off by it.
    pub fn clock(&self) -> Clock {
        Clock::system_off_by(TrustRule::Rtc, Wall(0), self.0.clone())
    }

    /// Sets the clock to this moment.
    pub fn set_to(&self, wall: Wall) {
        self.set(0);
        self.set(wall.0 - self.clock().now().wall.0);
    }

    /// A gate by this clock, serving its lanes.
    pub async fn gate(&self, bench: &Bench) -> Gate {
        let (config, tariff) = Config::load_with_tariff(&bench.place.config).unwrap();
        let parts = Parts {
            config,
            tariff,
            observer: None,
            notifier: Notifier::default(),
        };
        let off = self.0.clone();
        let gate = Gate::start_by(parts, |trust, not_before| {
            Clock::system_off_by(trust, not_before, off)
        });
        soon("the gate to start", gate).await.unwrap()
    }
}

/// The text of the first alarm of a kind; empty where there is none.
pub fn alarm(status: &Value, kind: &str) -> String {
    let alarms = status["alarms"].as_array().into_iter().flatten();
    let mut of_kind = alarms.filter(|alarm| alarm["kind"] == kind);
    let text = of_kind.next().and_then(|alarm| alarm["text"].as_str());
    text.unwrap_or_default().to_owned()
}
