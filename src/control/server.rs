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
use crate::json;
use crate::story::archive::Archive;
use crate::story::happening::Story;

/// Longest question, bytes: a whole list of plates.
const LINE_MAX: u64 = 2 * 1024 * 1024;
/// Of what is wrong with a question, characters: it may repeat what was asked.
const FAULT_MAX: usize = 200;
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
        // The rest of it could be taken for a question of its own, so it is the last one.
        let is_cut = u64::try_from(line.len()).is_ok_and(|length| length == LINE_MAX)
            && !line.ends_with(b"\n");
        let answer = match serde_json::from_slice::<Question>(&line) {
            _ if is_cut => Answer::Error(format!("a question has at most {LINE_MAX} bytes")),
            Ok(question @ Question::Pay { taken: true, .. }) => desk.pay(question).await,
            Ok(question @ (Question::Correct { .. } | Question::Refund { .. })) => {
                desk.correct(question).await
            }
            Ok(question) if question.is_of_the_past() => desk.look_up(question).await,
            Ok(question) => ask(&desk.inbox, question).await,
            Err(error) => Answer::Error(not_a_question(&error)),
        };
        let Ok(mut text) = serde_json::to_vec(&answer) else {
            return;
        };
        text.push(b'\n');
        if write.write_all(&text).await.is_err() || is_cut {
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

    /// What is to be corrected or refunded may have left the loop's memory long ago: the ledger tells it
    /// first.
    async fn correct(&self, mut wish: Question) -> Answer {
        if let Question::Correct { of, charge, .. } | Question::Refund { of, charge, .. } =
            &mut wish
        {
            let told = self.look_up(Question::Charge { of: of.clone() }).await;
            let Answer::Ok(story) = told else {
                return told;
            };
            let Ok(story) = json::typed::<Story>(&story) else {
                return Answer::Error("the ledger could not be read".to_owned());
            };
            let found = story.code_named(of);
            *charge = story.charge_named(of).map(Box::new);
            if let Question::Refund { code, .. } = &mut wish {
                *code = found.map(Box::new);
            }
        }
        ask(&self.inbox, wish).await
    }

    /// As above, of a stay that may be over.
    async fn pay(&self, mut wish: Question) -> Answer {
        if let Question::Pay { of, stay, .. } = &mut wish {
            let told = self.look_up(Question::Session { of: of.clone() }).await;
            if let Answer::Ok(mut story) = told {
                *stay = serde_json::from_value(story["session"].take()).ok();
            }
        }
        ask(&self.inbox, wish).await
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

fn not_a_question(error: &serde_json::Error) -> String {
    let text: String = error.to_string().chars().take(FAULT_MAX).collect();
    format!("not a question: {text}")
}

async fn ask(inbox: &Inbox, question: Question) -> Answer {
    let within = match question.takes_its_time() {
        true => PAST_WITHIN,
        false => ANSWER_WITHIN,
    };
    let (reply, answer) = oneshot::channel();
    inbox.put_message(Message::Asked(question, reply)).await;
    match tokio::time::timeout(within, answer).await {
        Ok(Ok(answer)) => answer,
        _ => Answer::Error(format!(
            "the daemon did not answer within {} s; it may still be at it",
            within.as_secs()
        )),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::gate::inbox;
    use crate::spoiled::{self, Spoiled};

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

    /// One answer to each question, whatever it is, and nothing is raised that was not asked for.
    #[tokio::test]
    async fn a_question_with_a_wrong_field_has_one_short_answer() {
        let raise = serde_json::json!({
            "ask": "raise",
            "lane": "in-1",
            "by": "王芳",
            "why": "访客",
            "money": { "collected": { "by": "王芳", "channel": "cash" } },
        });
        let mut world = World::start().await;
        for Spoiled { what, text } in spoiled::all(&raise) {
            let asked = world.asked.load(Ordering::Relaxed);
            let answer = world.ask(&text).await;
            let is_question = serde_json::from_slice::<Question>(&text).is_ok();
            let now_asked = world.asked.load(Ordering::Relaxed) - asked;
            assert_eq!(now_asked, usize::from(is_question), "{what}");
            match answer {
                Answer::Error(error) => {
                    assert!(error.starts_with("not a question: "), "{what}: {error}");
                    assert!(error.chars().count() < 250, "{what}: {error}");
                }
                Answer::Ok(_) => assert!(is_question, "{what}"),
                Answer::Refused(refusal) => panic!("{what}: {refusal:?}"),
            }
        }
    }

    /// A raise that stands behind too long a line is not one.
    #[tokio::test]
    async fn the_rest_of_too_long_a_question_is_none() {
        let mut world = World::start().await;
        let mut long = vec![b' '; usize::try_from(LINE_MAX).unwrap()];
        long.extend_from_slice(br#"{"ask":"status"}"#);
        let answer = world.ask(&long).await;
        assert!(matches!(answer, Answer::Error(error) if error.contains("at most")));
        let mut rest = String::new();
        // Closed with the rest unread, which may show as a reset.
        let _ = world.lines.read_line(&mut rest).await;
        assert_eq!(rest, "");
        assert_eq!(world.asked.load(Ordering::Relaxed), 0);
    }

    /// A socket whose questions are all answered with null.
    struct World {
        lines: BufReader<UnixStream>,
        asked: Arc<AtomicUsize>,
        _server: Server,
        _folder: tempfile::TempDir,
    }

    impl World {
        async fn start() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("parkgate.sock");
            let (inbox, mut outlet) = inbox::open();
            let server = Server::start(&path, inbox, archive()).await.unwrap();
            let asked = Arc::new(AtomicUsize::new(0));
            let count = asked.clone();
            tokio::spawn(async move {
                while let Some(messages) = outlet.take(Duration::from_secs(60), 1).await {
                    for message in messages {
                        let Message::Asked(_, reply) = message else {
                            panic!("nothing else is asked")
                        };
                        count.fetch_add(1, Ordering::Relaxed);
                        reply.send(Answer::Ok(serde_json::Value::Null)).unwrap();
                    }
                }
            });
            Self {
                lines: BufReader::new(UnixStream::connect(&path).await.unwrap()),
                asked,
                _server: server,
                _folder: folder,
            }
        }

        async fn ask(&mut self, question: &[u8]) -> Answer {
            let line = [question, b"\n"].concat();
            // It may hang up before it has read everything.
            let _ = self.lines.get_mut().write_all(&line).await;
            let mut answer = String::new();
            let read = self.lines.read_line(&mut answer);
            let read = tokio::time::timeout(Duration::from_secs(20), read).await;
            read.expect("an answer comes").unwrap();
            serde_json::from_str(&answer).unwrap()
        }
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
