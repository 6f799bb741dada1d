//! The steward of the ledger's past: erases what is too old, and what people ask for, on a thread of its own
//! and never while the loop needs the disk.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::json;
use tokio::sync::oneshot;

use super::inbox::{Inbox, Message};
use crate::causes;
use crate::clock::Clock;
use crate::config::Config;
use crate::control::Answer;
use crate::lane::alarm::{Alarm, AlarmKind};
use crate::lane::time::{Moment, Now};
use crate::park::erasure::Erasure;
use crate::retention::{Archive, Days, Desk, Memory, Request, Retention, Round, Stays, Stopped};
use crate::store::index::IndexClient;
use crate::store::ledger::Closed;

/// From one look at what is too old to the next.
const LOOK_EVERY_MS: u64 = 3_600_000;
/// The wall clock must have been believed, and have kept pace with the boot clock, for so long.
const EVEN_FOR_MS: u64 = 3_600_000;
/// By so much may it be corrected meanwhile.
const CORRECTION_MS: i64 = 60_000;
/// The disk is the loop's for so long after each commit.
const QUIET_MS: u64 = 300;
const QUIET_LOOK: Duration = Duration::from_millis(50);
/// How long the loop may take to do what it is asked.
const LOOP_WITHIN: Duration = Duration::from_secs(30);
/// Requests of people that wait.
const ORDERS_MAX: usize = 4;

/// What the steward asks of the loop.
pub enum Ask {
    /// Put on record what is about to go; the answer comes when it is on disk.
    Record(Box<Erasure>, oneshot::Sender<Answer>),
    /// Begin a new segment with the whole state; true when it is on disk.
    Rotate(oneshot::Sender<bool>),
}

enum Order {
    Look(Round),
    Erase(Request, oneshot::Sender<Answer>),
}

/// The loop's side.
pub struct Steward {
    orders: Option<SyncSender<Order>>,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    even: Even,
    next_look: Option<Moment>,
}

/// What both threads see.
struct Shared {
    clock: Clock,
    /// The loop is at work.
    at_work: AtomicBool,
    /// The moment at which it last began to.
    worked_at: AtomicU64,
    store_fails: AtomicBool,
    stop: AtomicBool,
    busy: AtomicBool,
}

/// For how long the wall clock has kept pace with the boot clock.
#[derive(Debug, Default)]
struct Even {
    since: Option<Now>,
    last: Option<Now>,
}

impl Steward {
    /// Starts with nothing to do.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(
        config: &Config,
        clock: &Clock,
        index: IndexClient,
        inbox: Inbox,
    ) -> std::io::Result<Self> {
        let (orders, ordered) = sync_channel(ORDERS_MAX);
        let shared = Arc::new(Shared {
            clock: clock.clone(),
            at_work: AtomicBool::new(false),
            worked_at: AtomicU64::new(0),
            store_fails: AtomicBool::new(false),
            stop: AtomicBool::new(false),
            busy: AtomicBool::new(false),
        });
        let wanted = &config.retention;
        let days = Days {
            readings: wanted.readings_days,
            sessions: wanted.sessions_days,
            money: wanted.money_days,
            events: wanted.events_days,
        };
        let archive = wanted.archive.clone();
        let archive = archive.map(|root| Archive::new(root, &config.site.id, &config.site.box_id));
        let hand = Hand {
            shared: Arc::clone(&shared),
            index,
            inbox,
        };
        let memory = Memory::at(config.store.path.join("segments.json"));
        let retention = Retention::new(days, archive).remembering(memory);
        let thread = std::thread::Builder::new()
            .name("steward".to_owned())
            .spawn(move || work(retention, hand, &ordered))?;
        Ok(Self {
            orders: Some(orders),
            shared,
            thread: Some(thread),
            even: Even::default(),
            next_look: None,
        })
    }

    /// The loop begins a turn with something to do: nobody else begins to write from here on.
    pub fn work_begins(&self, now: Now) {
        self.shared.worked_at.store(now.moment.0, Ordering::Relaxed);
        self.shared.at_work.store(true, Ordering::Relaxed);
    }

    /// The loop has turned.
    pub fn work_ends(&mut self, now: Now, store_fails: bool) {
        self.shared
            .store_fails
            .store(store_fails, Ordering::Relaxed);
        self.shared.at_work.store(false, Ordering::Relaxed);
        self.even.look(now);
    }

    /// Whether it is time to look at what is too old: then [`Steward::look`] is to be called.
    pub fn wants_look(&self, now: Now) -> bool {
        let fails = self.shared.store_fails.load(Ordering::Relaxed);
        let busy = self.shared.busy.load(Ordering::Relaxed);
        let is_time = self.next_look.is_none_or(|at| at <= now.moment);
        is_time && !fails && !busy && self.even.for_ms() >= EVEN_FOR_MS
    }

    /// Has it look at what is too old.
    pub fn look(&mut self, now: Now, closed: Closed, unfinished: Stays) {
        self.next_look = Some(now.moment.after_ms(LOOK_EVERY_MS));
        let round = Round {
            closed,
            now: now.wall,
            even_for_ms: self.even.for_ms(),
            unfinished,
        };
        // With people's requests before it, the next look is early enough.
        self.order(Order::Look(round));
    }

    /// Has it carry out what a person asked for.
    pub fn erase(&self, request: Request, reply: oneshot::Sender<Answer>) {
        if let Some(Order::Erase(_, reply)) = self.order(Order::Erase(request, reply)) {
            let why = "other requests are being carried out; try again in some minutes";
            // Whoever asked may have gone.
            let _ = reply.send(Answer::Error(why.to_owned()));
        }
    }

    /// Waits until nothing is being written any more. What was begun is given up where that is safe.
    pub fn stop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        self.orders = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that erases what is too old had panicked");
        }
    }

    /// Gives back what does not fit.
    fn order(&self, order: Order) -> Option<Order> {
        match self.orders.as_ref()?.try_send(order) {
            Ok(()) => None,
            Err(TrySendError::Full(order) | TrySendError::Disconnected(order)) => Some(order),
        }
    }
}

