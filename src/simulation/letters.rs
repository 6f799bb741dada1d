//! What WeChat tells by itself: each notice on its way to the box, what is wrong with it there, and what the
//! box answers.

use super::clock::Clock;
use super::doing::Doing;
use super::faults::{FAULTS_MS, Group};
use super::network::{Network, driver};
use super::oracle::View;
use super::site::PLATES;
use super::world::{Incoming, World};
use crate::notice::{self, Opened};
use crate::park::event::Event;
use crate::sim::random::SplitMix64;
use crate::sim::wechat::{CallbackFault, Delivery};
use crate::wechat::Secret;
use crate::wechat::seal::ApiV3Keys;

/// A notice that was signed longer ago proves nothing.
const AGE_MS_MAX: u64 = 5 * 60 * 1000;
/// WeChat is not looked at more often.
const LOOK_AGAIN_MS: u64 = 5_000;
/// After a call WeChat is looked at again: what it led to may be told by then.
const LOOK_AFTER_MS: u64 = 500;

/// What is wrong with notices.
#[derive(Default)]
pub struct LetterFaults {
    /// WeChat calls back at all.
    calls_back: bool,
    /// Something is wrong with so many of 1000.
    faulty_permille: u16,
    /// So many of 1000 answers of the box get lost.
    answer_lost_permille: u16,
    /// A driver's standing changes.
    changes: Vec<u64>,
}

/// The way of the notices.
pub struct Letters {
    faults: LetterFaults,
    random: SplitMix64,
    keys: ApiV3Keys,
    /// When WeChat is next looked at, if it is.
    looks_at: Option<u64>,
}

impl LetterFaults {
    pub fn drawn(random: &mut SplitMix64) -> Self {
        let changes = random.below(8);
        Self {
            calls_back: random.chance(700),
            faulty_permille: u16::try_from(random.below(400)).unwrap(),
            answer_lost_permille: u16::try_from(random.below(200)).unwrap(),
            changes: (0..changes).map(|_| random.below(FAULTS_MS)).collect(),
        }
    }

    /// Whether WeChat calls back.
    pub fn calls_back(&self) -> bool {
        self.calls_back
    }
}

impl Letters {
    pub fn new(seed: u64, faults: LetterFaults, api_v3_key: &[u8]) -> Self {
        let key = Secret::new(String::from_utf8_lossy(api_v3_key));
        Self {
            faults,
            random: SplitMix64::new(seed, "letters"),
            keys: ApiV3Keys::new(&[key]).expect("a key of 32 letters"),
            looks_at: None,
        }
    }

    /// When a driver's standing changes.
    pub fn plan(&self) -> Vec<(u64, Doing)> {
        let changes = self.faults.changes.iter();
        changes.map(|at| (*at, Doing::DriverChanges)).collect()
    }

    /// Everything arrives from here on.
    pub fn calm_down(&mut self) {
        self.faults = LetterFaults {
            calls_back: self.faults.calls_back,
            ..LetterFaults::default()
        };
    }

    fn fault(&mut self) -> CallbackFault {
        if !self.random.chance(self.faults.faulty_permille) {
            return CallbackFault::Pass;
        }
        let late_ms = 1_000 + self.random.below(20 * 60 * 1000);
        let faults = [
            CallbackFault::Twice,
            CallbackFault::Late(late_ms),
            CallbackFault::Forged,
            CallbackFault::Probe,
            CallbackFault::Unsigned,
            CallbackFault::Old,
            CallbackFault::Truncated,
            CallbackFault::OtherKey,
        ];
        *self.random.pick(&faults).expect("eight")
    }

    /// What the box makes of the bytes, or the status that it answers instead.
    fn opened(&self, delivery: &Delivery, clock: &Clock, is_signed: bool) -> Result<Opened, u16> {
        let now = clock.now();
        if !now.trusted {
            return Err(503);
        }
        let signed_at = delivery.header("Wechatpay-Timestamp");
        let signed_at = signed_at.and_then(|text| text.parse::<i64>().ok());
        let age_ms = signed_at.map(|at| now.wall.0.abs_diff(at * 1000));
        let is_fresh = age_ms.is_some_and(|ms| ms <= AGE_MS_MAX);
        let is_proven = is_signed && is_fresh;
        if !is_proven && !planted!(ForgedNoticeBelieved) {
            return Err(401);
        }
        notice::unsealed(&self.keys, &delivery.body).map_err(|_| 500)
    }
}

impl World {
    /// WeChat is looked at soon, if it tells anything by itself.
    pub(super) fn wechat_may_tell(&mut self) {
        if self.network.letters.faults.calls_back {
            let settles_ms = self.network.simulator.settings().settle_after_ms;
            self.look_at_wechat(self.clock.time + settles_ms + LOOK_AFTER_MS);
        }
    }

