//! The thread that owns the tree: opens, compares, writes, answers, syncs, and starts over.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::time::Duration;

use tokio::sync::oneshot;

use crate::causes;
use crate::clock::Clock;
use crate::lane::time::Moment;

use super::fault::Fault;
use super::folder;
use super::inspection::{follow_erasure, settle};
use super::row::{Batch, Prefix, Row};
use super::table::Table;
use super::tree::{Tree, TreeError, panic_text};
use super::{IndexError, IndexReport, Truth};

/// Panics of sled before the thread gives up: each may leave a cache behind in memory.
const PANICS_MAX: u32 = 8;

/// The thread's measures of time and size.
#[derive(Clone, Debug)]
pub(super) struct Pace {
    /// Messages that may wait.
    pub queue: usize,
    /// From the first unsynced write to the sync that covers it.
    pub sync_after: Duration,
    /// From a failure to the first new attempt; doubles up to `retry_max`.
    pub retry_first: Duration,
    pub retry_max: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            queue: 1024,
            sync_after: Duration::from_secs(3),
            retry_first: Duration::from_secs(1),
            retry_max: Duration::from_secs(300),
        }
    }
}

/// What reaches the thread.
pub(super) enum Message {
    Apply(Batch),
    Get {
        prefix: Prefix,
        key: Vec<u8>,
        reply: oneshot::Sender<Result<Option<Vec<u8>>, IndexError>>,
    },
    Scan {
        prefix: Prefix,
        from: Vec<u8>,
        limit: usize,
        reply: oneshot::Sender<Result<Vec<Row>, IndexError>>,
    },
    /// Compare the history of these records with the truth.
    Sweep {
        first_seq: u64,
        last_seq: u64,
    },
    /// Look whether the index fell behind or is to be closed.
    Wake,
}

/// What both sides of the queue see.
pub(super) struct Shared {
    clock: Clock,
    /// Batches dropped since the thread last compared itself with the truth.
    dropped: AtomicU64,
    closing: AtomicBool,
    syncs: AtomicU64,
    /// The moment at which the present work began; 0 while there is none.
    busy_since: AtomicU64,
}

impl Shared {
    pub fn new(clock: Clock) -> Self {
        Self {
            clock,
            dropped: AtomicU64::new(0),
            closing: AtomicBool::new(false),
            syncs: AtomicU64::new(0),
            busy_since: AtomicU64::new(0),
        }
    }

    pub fn is_behind(&self) -> bool {
        self.dropped.load(Ordering::Acquire) > 0
    }

    pub fn count_dropped(&self) {
        self.dropped.fetch_add(1, Ordering::AcqRel);
    }

    pub fn close(&self) {
        self.closing.store(true, Ordering::Release);
    }

    pub fn syncs(&self) -> u64 {
        self.syncs.load(Ordering::Relaxed)
    }

    pub fn busy_ms(&self) -> u64 {
        match self.busy_since.load(Ordering::Relaxed) {
            0 => 0,
            since => self.now().since_ms(Moment(since)),
        }
    }

    fn now(&self) -> Moment {
        self.clock.now().moment
    }

    fn start_work(&self) {
        self.busy_since
            .store(self.now().0.max(1), Ordering::Relaxed);
    }

    fn end_work(&self) {
        self.busy_since.store(0, Ordering::Relaxed);
    }
}

/// The thread's own state.
pub(super) struct Keeper<T, R> {
    pace: Pace,
    dir: PathBuf,
    truth: T,
    messages: Receiver<Message>,
    shared: Arc<Shared>,
    on_report: R,
    state: State,
    /// The wait before the next attempt, if the present one fails.
    backoff: Duration,
    panics: u32,
}

enum State {
    Serving {
        table: Table,
        /// When the oldest unsynced write happened.
        unsynced_since: Option<Moment>,
    },
    Away {
        /// Why, as it was reported.
        reason: String,
        /// Why the folder is set aside before the next attempt, where it is to blame.
        damage: Option<String>,
        /// None: only a restart helps.
        retry_at: Option<Moment>,
    },
}

enum Next {
    Message(Message),
    /// A sync or a new attempt is due.
    Due,
    End,
}

impl<T: Truth, R: Fn(IndexReport)> Keeper<T, R> {
    pub fn new(
        pace: Pace,
        dir: PathBuf,
        truth: T,
        messages: Receiver<Message>,
        shared: Arc<Shared>,
        on_report: R,
    ) -> Self {
        let backoff = pace.retry_first;
        Self {
            pace,
            dir,
            truth,
            messages,
            shared,
            on_report,
            state: State::Away {
                reason: "it is being opened".to_owned(),
                damage: None,
                retry_at: None,
            },
            backoff,
            panics: 0,
        }
    }

