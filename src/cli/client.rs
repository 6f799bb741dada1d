//! Who answers: the daemon at its socket, or the ledger of a daemon that is stopped.

use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use serde_json::{Value, json};

use super::output;
use super::words::Lang;
use super::{BAD_CONFIG, CONFIG, SocketArgs, fail};
use crate::config::Config;
use crate::control::{Answer, Question};
use crate::story::archive::Archive;

/// A little longer than the daemon may take for what is in its memory.
const TIMEOUT: Duration = Duration::from_secs(15);
/// The same for what it reads in the ledger.
const PAST_TIMEOUT: Duration = Duration::from_secs(130);
/// No daemon.
pub const NOT_RUNNING: u8 = 69;
/// The daemon said no, or there is no such thing.
pub const REFUSED: u8 = 1;

const SOCKET: &str = "/run/parkgate/parkgate.sock";

/// An answer and who gave it.
pub struct Answered {
    pub value: Value,
    by: By,
}

enum By {
    Daemon,
    Ledger { dir: PathBuf, last_seq: u64 },
}

/// Asks the daemon, or reads the ledger where none runs, and prints what comes back, as JSON or as
/// `show` has it.
pub fn read(
    args: &SocketArgs,
    lang: Lang,
    question: &Question,
    show: impl FnOnce(&Value) -> String,
) -> ExitCode {
    match answer(args, lang, question) {
        Ok(answered) => answered.print(args, lang, show),
        Err(code) => code,
    }
}

/// Asks the daemon for what only a running one can do, and prints what comes back.
pub fn ask(
    args: &SocketArgs,
    lang: Lang,
    question: &Question,
    show: impl FnOnce(&Value) -> String,
) -> ExitCode {
    let place = match Place::of(args) {
        Ok(place) => place,
        Err(code) => return code,
    };
    if let Some(store) = place.store.as_deref().filter(|_| args.store.is_some())
        && let Some(theirs) = place.serves_another(store)
    {
        let text = lang.other_store(&place.socket, &theirs, store);
        return fail(NOT_RUNNING, text);
    }
    match exchange(&place.socket, question) {
        Ok(reply) => match sort_out(reply, args, lang) {
            Ok(value) => {
                let by = By::Daemon;
                Answered { value, by }.print(args, lang, show)
            }
            Err(code) => code,
        },
        Err(error) => fail(NOT_RUNNING, lang.daemon_needed(&place.socket, &error)),
    }
}

/// Asks the daemon; where none runs, `instead` answers. Prints what comes back, as JSON or as `show`
/// has it.
pub fn ask_or_else(
    args: &SocketArgs,
    lang: Lang,
    question: &Question,
    instead: impl FnOnce() -> Result<Answer, ExitCode>,
    show: impl FnOnce(&Value) -> String,
) -> ExitCode {
    let place = match Place::of(args) {
        Ok(place) => place,
        Err(code) => return code,
    };
    let reply = match exchange(&place.socket, question) {
        Ok(reply) => Ok(reply),
        Err(error) if no_daemon_runs(error.kind()) => instead(),
        Err(error) => return fail(NOT_RUNNING, lang.no_daemon(&place.socket, &error)),
    };
    let mut value = match reply.and_then(|reply| sort_out(reply, args, lang)) {
        Ok(value) => value,
        Err(code) => return code,
    };
    if args.mask {
        output::mask(&mut value);
    }
    output::print(&match args.json {
        true => value.to_string(),
        false => show(&value),
    })
}

fn no_daemon_runs(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::NotFound | ErrorKind::ConnectionRefused)
}

/// The answer of whoever can give it.
///
/// # Errors
/// Nobody can, or the answer is no; that has been told, and the program ends with this.
pub fn answer(args: &SocketArgs, lang: Lang, question: &Question) -> Result<Answered, ExitCode> {
    let place = Place::of(args)?;
    let other = place.store.as_deref().filter(|_| args.store.is_some());
    let other = other.and_then(|store| place.serves_another(store));
    let error = match other {
        Some(_) => std::io::Error::from(std::io::ErrorKind::NotFound),
        None => match exchange(&place.socket, question) {
            Ok(reply) => {
                let value = sort_out(reply, args, lang)?;
                let by = By::Daemon;
                return Ok(Answered { value, by });
            }
            Err(error) => error,
        },
    };
    // A daemon that is there and does not answer is not to be answered for.
    let is_there = matches!(
        error.kind(),
        std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut
    );
    let Some(store) = place.store.filter(|_| !is_there) else {
        return Err(fail(NOT_RUNNING, lang.no_daemon(&place.socket, &error)));
    };
    let archive = Archive::new(ledger_of(&store));
    let value = sort_out(archive.answer(question), args, lang)?;
    let last_seq = archive.last_seq().unwrap_or_default();
    let dir = archive.dir().to_owned();
    let by = By::Ledger { dir, last_seq };
    Ok(Answered { value, by })
}

