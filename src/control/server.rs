//! The daemon's end of the socket.

use std::io;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinHandle;

use super::{Answer, Question};
use crate::gate::inbox::{Inbox, Message};
use crate::story::archive::Archive;

/// Longest question, bytes.
const LINE_MAX: u64 = 64 * 1024;
/// How long reading the ledger's past may take, waiting for one's turn included.
const PAST_WITHIN: Duration = Duration::from_secs(120);
/// So many read the ledger at once: its segments are read whole, and the box is small.
const READERS: usize = 1;
/// How long the loop may take to answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// A peer that asks nothing for this long is hung up on.
const IDLE_AT_MOST: Duration = Duration::from_secs(300);

/// After a failure to let somebody in, as it comes of too many open files.
const PAUSE: Duration = Duration::from_secs(1);
/// How long whoever listens at the path already may take to show.
const KNOCK_FOR: Duration = Duration::from_secs(1);

/// A listening socket; removed when dropped.
pub struct Server {
    path: PathBuf,
    task: JoinHandle<()>,
}

impl Server {
    /// Listens at `path`, for owner and group only. A socket left by a daemon that died is replaced.
    ///
    /// # Errors
    /// When the folder is not writable, another daemon listens there, or something else than a
    /// socket is in the way.
    pub async fn start(path: &Path, inbox: Inbox, archive: Archive) -> io::Result<Self> {
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        remove_left_over(path).await?;
        let listener = UnixListener::bind(path)?;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o660))?;
        let desk = Desk {
            inbox,
            archive,
            readers: Arc::new(Semaphore::new(READERS)),
        };
        let task = tokio::spawn(listen(listener, desk));
        Ok(Self {
            path: path.to_owned(),
            task,
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
        // The next start replaces what could not be removed.
        let _ = std::fs::remove_file(&self.path);
    }
}

async fn remove_left_over(path: &Path) -> io::Result<()> {
    let found = match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        found => found?,
    };
    if !found.file_type().is_socket() {
        let error = "a file that is no socket stands there; it is left alone";
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, error));
    }
    match tokio::time::timeout(KNOCK_FOR, UnixStream::connect(path)).await {
        Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => {
            std::fs::remove_file(path)
        }
        // Also one that is too busy to let anybody in.
        _ => {
            let error = "another parkgate listens there; give each its own [control] socket";
            Err(io::Error::new(io::ErrorKind::AddrInUse, error))
        }
    }
}

/// Where questions are answered: in the loop, or from the ledger beside it.
#[derive(Clone)]
struct Desk {
    inbox: Inbox,
    archive: Archive,
    readers: Arc<Semaphore>,
}

async fn listen(listener: UnixListener, desk: Desk) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                tokio::spawn(serve(stream, desk.clone()));
            }
            Err(error) => {
                tracing::warn!(%error, "nobody can be let in at the socket for now");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

async fn serve(stream: UnixStream, desk: Desk) {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read);
    loop {
        let mut line = Vec::new();
        let mut limited = (&mut lines).take(LINE_MAX);
        let reading = limited.read_until(b'\n', &mut line);
        match tokio::time::timeout(IDLE_AT_MOST, reading).await {
            Ok(Ok(length)) if length > 0 => {}
            _ => return,
        }
        let answer = match serde_json::from_slice::<Question>(&line) {
            Ok(question) if question.is_of_the_past() => desk.look_up(question).await,
            Ok(question) => ask(&desk.inbox, question).await,
            Err(error) => Answer::Error(format!("not a question: {error}")),
        };
        let Ok(mut text) = serde_json::to_vec(&answer) else {
            return;
        };
        text.push(b'\n');
        if write.write_all(&text).await.is_err() {
            return;
        }
    }
}

impl Desk {
    /// Reads the ledger, on a thread where that may take its time; the loop never does.
    async fn look_up(&self, question: Question) -> Answer {
        let of_one = matches!(question, Question::Session { .. } | Question::Charge { .. });
        let archive = self.archive.clone();
        let reading = async {
            let turn = Arc::clone(&self.readers).acquire_owned().await;
            let read = tokio::task::spawn_blocking(move || {
                let answer = archive.answer(&question);
                drop(turn);
                answer
            });
            let failed = |_| Answer::Error("the ledger could not be read".to_owned());
            read.await.unwrap_or_else(failed)
        };
        let answer = match tokio::time::timeout(PAST_WITHIN, reading).await {
            Ok(answer) => answer,
            Err(_) => Answer::Error(format!(
                "reading the ledger took longer than {} s; ask for a shorter time with --since",
                PAST_WITHIN.as_secs()
            )),
        };
        match answer {
            Answer::Ok(story) if of_one => Answer::Ok(self.with_due_time(story).await),
            answer => answer,
        }
    }

    /// When the charge of a story is next seen to, which only the loop knows.
    async fn with_due_time(&self, mut story: Value) -> Value {
        let Answer::Ok(due) = ask(&self.inbox, Question::Due).await else {
            return story;
        };
        let trade_no = story.pointer("/charge/trade_no").and_then(Value::as_str);
        let due_in_ms = trade_no.and_then(|trade_no| due.get(trade_no)).cloned();
        if let Some(due_in_ms) = due_in_ms {
            story["charge"]["due_in_ms"] = due_in_ms;
        }
        story
    }
}

async fn ask(inbox: &Inbox, question: Question) -> Answer {
    let (reply, answer) = oneshot::channel();
    inbox.put_message(Message::Asked(question, reply)).await;
    match tokio::time::timeout(ANSWER_WITHIN, answer).await {
        Ok(Ok(answer)) => answer,
        _ => Answer::Error("the daemon did not answer within 10 s".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::inbox;

    fn archive() -> Archive {
        Archive::new(PathBuf::from("/nonexistent/ledger"))
    }

    #[tokio::test]
    async fn a_socket_is_taken_over_from_the_dead_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("parkgate.sock");
        drop(UnixListener::bind(&path).unwrap());
        assert!(path.exists(), "a daemon that died leaves it");
        let (inbox, _outlet) = inbox::open();
        let first = Server::start(&path, inbox.clone(), archive())
            .await
            .unwrap();
        let second = Server::start(&path, inbox.clone(), archive())
            .await
            .err()
            .unwrap();
        assert_eq!(second.kind(), io::ErrorKind::AddrInUse);
        UnixStream::connect(&path)
            .await
            .expect("the first listens on");
        drop(first);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn what_is_no_socket_is_not_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("parkgate.toml");
        std::fs::write(&path, "[site]").unwrap();
        let (inbox, _outlet) = inbox::open();
        assert!(Server::start(&path, inbox, archive()).await.is_err());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "[site]");
    }
}
