//! The index: rows in sled that answer client (docs/durability.md).
//!
//! The ledger is the truth. The index is written behind it, on a thread of its own, and is never
//! read on a car's path; it may lag after a crash, be damaged, or be missing. At every start it is
//! compared with the truth and repaired, or set aside and made again, while the lanes already run.

mod digest;
mod fault;
mod folder;
mod frame;
mod inspection;
mod keeper;
mod meta;
mod report;
mod row;
mod seal;
mod table;
mod tree;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use thiserror::Error;
use tokio::sync::oneshot;

use crate::clock::Clock;
use crate::lane::number::LedgerId;

use keeper::{Keeper, Message, Pace, Shared};
pub use report::IndexReport;
pub use row::{Batch, Change, Origin, Prefix, Row};

/// How long a question may wait for its answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(3);
/// How long closing may take; the ledger repairs what it then lacks.
const CLOSE_WITHIN: Duration = Duration::from_secs(10);
/// The most rows one scan returns.
pub const SCAN_LIMIT: usize = 10_000;

/// Where the index learns what it should hold. Asked on the index's thread, at every start and
/// whenever it lost track, so it may read the disk.
pub trait Truth: Send + 'static {
    /// Where the ledger stands: after at least every batch that was handed to [`Index::apply`] before this
    /// call. Gives up when `is_wanted` says no.
    fn level(&mut self, is_wanted: &dyn Fn() -> bool) -> Result<Level, TruthError>;

    /// Some of the rows that follow from the park's state as it is now, at [`Truth::level`] or later: the
    /// first ones, or those behind [`Page::next`]. A page at a time, so that nobody holds all of them.
    fn derived(
        &mut self,
        behind: Option<(Prefix, &[u8])>,
        is_wanted: &dyn Fn() -> bool,
    ) -> Result<Page, TruthError>;

    /// The batches of every commit after sequence number `after` (0: of all that the ledger still
    /// holds), in order. Changes to other than history rows are skipped and may be left out, as may
    /// batches without changes.
    fn history(&mut self, after: u64) -> Result<HistoryRows<'_>, TruthError>;
}

/// What [`Truth::history`] returns.
pub type HistoryRows<'a> = Box<dyn Iterator<Item = Result<Batch, TruthError>> + 'a>;

/// Why the truth could not be told.
pub type TruthError = Box<dyn std::error::Error + Send + Sync>;

/// One point of a ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level {
    /// Rows of another ledger are never mixed in.
    pub ledger: LedgerId,
    /// The last commit.
    pub last_seq: u64,
}

/// Derived rows, as they stand at one point of the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The last commit that they follow from.
    pub last_seq: u64,
    /// Rows whose prefix is [`Origin::Derived`], in the order of prefix and key.
    pub rows: Vec<Row>,
    /// The place up to which these are all; None: there are no more.
    pub next: Option<(Prefix, Vec<u8>)>,
}

/// Why a question has no answer.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum IndexError {
    #[error("the index is out of service ({reason}); ask again later")]
    Unavailable { reason: String },
    #[error("too many client and commits wait for the index; ask again later")]
    Busy,
    #[error("the index did not answer within {} s; ask again later", ANSWER_WITHIN.as_secs())]
    Late,
    #[error("the index is closed")]
    Closed,
    #[error("the index did not close within {} s; it is repaired at the next start", CLOSE_WITHIN.as_secs())]
    CloseTimeout,
}

/// The index of one box. Lives from start to stop; [`close`](Self::close) ends it.
pub struct Index {
    client: IndexClient,
    done: Receiver<()>,
    thread: Option<JoinHandle<()>>,
}

/// Asks the index and keeps rows in its cache; cloned for each task that does.
#[derive(Clone)]
pub struct IndexClient {
    queue: SyncSender<Message>,
    shared: Arc<Shared>,
}

