//! The task that owns a port.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::watch;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_serial::SerialStream;

use super::echo::Echo;
use super::rs485;
use super::statistics::{Statistics, count};
use super::{Dialect, Frame, FrameFault, PortEvent, Query, Settings};
use crate::camera::Report;
use crate::clock::Clock;
use crate::lane::time::Moment;
use crate::serial::OpenFault;

/// Waits between two attempts to open double from the first to the last. A car may be waiting, and
/// looking for a file costs nothing.
const FIRST_WAIT_MS: u64 = 100;
const LAST_WAIT_MS: u64 = 2_000;
/// A port that was open for so long was a good one.
const PROVEN_AFTER_MS: u64 = 5_000;
/// A frame that stands still for so long does not go on.
const STALLED: Duration = Duration::from_secs(1);
/// A port that takes nothing for this long is as good as gone.
const WRITE_WITHIN: Duration = Duration::from_secs(2);
/// Two questions are no closer than this: one must be answered before the next.
const APART_MS: u64 = 50;
/// Bad frames are told no more often.
const TOLD_EVERY_MS: u64 = 60_000;
const READ_BYTES: usize = 1024;

/// A port that is kept open until it is closed or dropped.
pub struct Port {
    path: std::path::PathBuf,
    statistics: Arc<Mutex<Statistics>>,
    stop: watch::Sender<bool>,
    task: Mutex<Option<JoinHandle<()>>>,
}

/// Opens a port and keeps it open; see [`PortEvent`] for what `sink` is told.
///
/// # Panics
/// Outside of a tokio runtime.
pub fn spawn(
    settings: Settings,
    dialect: Box<dyn Dialect>,
    clock: Clock,
    sink: impl Fn(PortEvent) + Send + Sync + 'static,
) -> Port {
    let statistics = Arc::new(Mutex::default());
    let sink = Arc::new(sink);
    let path = settings.port.path.clone();
    let (stop, stopped) = watch::channel(false);
    let questions = Questions::new(dialect.queries());
    let owner = Owner {
        settings,
        dialect,
        clock,
        sink: sink.clone(),
        statistics: Arc::clone(&statistics),
        stopped,
        echo: Echo::default(),
        questions,
        complaints: Complaints::default(),
    };
    let task = tokio::spawn(async move {
        // In a task of its own, so that a panic is told and not silent.
        if tokio::spawn(owner.run()).await.is_err() {
            let reason = "its task panicked; please report it with the log".to_owned();
            sink(PortEvent::Down { reason });
        }
    });
    Port {
        path,
        statistics,
        stop,
        task: Mutex::new(Some(task)),
    }
}

impl Port {
    /// The port's configured name.
    pub fn path(&self) -> &std::path::Path {
        &self.path
    }

    /// What it has seen so far.
    pub fn statistics(&self) -> Statistics {
        lock(&self.statistics).clone()
    }

    /// Closes it and waits for its end.
    pub async fn close(&self) {
        self.stop.send_replace(true);
        let task = lock(&self.task).take();
        if let Some(task) = task {
            // A panic was told when it happened.
            let _ = task.await;
        }
    }
}

struct Owner<S> {
    settings: Settings,
    dialect: Box<dyn Dialect>,
    clock: Clock,
    sink: Arc<S>,
    statistics: Arc<Mutex<Statistics>>,
    stopped: watch::Receiver<bool>,
    echo: Echo,
    questions: Questions,
    complaints: Complaints,
}