    /// What is due is delivered; and what is not taken comes again.
    pub(super) fn wechat_tells(&mut self, at: u64) {
        let letters = &mut self.network.letters;
        if letters.looks_at != Some(at) {
            return; // it was looked at meanwhile
        }
        letters.looks_at = None;
        let now = self.clock.true_wall();
        self.network.outage_by(self.clock.time);
        let letters = &mut self.network.letters;
        let simulator = &mut self.network.simulator;
        simulator.advance(now);
        if simulator.callback_due_next().is_some_and(|due| due <= now) {
            simulator.push_callback_faults([letters.fault()]);
        }
        for delivery in simulator.callbacks_due(now) {
            self.deliver(&delivery);
        }
        let next = self.network.simulator.callback_due_next();
        if let Some(next) = next {
            let ms = u64::try_from(next.0 - self.clock.true_wall().0).unwrap_or(0);
            self.look_at_wechat(self.clock.time + ms.max(LOOK_AGAIN_MS));
        }
    }

    /// A driver's agreement with WeChat is ended, paused or taken up again; WeChat tells of it.
    pub(super) fn driver_changes(&mut self) {
        let letters = &mut self.network.letters;
        let plate = *letters.random.pick(&PLATES).expect("ten");
        let becomes = driver(&mut letters.random);
        let now = self.clock.true_wall();
        self.network.simulator.set_plate(plate, becomes, now);
        self.count(Group::Network, "driver's standing changed");
        self.wechat_may_tell();
    }

    fn look_at_wechat(&mut self, at: u64) {
        let looks_at = &mut self.network.letters.looks_at;
        if looks_at.is_none_or(|before| at < before) {
            *looks_at = Some(at);
            self.plan(at, Doing::WechatTells(at));
        }
    }

    fn deliver(&mut self, delivery: &Delivery) {
        let status = self.take_in(delivery);
        if delivery.fault != CallbackFault::Pass {
            self.count(Group::Network, name_of(delivery.fault));
        }
        let letters = &mut self.network.letters;
        let is_lost = letters.random.chance(letters.faults.answer_lost_permille);
        let heard = status.filter(|_| !is_lost);
        if is_lost && status.is_some() {
            self.count(Group::Network, "answer to a notice lost");
        }
        let now = self.clock.true_wall();
        let simulator = &mut self.network.simulator;
        simulator.callback_answered(delivery, heard, now);
        self.trace.note(self.clock.time, || {
            format!(
                "notice {} ({:?}): {status:?}",
                delivery.number, delivery.fault
            )
        });
        let verdict = self.oracle.judge_books(&View::of(
            &self.clock,
            &self.cameras,
            &self.vehicles,
            &self.network.simulator,
        ));
        self.note(verdict);
    }

    /// The status that the box answers; none if it is off, or goes off over it.
    fn take_in(&mut self, delivery: &Delivery) -> Option<u16> {
        if self.machine.off {
            return None;
        }
        let network: &Network = &self.network;
        let is_signed =
            network.simulator.verify_callback(delivery) && network.knows_key_of(delivery);
        let told = match network.letters.opened(delivery, &self.clock, is_signed) {
            Ok(told) => Box::new(told),
            Err(status) => return Some(status),
        };
        let id = told.id.clone();
        // WeChat did sign it an hour ago, which is now to a box whose clock is behind; nobody there can know.
        let is_new_to_the_box = delivery.fault == CallbackFault::Old && self.clock.lies();
        let reply = self.turn(vec![Incoming {
            event: Event::Noticed { told },
            is_genuine: !delivery.fault.is_forgery() || is_new_to_the_box,
        }]);
        if self.machine.off {
            return None;
        }
        let is_on_disk = !self.machine.store_down || planted!(NoticeAnsweredUnwritten);
        if !(matches!(reply, Some(Ok(_))) && is_on_disk) {
            return Some(503);
        }
        let verdict = self.oracle.judge_notice_answered(&id);
        self.note(verdict);
        Some(200)
    }
}

fn name_of(fault: CallbackFault) -> &'static str {
    match fault {
        CallbackFault::Pass => "notice",
        CallbackFault::Twice => "notice twice",
        CallbackFault::Late(_) => "late notice",
        CallbackFault::Forged => "forged notice",
        CallbackFault::Probe => "probing notice",
        CallbackFault::Unsigned => "unsigned notice",
        CallbackFault::Old => "notice of an hour ago",
        CallbackFault::Truncated => "truncated notice",
        CallbackFault::OtherKey => "notice under another key",
    }
}