impl Index {
    /// Starts the index in the folder `dir`, whose parent must exist. Returns at once: the folder is
    /// opened and compared on the index's thread, which tells the outcome by `on_report`.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn spawn(
        dir: PathBuf,
        clock: Clock,
        truth: impl Truth,
        on_report: impl Fn(IndexReport) + Send + 'static,
    ) -> io::Result<Self> {
        Self::spawn_at(Pace::default(), dir, clock, truth, on_report)
    }

    fn spawn_at(
        pace: Pace,
        dir: PathBuf,
        clock: Clock,
        truth: impl Truth,
        on_report: impl Fn(IndexReport) + Send + 'static,
    ) -> io::Result<Self> {
        let shared = Arc::new(Shared::new(clock));
        let (queue, messages) = sync_channel(pace.queue);
        let (finished, done) = sync_channel(1);
        let keeper_shared = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("index".to_owned())
            .spawn(move || {
                Keeper::new(pace, dir, truth, messages, keeper_shared, on_report).run();
                // Nobody may be waiting any more.
                let _ = finished.send(());
            })?;
        Ok(Self {
            client: IndexClient { queue, shared },
            done,
            thread: Some(thread),
        })
    }

    /// Takes in what a commit changed. Never waits: when the queue is full the batch is dropped, and
    /// the index catches up from the truth. To be called after the commit, in the ledger's order.
    pub fn apply(&self, batch: Batch) {
        let IndexClient { queue, shared } = &self.client;
        if shared.is_behind() {
            shared.count_dropped();
        } else if let Err(TrySendError::Full(_)) = queue.try_send(Message::Apply(batch)) {
            shared.count_dropped();
            // The thread may have emptied the queue before it could see the count.
            let _ = queue.try_send(Message::Wake);
        }
    }

    /// A handle for the tasks that ask.
    pub fn client(&self) -> IndexClient {
        self.client.clone()
    }

    /// How often something was put on disk since the start. Does not rise while nothing changes.
    pub fn syncs(&self) -> u64 {
        self.client.shared.syncs()
    }

    /// For how many milliseconds the thread has been at one piece of work; 0 while it waits for the
    /// next. Much more than a rebuild takes means that sled hangs, which only a restart mends; the
    /// lanes do not notice.
    pub fn busy_ms(&self) -> u64 {
        self.client.shared.busy_ms()
    }

    /// Works off what is queued, puts it on disk and lets go of the folder. Blocks for up to 10 s.
    ///
    /// # Errors
    /// [`IndexError::CloseTimeout`].
    pub fn close(mut self) -> Result<(), IndexError> {
        self.ask_to_close();
        match self.done.recv_timeout(CLOSE_WITHIN) {
            Err(RecvTimeoutError::Timeout) => return Err(IndexError::CloseTimeout),
            Ok(()) | Err(RecvTimeoutError::Disconnected) => {}
        }
        if let Some(thread) = self.thread.take() {
            // The thread is past its last line, and a panic there has been told by the hook.
            let _ = thread.join();
        }
        Ok(())
    }

    fn ask_to_close(&self) {
        self.client.shared.close();
        // A thread with a full queue finds the word by itself once it has worked that off.
        let _ = self.client.queue.try_send(Message::Wake);
    }
}

/// Closes without waiting.
impl Drop for Index {
    fn drop(&mut self) {
        self.ask_to_close();
    }
}

impl IndexClient {
    /// The value of a row, or None if there is no such row.
    ///
    /// # Errors
    /// [`IndexError`], never a wrong value.
    pub async fn get(&self, prefix: Prefix, key: Vec<u8>) -> Result<Option<Vec<u8>>, IndexError> {
        self.ask(|reply| Message::Get { prefix, key, reply }).await
    }

    /// Up to `limit` rows of a prefix (at most [`SCAN_LIMIT`]) from the key `from` on, in the order
    /// of their keys.
    ///
    /// # Errors
    /// [`IndexError`], never a wrong row.
    pub async fn scan(
        &self,
        prefix: Prefix,
        from: Vec<u8>,
        limit: usize,
    ) -> Result<Vec<Row>, IndexError> {
        let limit = limit.min(SCAN_LIMIT);
        self.ask(|reply| Message::Scan {
            prefix,
            from,
            limit,
            reply,
        })
        .await
    }

    /// Takes out the history of these records that the truth does not tell any more. Never waits; what is
    /// forgotten under load is made up for at the next comparison.
    pub fn sweep(&self, first_seq: u64, last_seq: u64) {
        let _ = self.queue.try_send(Message::Sweep {
            first_seq,
            last_seq,
        });
    }

    async fn ask<T>(
        &self,
        message: impl FnOnce(oneshot::Sender<Result<T, IndexError>>) -> Message,
    ) -> Result<T, IndexError> {
        let (reply, answer) = oneshot::channel();
        match self.queue.try_send(message(reply)) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => return Err(IndexError::Busy),
            Err(TrySendError::Disconnected(_)) => return Err(IndexError::Closed),
        }
        match tokio::time::timeout(ANSWER_WITHIN, answer).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(IndexError::Closed),
            Err(_) => Err(IndexError::Late),
        }
    }
}

#[cfg(test)]
mod tests;
