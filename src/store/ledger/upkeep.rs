//! Work that no commit waits for: packing closed segments and keeping spare ones ready.
//! It runs when a segment has begun, and otherwise sleeps.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use crate::causes;
use crate::lane::number::LedgerId;

use super::disk::Disk;
use super::error::LedgerError;
use super::files::{self, Files, SEGMENT_BYTES_MAX};
use super::layout::Identity;
use super::pack;
use super::spare::Spare;

/// The upkeep of one open ledger.
pub(super) struct Upkeep {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// What there is to do it with.
pub(super) struct Tools {
    pub(super) disk: Disk,
    pub(super) dir: PathBuf,
    pub(super) ledger: LedgerId,
    pub(super) identity: Identity,
    /// How many spares are kept; none where files grow with each commit.
    pub(super) spares: usize,
}

/// What is wanted.
#[derive(Clone, Debug, Default)]
pub(super) struct Order {
    /// The newest segment: in use, or ending in doubt, which the next start must see again. The
    /// others are closed.
    pub(super) newest: u32,
    /// The lowest segment number that was never used.
    pub(super) next: u32,
    pub(super) spare_bytes: u64,
    /// Spare files that an earlier run of the daemon left.
    pub(super) left: Vec<PathBuf>,
}

struct Shared {
    tools: Tools,
    desk: Mutex<Desk>,
    changed: Condvar,
    stop: AtomicBool,
    next_spare: AtomicU32,
}

#[derive(Default)]
struct Desk {
    order: Option<Order>,
    busy: bool,
    spares: Vec<Spare>,
    failure: Option<String>,
}

impl Upkeep {
    /// Starts with nothing to do; without a thread of its own if `inline`.
    pub(super) fn start(tools: Tools, inline: bool) -> Result<Self, LedgerError> {
        let shared = Arc::new(Shared {
            tools,
            desk: Mutex::default(),
            changed: Condvar::new(),
            stop: AtomicBool::new(false),
            next_spare: AtomicU32::new(1),
        });
        let thread = if inline {
            None
        } else {
            let shared = Arc::clone(&shared);
            let builder = thread::Builder::new().name("ledger-upkeep".to_owned());
            let started = builder.spawn(move || shared.serve());
            Some(started.map_err(|source| LedgerError::Thread { source })?)
        };
        Ok(Self { shared, thread })
    }

    /// Asks for work. Returns at once if there is a thread.
    pub(super) fn ask(&self, order: Order) {
        if self.thread.is_none() {
            return self.shared.fulfil(&order);
        }
        self.shared.desk().order = Some(order);
        self.shared.changed.notify_all();
    }

    /// Takes a spare segment, if one of at least `bytes` bytes is ready.
    pub(super) fn take_spare(&self, bytes: u64) -> Option<Spare> {
        let spares = &mut self.shared.desk().spares;
        let fitting = spares.iter().position(|spare| spare.bytes >= bytes)?;
        Some(spares.remove(fitting))
    }

    /// Bytes of each spare segment that is ready.
    pub(super) fn spares(&self) -> Vec<u64> {
        let desk = self.shared.desk();
        desk.spares.iter().map(|spare| spare.bytes).collect()
    }

    /// How many spares there should be.
    pub(super) fn spares_wanted(&self) -> usize {
        self.shared.tools.spares
    }

    /// What went wrong in the last round.
    pub(super) fn failure(&self) -> Option<String> {
        self.shared.desk().failure.clone()
    }

    /// Flushes so far.
    pub(super) fn syncs(&self) -> u64 {
        self.shared.tools.disk.syncs()
    }