impl Drop for Steward {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Even {
    fn look(&mut self, now: Now) {
        let keeps_pace = self.last.is_some_and(|last| {
            let by_boot_clock = now.moment.since_ms(last.moment);
            let by_wall = now.wall.0.saturating_sub(last.wall.0);
            let apart = by_wall.saturating_sub(i64::try_from(by_boot_clock).unwrap_or(i64::MAX));
            apart.abs() <= CORRECTION_MS
        });
        if !now.trusted {
            self.since = None;
        } else if self.since.is_none() || !keeps_pace {
            self.since = Some(now);
        }
        self.last = Some(now);
    }

    fn for_ms(&self) -> u64 {
        match (self.since, self.last) {
            (Some(since), Some(last)) => last.moment.since_ms(since.moment),
            _ => 0,
        }
    }
}

/// The thread's side.
struct Hand {
    shared: Arc<Shared>,
    index: IndexClient,
    inbox: Inbox,
}

fn work(mut retention: Retention, mut hand: Hand, orders: &Receiver<Order>) {
    while let Ok(order) = orders.recv() {
        hand.shared.busy.store(true, Ordering::Relaxed);
        match order {
            Order::Look(round) => {
                let looked = retention.round(&round, &mut hand);
                hand.tell(looked.map(|taken| taken.total()));
            }
            Order::Erase(request, reply) => {
                let answer = match retention.erase_plate(&request, &mut hand) {
                    Ok(found) => Answer::Ok(json!(found)),
                    Err(stopped) => Answer::Error(causes::told(&stopped)),
                };
                // Whoever asked may have gone.
                let _ = reply.send(answer);
            }
        }
        hand.shared.busy.store(false, Ordering::Relaxed);
    }
}

impl Hand {
    fn tell(&self, looked: Result<u64, Stopped>) {
        let (raised, text) = match looked {
            Ok(0) => (false, "nothing is too old".to_owned()),
            Ok(taken) => {
                tracing::info!(taken, "payloads that were too old are erased");
                (false, "what was too old is erased".to_owned())
            }
            Err(Stopped::Told) => return,
            Err(stopped) => (true, causes::told(&stopped)),
        };
        self.inbox.offer(Message::Alarm(Alarm {
            kind: AlarmKind::RetentionStopped,
            subject: "ledger".to_owned(),
            raised,
            text,
        }));
    }

    /// Has the loop do something, and waits for its word. None: it gives none.
    fn ask<T>(&self, ask: impl FnOnce(oneshot::Sender<T>) -> Ask) -> Option<T> {
        let (word, mut told) = oneshot::channel();
        if !self.inbox.offer(Message::Steward(ask(word))) {
            return None;
        }
        let mut waited = Duration::ZERO;
        while waited < LOOP_WITHIN && !self.shared.stop.load(Ordering::Relaxed) {
            match told.try_recv() {
                Ok(word) => return Some(word),
                Err(oneshot::error::TryRecvError::Closed) => return None,
                Err(oneshot::error::TryRecvError::Empty) => std::thread::sleep(QUIET_LOOK),
            }
            waited += QUIET_LOOK;
        }
        None
    }
}

impl Desk for Hand {
    fn record(&mut self, erasure: &Erasure) -> bool {
        let erasure = Box::new(erasure.clone());
        let answer = self.ask(|word| Ask::Record(erasure, word));
        matches!(answer, Some(Answer::Ok(_)))
    }

    fn rotate(&mut self) -> bool {
        self.ask(Ask::Rotate).unwrap_or(false)
    }

    fn breathe(&mut self) -> bool {
        let shared = &self.shared;
        loop {
            if shared.stop.load(Ordering::Relaxed) || shared.store_fails.load(Ordering::Relaxed) {
                return false;
            }
            let worked_at = Moment(shared.worked_at.load(Ordering::Relaxed));
            let at_work = shared.at_work.load(Ordering::Relaxed);
            if !at_work && shared.clock.now().moment.since_ms(worked_at) >= QUIET_MS {
                return true;
            }
            std::thread::sleep(QUIET_LOOK);
        }
    }

    fn taken(&mut self, first_seq: u64, last_seq: u64) {
        self.index.sweep(first_seq, last_seq);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lane::time::{BootId, Wall};

    fn at(minutes: i64, off_ms: i64, trusted: bool) -> Now {
        Now {
            moment: Moment(u64::try_from(minutes * 60_000).unwrap()),
            wall: Wall(1_772_410_000_000 + minutes * 60_000 + off_ms),
            trusted,
            boot: BootId(1),
        }
    }

    #[test]
    fn a_clock_is_even_while_it_is_believed_and_keeps_pace() {
        let mut even = Even::default();
        let mut look = |now| {
            even.look(now);
            even.for_ms() / 60_000
        };
        assert_eq!(look(at(0, 0, false)), 0);
        assert_eq!(look(at(10, 0, true)), 0);
        assert_eq!(look(at(40, 800, true)), 30);
        assert_eq!(look(at(50, 86_400_000, true)), 0, "it was set ahead");
        assert_eq!(look(at(110, 86_400_000, true)), 60);
        assert_eq!(
            look(at(111, 86_400_000, false)),
            0,
            "it is not believed any more"
        );
        assert_eq!(look(at(112, 86_400_000, true)), 0);
    }
}