    /// Works until the index is closed or nobody is left to send.
    pub fn run(mut self) {
        self.shared.start_work();
        self.open(None);
        loop {
            self.shared.end_work();
            let next = self.next();
            self.shared.start_work();
            match next {
                Next::Message(message) => {
                    self.catch_up();
                    self.handle(message);
                    if self.wait() == Some(Duration::ZERO) {
                        self.act();
                    }
                }
                Next::Due => self.act(),
                Next::End => break,
            }
        }
        self.finish();
    }

    fn next(&self) -> Next {
        let closing = self.shared.closing.load(Ordering::Acquire);
        match self.messages.try_recv() {
            Ok(message) => return Next::Message(message),
            Err(TryRecvError::Disconnected) => return Next::End,
            Err(TryRecvError::Empty) if closing => return Next::End,
            Err(TryRecvError::Empty) => {}
        }
        let received = match self.wait() {
            Some(wait) => self.messages.recv_timeout(wait),
            None => self.messages.recv().map_err(RecvTimeoutError::from),
        };
        match received {
            Ok(message) => Next::Message(message),
            Err(RecvTimeoutError::Timeout) => Next::Due,
            Err(RecvTimeoutError::Disconnected) => Next::End,
        }
    }

    /// Until something is due by itself; None while nothing is.
    fn wait(&self) -> Option<Duration> {
        let now = self.shared.now();
        match &self.state {
            State::Serving { unsynced_since, .. } => unsynced_since.map(|since| {
                let waited = Duration::from_millis(now.since_ms(since));
                self.pace.sync_after.saturating_sub(waited)
            }),
            State::Away { retry_at, .. } => {
                retry_at.map(|at| Duration::from_millis(at.since_ms(now)))
            }
        }
    }

    /// Does what is due.
    fn act(&mut self) {
        match &mut self.state {
            State::Serving { .. } => self.sync(),
            State::Away { damage, .. } => {
                let damage = damage.take();
                self.open(damage);
            }
        }
    }

    /// Compares with the truth, if batches were dropped since that was last done. What is in the
    /// queue then is either older than the truth, and skipped, or follows it.
    fn catch_up(&mut self) {
        if !self.shared.is_behind() || matches!(self.state, State::Away { .. }) {
            return;
        }
        let dropped = self.shared.dropped.load(Ordering::Acquire);
        (self.on_report)(IndexReport::Behind { dropped });
        let Some(table) = self.take_table() else {
            return;
        };
        if let Err(fault) = self.serve(|_| Ok(table.into_tree())) {
            self.fail(&fault);
        }
    }

    fn handle(&mut self, message: Message) {
        match message {
            Message::Apply(batch) => self.write(batch),
            Message::Get { prefix, key, reply } => {
                self.answer(reply, |table| table.get(prefix, &key));
            }
            Message::Scan {
                prefix,
                from,
                limit,
                reply,
            } => self.answer(reply, |table| table.scan(prefix, &from, limit)),
            Message::Sweep {
                first_seq,
                last_seq,
            } => self.sweep(first_seq, last_seq),
            Message::Wake => {}
        }
    }

    fn sweep(&mut self, first_seq: u64, last_seq: u64) {
        let State::Serving {
            table,
            unsynced_since,
        } = &mut self.state
        else {
            return;
        };
        let truth = &mut self.truth;
        let swept = catch_unwind(AssertUnwindSafe(|| {
            follow_erasure(table, truth, first_seq..=last_seq)
        }))
        .unwrap_or_else(|panic| Err(Fault::Panicked(panic_text(&*panic))));
        if table.is_unsynced() && unsynced_since.is_none() {
            *unsynced_since = Some(self.shared.now());
        }
        if let Err(fault) = swept {
            self.fail(&fault);
        }
    }

    /// Without a table changes go nowhere: the next comparison finds them in the truth.
    fn write(&mut self, batch: Batch) {
        let State::Serving {
            table,
            unsynced_since,
        } = &mut self.state
        else {
            return;
        };
        if batch.last_seq <= table.last_seq() {
            return;
        }
        let written = table.write(batch.last_seq, batch.changes);
        if table.is_unsynced() && unsynced_since.is_none() {
            *unsynced_since = Some(self.shared.now());
        }
        if let Err(fault) = written {
            self.fail(&fault);
        }
    }

    fn answer<A>(
        &mut self,
        reply: oneshot::Sender<Result<A, IndexError>>,
        question: impl FnOnce(&Table) -> Result<A, Fault>,
    ) {
        if reply.is_closed() {
            return;
        }
        let (answer, fault) = match &self.state {
            State::Away { reason, .. } => {
                let reason = reason.clone();
                (Err(IndexError::Unavailable { reason }), None)
            }
            State::Serving { table, .. } => match question(table) {
                Ok(answer) => (Ok(answer), None),
                Err(fault) => {
                    let reason = causes::told(&fault);
                    (Err(IndexError::Unavailable { reason }), Some(fault))
                }
            },
        };
        // Whoever asked may have stopped waiting.
        let _ = reply.send(answer);
        if let Some(fault) = fault {
            self.fail(&fault);
        }
    }