    /// Waits until everything that was asked for is done.
    pub(super) fn settle(&self) {
        let waiting = |desk: &mut Desk| desk.busy || desk.order.is_some();
        if self.thread.is_some() {
            drop(
                self.shared
                    .changed
                    .wait_while(self.shared.desk(), waiting)
                    .unwrap_or_else(PoisonError::into_inner),
            );
        }
    }
}

impl Drop for Upkeep {
    /// The folder's lock is released after this, so the thread must have ended.
    fn drop(&mut self) {
        let Some(thread) = self.thread.take() else {
            return;
        };
        {
            let _desk = self.shared.desk();
            self.shared.stop.store(true, Ordering::Relaxed);
        }
        self.shared.changed.notify_all();
        if thread.join().is_err() {
            tracing::error!("the thread that prepares ledger segments had panicked");
        }
    }
}

impl Shared {
    fn serve(&self) {
        let mut desk = self.desk();
        while !self.stop.load(Ordering::Relaxed) {
            let Some(order) = desk.order.take() else {
                desk = self
                    .changed
                    .wait(desk)
                    .unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            desk.busy = true;
            drop(desk);
            self.fulfil(&order);
            desk = self.desk();
            desk.busy = false;
            self.changed.notify_all();
        }
    }

    /// Does everything that can be done; what fails is tried again in the next round.
    fn fulfil(&self, order: &Order) {
        let mut failures: Vec<String> = Vec::new();
        let mut note = |result: Result<(), LedgerError>| {
            if let Err(error) = result {
                tracing::warn!(error = %causes::told(&error), "ledger upkeep failed; it is tried again later");
                failures.push(causes::told(&error));
            }
        };
        for path in &order.left {
            note(self.adopt(path, order));
        }
        match Files::list(&self.tools.dir) {
            Ok(files) => {
                for number in files.live.range(..order.newest) {
                    if !self.stop.load(Ordering::Relaxed) {
                        note(self.close(*number, order));
                    }
                }
            }
            Err(error) => note(Err(error)),
        }
        note(self.prepare(order));
        self.desk().failure = failures.into_iter().next();
    }

    /// Packs a closed segment, then recycles or removes its file.
    fn close(&self, number: u32, order: &Order) -> Result<(), LedgerError> {
        let tools = &self.tools;
        pack::pack(
            &tools.disk,
            &tools.dir,
            number,
            tools.ledger,
            &tools.identity,
        )?;
        let live = files::live(&tools.dir, number);
        if !self.wants(bytes_of(&live), order) {
            tools.disk.remove(&live)?;
            return tools.disk.sync_folder(&tools.dir);
        }
        let spare = self.free_name();
        tools.disk.rename_path(&live, &spare)?;
        tools.disk.sync_folder(&tools.dir)?;
        self.adopt(&spare, order)
    }

    /// Makes a file that nobody uses the spare, or removes it.
    fn adopt(&self, path: &PathBuf, order: &Order) -> Result<(), LedgerError> {
        let tools = &self.tools;
        if !self.wants(bytes_of(path), order) {
            return tools.disk.remove(path);
        }
        let file = tools.disk.open(path)?;
        match Spare::recycle(&tools.disk, file, tools.ledger, order.next, &self.stop) {
            Ok(spare) => self.offer(spare, order),
            Err(error) => {
                tools.disk.remove(path)?;
                Err(error)
            }
        }
    }

    /// Makes spares until there are as many as wanted, each large enough.
    fn prepare(&self, order: &Order) -> Result<(), LedgerError> {
        let tools = &self.tools;
        while self.wants(order.spare_bytes, order) && !self.stop.load(Ordering::Relaxed) {
            let spare = Spare::new(&tools.disk, self.free_name(), order.spare_bytes, &self.stop)?;
            self.offer(spare, order)?;
        }
        Ok(())
    }

    /// Puts a spare on the desk, in place of one that is too small.
    fn offer(&self, spare: Option<Spare>, order: &Order) -> Result<(), LedgerError> {
        let Some(spare) = spare else {
            return Ok(());
        };
        let smaller = {
            let spares = &mut self.desk().spares;
            let smaller = spares
                .iter()
                .position(|spare| spare.bytes < order.spare_bytes);
            let smaller = smaller.map(|at| spares.remove(at));
            spares.push(spare);
            smaller
        };
        smaller.map_or(Ok(()), |smaller| self.tools.disk.remove(&smaller.file.path))
    }

    /// Whether a file of `bytes` bytes would do as a spare that is lacking.
    fn wants(&self, bytes: u64, order: &Order) -> bool {
        let desk = self.desk();
        let large = desk
            .spares
            .iter()
            .filter(|spare| spare.bytes >= order.spare_bytes);
        large.count() < self.tools.spares
            && (order.spare_bytes..=SEGMENT_BYTES_MAX).contains(&bytes)
    }

    fn free_name(&self) -> PathBuf {
        loop {
            let number = self.next_spare.fetch_add(1, Ordering::Relaxed);
            let path = files::spare(&self.tools.dir, number);
            if !path.exists() {
                return path;
            }
        }
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The length of a file; 0 if it is gone.
fn bytes_of(path: &PathBuf) -> u64 {
    fs::metadata(path).map_or(0, |metadata| metadata.len())
}