/// The ledger's folder in a store's; a ledger's folder itself, as in a copy, is taken too.
pub fn ledger_of(store: &Path) -> PathBuf {
    let within = store.join("ledger");
    match within.is_dir() {
        true => within,
        false => store.to_owned(),
    }
}

impl Answered {
    /// Prints it, as JSON or as `show` has it, with who answered.
    pub fn print(
        mut self,
        args: &SocketArgs,
        lang: Lang,
        show: impl FnOnce(&Value) -> String,
    ) -> ExitCode {
        if args.mask {
            output::mask(&mut self.value);
        }
        if args.json {
            return output::print(&self.with_origin().to_string());
        }
        let text = show(&self.value);
        let origin = self.origin(lang);
        output::print(&format!("{}\n{origin}", text.trim_end()))
    }

    /// Who answered, in words.
    pub fn origin(&self, lang: Lang) -> String {
        match &self.by {
            By::Daemon => lang.by_daemon().to_owned(),
            By::Ledger { dir, last_seq } => lang.by_ledger(dir, *last_seq),
        }
    }

    fn with_origin(self) -> Value {
        let mut value = match self.value {
            value @ Value::Object(_) => value,
            value => json!({ "answer": value }),
        };
        match self.by {
            By::Daemon => value["answered_by"] = json!("daemon"),
            By::Ledger { dir, last_seq } => {
                value["answered_by"] = json!("ledger");
                value["ledger_dir"] = json!(dir);
                value["last_seq"] = json!(last_seq);
            }
        }
        value
    }
}

/// Where to ask, and where to read instead.
struct Place {
    socket: PathBuf,
    store: Option<PathBuf>,
}

impl Place {
    fn of(args: &SocketArgs) -> Result<Self, ExitCode> {
        let is_told = args.socket.is_some() || args.store.is_some();
        let config = match &args.config {
            Some(file) => match Config::load(file) {
                Ok(config) => Some(config),
                Err(faults) => return Err(fail(BAD_CONFIG, faults)),
            },
            // The usual one, where there is one; its faults are another command's business.
            None if !is_told => Config::load(Path::new(CONFIG)).ok(),
            None => None,
        };
        let (configured, store) = match config {
            Some(config) => (Some(config.control.socket), Some(config.store.path)),
            None => (None, None),
        };
        let socket = args.socket.clone().or(configured);
        Ok(Self {
            socket: socket.unwrap_or_else(|| PathBuf::from(SOCKET)),
            store: args.store.clone().or(store),
        })
    }

    /// The store of the daemon at the socket, if one answers and it is not this one.
    fn serves_another(&self, store: &Path) -> Option<String> {
        let Ok(Answer::Ok(whose)) = exchange(&self.socket, &Question::Store) else {
            return None;
        };
        let theirs = whose["store"].as_str()?;
        let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let (theirs_real, ours) = (real(Path::new(theirs)), real(store));
        let is_same = theirs_real == ours || theirs_real.join("ledger") == ours;
        (!is_same).then(|| theirs.to_owned())
    }
}

/// The answer if it is one; else says what it is.
fn sort_out(answer: Answer, args: &SocketArgs, lang: Lang) -> Result<Value, ExitCode> {
    let (no, text) = match answer {
        Answer::Ok(value) => return Ok(value),
        Answer::Refused(refusal) => (json!({ "refused": refusal }), lang.refusal(&refusal)),
        Answer::Error(why) => (json!({ "error": why }), why),
    };
    if args.json {
        output::print(&no.to_string());
    }
    Err(fail(REFUSED, text))
}

/// Asks and waits for the answer.
pub fn exchange(socket: &Path, question: &Question) -> std::io::Result<Answer> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(match question.takes_its_time() {
        true => PAST_TIMEOUT,
        false => TIMEOUT,
    }))?;
    let mut line = serde_json::to_vec(question)?;
    line.push(b'\n');
    stream.write_all(&line)?;
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer)?;
    Ok(serde_json::from_slice(answer.as_bytes())?)
}