    fn sync(&mut self) {
        let State::Serving {
            table,
            unsynced_since,
        } = &mut self.state
        else {
            return;
        };
        *unsynced_since = None;
        match table.sync() {
            Ok(synced) => {
                if synced {
                    self.shared.syncs.fetch_add(1, Ordering::Relaxed);
                    self.backoff = self.pace.retry_first;
                }
            }
            Err(fault) => self.fail(&fault),
        }
    }

    /// Tries to serve, from a new folder if the present one is damaged or turns out to be.
    fn open(&mut self, damage: Option<String>) {
        let reason = match damage {
            Some(reason) => reason,
            None => match self.try_folder() {
                Ok(()) => return,
                Err(fault) if fault.is_damage() && self.dir.exists() => causes::told(&fault),
                Err(fault) => return self.go_away(&fault, None),
            },
        };
        match folder::set_aside(&self.dir) {
            Ok(to) => (self.on_report)(IndexReport::SetAside { to, reason }),
            Err(error) => return self.go_away(&Fault::SetAside(error), Some(reason)),
        }
        if let Err(fault) = self.try_folder() {
            self.go_away(&fault, None);
        }
    }

    /// Serves from the folder as it stands. One that was not there before does not outlive a failure.
    fn try_folder(&mut self) -> Result<(), Fault> {
        let is_new = !self.dir.exists();
        let served = self.serve(Tree::open);
        if served.is_err() && is_new {
            // If it stays, the next attempt judges it like any other folder.
            let _ = folder::remove(&self.dir);
        }
        served
    }

    /// Compares a tree with the truth, repairs it and serves from it.
    fn serve(&mut self, tree: impl FnOnce(&Path) -> Result<Tree, TreeError>) -> Result<(), Fault> {
        // From here on batches are queued again; the snapshot that follows has all before them.
        self.shared.dropped.store(0, Ordering::Release);
        let (dir, truth, shared) = (&self.dir, &mut self.truth, &self.shared);
        let is_wanted = || !shared.closing.load(Ordering::Acquire);
        let on_report = &self.on_report;
        let filling = |done, of| on_report(IndexReport::Filling { done, of });
        let settled = catch_unwind(AssertUnwindSafe(|| {
            settle(tree(dir)?, truth, &filling, &is_wanted)
        }))
        .unwrap_or_else(|panic| Err(Fault::Panicked(panic_text(&*panic))));
        let (table, repaired) = settled?;
        let rows = table.rows();
        let unsynced_since = table.is_unsynced().then(|| self.shared.now());
        self.state = State::Serving {
            table,
            unsynced_since,
        };
        (self.on_report)(IndexReport::Ready { rows, repaired });
        Ok(())
    }

    /// Drops the table after a fault; the next attempt comes later.
    fn fail(&mut self, fault: &Fault) {
        drop(self.take_table());
        self.go_away(fault, fault.is_damage().then(|| causes::told(&fault)));
    }

    /// Waits for the next attempt, which comes later after each failure.
    fn go_away(&mut self, fault: &Fault, damage: Option<String>) {
        let told = causes::told(&fault);
        if matches!(fault, Fault::Tree(TreeError::Panicked(_))) {
            self.panics += 1;
        }
        let gives_up = self.panics >= PANICS_MAX;
        let reason = if gives_up {
            format!("{told}; sled panicked too often, restart parkgate")
        } else {
            told
        };
        let is_news = !matches!(&self.state, State::Away { reason: old, .. } if *old == reason);
        let wait_ms = u64::try_from(self.backoff.as_millis()).unwrap_or(u64::MAX);
        self.backoff = (self.backoff * 2).min(self.pace.retry_max);
        self.state = State::Away {
            reason: reason.clone(),
            damage,
            retry_at: (!gives_up).then(|| self.shared.now().after_ms(wait_ms)),
        };
        if is_news {
            (self.on_report)(IndexReport::Unavailable { reason });
        }
    }

    fn take_table(&mut self) -> Option<Table> {
        let away = State::Away {
            reason: String::new(),
            damage: None,
            retry_at: None,
        };
        match std::mem::replace(&mut self.state, away) {
            State::Serving { table, .. } => Some(table),
            State::Away { .. } => None,
        }
    }

    fn finish(mut self) {
        self.sync();
        if let Some(table) = self.take_table() {
            table.into_tree().close();
        }
    }
}
