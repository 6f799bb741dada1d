//! The command line's end of the daemon's socket.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use serde_json::Value;

use super::fail;
use crate::control::{Answer, Question};

/// The daemon answers within 10 s.
const TIMEOUT: Duration = Duration::from_secs(15);
/// No daemon.
const NOT_RUNNING: u8 = 69;
/// The daemon said no.
const REFUSED: u8 = 1;

/// Asks, and prints what comes back, as JSON or as `show` has it.
pub fn ask(
    socket: &Path,
    question: &Question,
    json: bool,
    show: impl FnOnce(&Value) -> String,
) -> ExitCode {
    match exchange(socket, question) {
        Ok(Answer::Ok(value)) if json => print(&value.to_string()),
        Ok(Answer::Ok(value)) => print(&show(&value)),
        Ok(Answer::Refused(refusal)) => fail(REFUSED, refusal),
        Ok(Answer::Error(why)) => fail(REFUSED, why),
        Err(error) => fail(
            NOT_RUNNING,
            format!(
                "no daemon answers at {} ({error}); is it running, and may you use its socket?",
                socket.display()
            ),
        ),
    }
}

fn print(text: &str) -> ExitCode {
    // A reader that has gone away is no reason to complain.
    let _ = writeln!(std::io::stdout(), "{text}");
    ExitCode::SUCCESS
}

fn exchange(socket: &Path, question: &Question) -> std::io::Result<Answer> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    let mut line = serde_json::to_vec(question)?;
    line.push(b'\n');
    stream.write_all(&line)?;
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer)?;
    Ok(serde_json::from_str(&answer)?)
}