impl<S: Fn(PortEvent) + Send + Sync> Owner<S> {
    async fn run(mut self) {
        let (mut wait_ms, mut told, mut was_open) = (FIRST_WAIT_MS, None, false);
        loop {
            let reason = match open(&self.settings).await {
                Ok(mut port) => {
                    let since = self.now();
                    self.opened(&port, was_open);
                    (was_open, told) = (true, None);
                    let lost = self.serve(&mut port).await;
                    lock(&self.statistics).open = false;
                    close(port).await;
                    let Some(lost) = lost else { return };
                    if self.now().since_ms(since) >= PROVEN_AFTER_MS {
                        wait_ms = FIRST_WAIT_MS;
                    }
                    let path = self.settings.port.path.display();
                    format!("{path} was lost ({lost}); is the adapter plugged in?")
                }
                Err(fault) => fault.to_string(),
            };
            if told.as_ref() != Some(&reason) {
                tracing::warn!("{reason}");
                told = Some(reason.clone());
                (self.sink)(PortEvent::Down { reason });
            }
            tokio::select! {
                () = sleep(Duration::from_millis(wait_ms)) => {}
                () = stop(&mut self.stopped) => return,
            }
            wait_ms = wait_ms.saturating_mul(2).min(LAST_WAIT_MS);
        }
    }

    fn opened(&mut self, port: &SerialStream, again: bool) {
        let mut statistics = lock(&self.statistics);
        statistics.open = true;
        count(&mut statistics.reopens, usize::from(again));
        drop(statistics);
        let path = self.settings.port.path.display();
        tracing::info!(port = %path, baud = self.settings.port.baud, "serial port open");
        if self.settings.rs485
            && let Err(error) = rs485::enable(port)
            && !again
        {
            tracing::warn!(
                port = %path,
                error = &error as &dyn std::error::Error,
                "the kernel does not drive this port's direction; the adapter must do it by itself"
            );
        }
        self.dialect.forget();
        self.echo.give_up();
        (self.sink)(PortEvent::Up);
    }

    /// Serves the open port until it is lost; None: until the end was asked for.
    async fn serve(&mut self, port: &mut SerialStream) -> Option<io::Error> {
        let mut buffer = [0; READ_BYTES];
        let mut heard = Instant::now();
        loop {
            let is_midway = self.dialect.is_midway();
            let question = self.questions.next_at();
            let next = tokio::select! {
                () = stop(&mut self.stopped) => return None,
                read = port.read(&mut buffer) => Next::Read(read),
                () = sleep_until(heard + STALLED), if is_midway => Next::Stalled,
                // Nobody is interrupted: on two wires both would be lost.
                () = sleep_until(question.unwrap_or(heard)), if question.is_some() && !is_midway => {
                    Next::Ask
                }
            };
            match next {
                // Not "no bytes": the device behind the port is gone.
                Next::Read(Ok(0)) => return Some(io::ErrorKind::UnexpectedEof.into()),
                Next::Read(Ok(length)) => {
                    heard = Instant::now();
                    self.take(&buffer[..length]);
                }
                Next::Read(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
                Next::Read(Err(error)) => return Some(error),
                Next::Stalled => {
                    self.dialect.forget();
                    count(&mut lock(&self.statistics).resyncs, 1);
                }
                Next::Ask => {
                    if let Err(error) = self.ask(port).await {
                        return Some(error);
                    }
                }
            }
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        let received = self.clock.now();
        let (others, echoed) = self.echo.strip(bytes, received.moment);
        let mut statistics = lock(&self.statistics);
        count(&mut statistics.received_bytes, bytes.len());
        count(&mut statistics.echo_bytes, echoed);
        drop(statistics);
        for frame in self.dialect.take(&others, received) {
            self.count(&frame);
            match frame {
                Frame::Good(event) => (self.sink)(PortEvent::Camera(event)),
                Frame::Bad(fault) => self.complain(fault, received.moment),
                Frame::Skipped => {}
            }
        }
    }

    fn count(&self, frame: &Frame) {
        let mut statistics = lock(&self.statistics);
        match frame {
            Frame::Good(event) => {
                count(&mut statistics.frames, 1);
                let unreadable =
                    matches!(&event.report, Report::Read(read) if read.plate.is_none());
                count(&mut statistics.unreadable, usize::from(unreadable));
            }
            Frame::Bad(FrameFault::Checksum) => count(&mut statistics.bad_checksums, 1),
            Frame::Bad(_) => count(&mut statistics.bad_frames, 1),
            Frame::Skipped => count(&mut statistics.resyncs, 1),
        }
    }

    fn complain(&mut self, fault: FrameFault, now: Moment) {
        if let Some(frames) = self.complaints.note(now) {
            let port = self.settings.port.path.display();
            tracing::warn!(%port, frames, "not believed: {fault}");
        }
    }

    async fn ask(&mut self, port: &mut SerialStream) -> io::Result<()> {
        let Some(bytes) = self.questions.next() else {
            return Ok(());
        };
        // Before the bytes go: the echo may be there when the write returns.
        let on_line_ms = line_ms(bytes.len(), self.settings.port.baud);
        self.echo
            .sent(&bytes, self.clock.now().moment.after_ms(on_line_ms));
        timeout(WRITE_WITHIN, port.write_all(&bytes))
            .await
            .map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "it takes no bytes"))??;
        count(&mut lock(&self.statistics).sent_bytes, bytes.len());
        Ok(())
    }

