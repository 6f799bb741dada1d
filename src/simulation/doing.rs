//! What will happen, in order: by time, and at one time in the order in which it was planned.

use std::collections::BTreeMap;

use super::barrier::Order;
use super::letter::Letter;
use super::world::World;
use crate::park::event::Event;

/// One thing that will happen.
#[derive(Clone, Debug)]
pub enum Doing {
    Arrive(&'static str, usize),
    Next(&'static str),
    Look(&'static str, usize),
    Through(&'static str, usize),
    TurnBack(&'static str, usize, bool),
    LoopFree(&'static str),
    ArmUp(&'static str),
    ArmDown(&'static str, u64),
    RaisedByHand(&'static str),
    /// Somebody pushes the barrier's own button, of which the box hears nothing.
    Button(&'static str, usize),
    Attend(&'static str),
    LookAfter(&'static str),
    Heartbeat(&'static str),
    /// A camera hands a letter to the broker.
    Post(Letter),
    /// A letter reaches the box.
    Hear(u64, Letter),
    /// Bytes reach the box's serial port.
    Bytes(Vec<u8>),
    /// Something that concerns one run of the daemon; whether WeChat really said so.
    Happen(u64, Box<Event>, bool),
    /// A command reaches the relay behind a camera.
    Order(Order),
    Reconnect,
    /// The serial port is gone, or back.
    PortGone(bool),
    DiskFull(bool),
    /// A driver scans the code of this order.
    Scan(String),
    /// A driver who is shown the code of this order backs out unseen and drives over to the other exit.
    DriveOver(String),
    /// A person sees to a single charge.
    Ask,
    /// A person works through the lists.
    Office,
    /// A person goes round: counts, lists, takes money, ends stays.
    Round,
    /// Coupons are handed in, or money put in store.
    Favour,
    /// A person has money of a charge go back, or sees to a refund.
    Refund,
    /// Somebody has one plate's payloads erased, or they have become too old.
    Erase,
    NewTariff,
    Replace,
    /// WeChat signs with another certificate as well, or with the new one alone.
    NewCertificate,
    OldCertificateEnds,
    /// The box asks WeChat for the list of its certificates.
    FetchCertificates(u64),
    /// WeChat tells by itself what it has to tell, if this is still when it is looked at.
    WechatTells(u64),
    /// A driver's agreement with WeChat is ended, paused or taken up again.
    DriverChanges,
    /// Whatever a scenario wants.
    Act(fn(&mut World)),
    /// The daemon stops for so long.
    Stop(u64),
    Boot,
    Start,
}

/// All that is planned.
#[derive(Default)]
pub struct Doings {
    heap: BTreeMap<(u64, u64), Doing>,
    planned: u64,
}

impl Doings {
    pub fn plan(&mut self, at: u64, doing: Doing) {
        self.planned += 1;
        self.heap.insert((at, self.planned), doing);
    }

    /// When the next is due.
    pub fn next_at(&self) -> Option<u64> {
        self.heap.first_key_value().map(|((at, _), _)| *at)
    }

    /// The next one that is due at `now` and that `takes` wants.
    pub fn pop(&mut self, now: u64, takes: impl FnOnce(&Doing) -> bool) -> Option<Doing> {
        let entry = self.heap.first_entry();
        let entry = entry.filter(|entry| entry.key().0 <= now && takes(entry.get()));
        entry.map(|entry| entry.remove())
    }

    /// Everything works from here on: what would break or be changed later is left out.
    pub fn calm_down(&mut self) {
        self.forget(|doing| {
            matches!(
                doing,
                Doing::DiskFull(_)
                    | Doing::PortGone(_)
                    | Doing::Ask
                    | Doing::Office
                    | Doing::Round
                    | Doing::Refund
                    | Doing::Favour
                    | Doing::DriverChanges
                    | Doing::Erase
                    | Doing::Button(..)
                    | Doing::NewTariff
                    | Doing::Replace
                    | Doing::NewCertificate
                    | Doing::OldCertificateEnds
            )
        });
    }

    /// These will not happen.
    pub fn forget(&mut self, those: impl Fn(&Doing) -> bool) {
        self.heap.retain(|_, doing| !those(doing));
    }
}