    fn now(&self) -> Moment {
        self.clock.now().moment
    }
}

/// On a thread where it may take its time, as [`close`]: the driver of a sick adapter holds either up for
/// seconds, and lanes are served on this one.
async fn open(settings: &Settings) -> Result<SerialStream, OpenFault> {
    let port = settings.port.clone();
    let opened = spawn_blocking(move || port.open()).await;
    opened.unwrap_or_else(|error| {
        Err(OpenFault::Other {
            path: settings.port.path.clone(),
            detail: error.to_string(),
        })
    })
}

async fn close(port: SerialStream) {
    // A panic was reported when it happened.
    let _ = spawn_blocking(move || drop(port)).await;
}

enum Next {
    Read(io::Result<usize>),
    Stalled,
    Ask,
}

/// Which question is put when: each in its own rhythm, never two at once.
struct Questions {
    queries: Vec<(Query, Instant)>,
    last: Option<Instant>,
}

impl Questions {
    fn new(queries: Vec<Query>) -> Self {
        let now = Instant::now();
        Self {
            queries: queries.into_iter().map(|query| (query, now)).collect(),
            last: None,
        }
    }

    fn next_at(&self) -> Option<Instant> {
        let due = self.queries.iter().map(|(_, at)| *at).min()?;
        let apart = Duration::from_millis(APART_MS);
        Some(self.last.map_or(due, |last| due.max(last + apart)))
    }

    /// The bytes of the question that is due longest.
    fn next(&mut self) -> Option<Vec<u8>> {
        let (query, at) = self.queries.iter_mut().min_by_key(|(_, at)| *at)?;
        let now = Instant::now();
        *at = now + Duration::from_millis(query.every_ms);
        self.last = Some(now);
        Some(query.bytes.clone())
    }
}

/// Bad frames that were not told yet.
#[derive(Default)]
struct Complaints {
    told_at: Option<Moment>,
    untold: u64,
}

impl Complaints {
    /// One more; how many are to be told now, if it is time.
    fn note(&mut self, now: Moment) -> Option<u64> {
        self.untold = self.untold.saturating_add(1);
        let is_time = self
            .told_at
            .is_none_or(|told_at| now.since_ms(told_at) >= TOLD_EVERY_MS);
        is_time.then(|| {
            self.told_at = Some(now);
            std::mem::take(&mut self.untold)
        })
    }
}

/// How long so many bytes are on the line, at up to 12 bits each.
fn line_ms(bytes: usize, baud: u32) -> u64 {
    let bits = u64::try_from(bytes).unwrap_or(u64::MAX).saturating_mul(12);
    bits.saturating_mul(1000) / u64::from(baud).max(1)
}

/// Waits until the port is closed or dropped.
async fn stop(stopped: &mut watch::Receiver<bool>) {
    let _ = stopped.wait_for(|stop| *stop).await;
}

/// Every lock here guards plain data that is whole at any moment.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
