//! Calls over an open port, one at a time.

use std::io;
use std::time::Duration;

use tokio::time::{sleep, timeout};
use tokio_modbus::client::{Client, rtu};
use tokio_modbus::{Error, ExceptionCode, Request, Response, Slave};
use tokio_serial::SerialStream;

use super::wire::Wire;

/// How long a board may take to answer, beside the time that the bytes are on the wire.
const ANSWER_WITHIN: Duration = Duration::from_millis(200);
/// The longest question and its answer, with room.
const CALL_CHARACTERS: u64 = 32;
/// Start, data, parity and stop bits of a character at most.
const CHARACTER_BITS: u64 = 12;
/// A line that is never silent is called over all the same after so many looks.
const LOOKS_MAX: u32 = 20;

/// An open port.
pub(super) struct Line {
    wire: Wire,
    /// 3.5 characters: what parts two frames.
    gap: Duration,
    answer_within: Duration,
}

/// Why a call came to nothing.
#[derive(Debug, thiserror::Error)]
pub(super) enum CallFault {
    /// Nobody answered in time.
    #[error("the board does not answer")]
    Silent,
    /// An answer with a wrong checksum, or to another question.
    #[error("what comes back is no answer to it")]
    Garbled,
    /// The board understood, and says no.
    #[error("the board refuses it: {0}")]
    Refused(ExceptionCode),
    /// The port is gone.
    #[error("the port is gone")]
    Lost(#[source] io::Error),
}

impl Line {
    pub fn new(stream: SerialStream, baud: u32) -> Self {
        let on_wire = |characters: u64| {
            let micros = characters.saturating_mul(CHARACTER_BITS * 1_000_000);
            Duration::from_micros(micros / u64::from(baud).max(1))
        };
        Self {
            wire: Wire::new(stream),
            gap: (on_wire(7) / 2).max(Duration::from_millis(2)),
            answer_within: ANSWER_WITHIN + on_wire(CALL_CHARACTERS),
        }
    }

    /// Writes a coil, once. That the board confirms it is not yet a proof: an echo looks the same.
    pub async fn write(&self, unit: u8, coil: u16, on: bool) -> Result<(), CallFault> {
        let answer = self.call(unit, Request::WriteSingleCoil(coil, on)).await?;
        match answer {
            Response::WriteSingleCoil(answered, state) if (answered, state) == (coil, on) => Ok(()),
            _ => Err(CallFault::Garbled),
        }
    }

    /// Reads a coil; asks up to so many times.
    pub async fn read(&self, unit: u8, coil: u16, times: u32) -> Result<bool, CallFault> {
        let mut asked = 0;
        loop {
            asked += 1;
            match self.read_once(unit, coil).await {
                Err(CallFault::Silent | CallFault::Garbled) if asked < times => {}
                end => return end,
            }
        }
    }

    /// Waits until the port is gone. What comes meanwhile answers nothing and is dropped.
    pub async fn lost(&self) -> io::Error {
        self.wire.lost().await
    }

    async fn read_once(&self, unit: u8, coil: u16) -> Result<bool, CallFault> {
        match self.call(unit, Request::ReadCoils(coil, 1)).await? {
            // One byte of coils; the bits above the first mean nothing.
            Response::ReadCoils(coils) => coils.first().copied().ok_or(CallFault::Garbled),
            _ => Err(CallFault::Garbled),
        }
    }

    async fn call(&self, unit: u8, request: Request<'_>) -> Result<Response, CallFault> {
        self.quiet().await.map_err(CallFault::Lost)?;
        // To a write, echo and answer are the same bytes.
        self.wire
            .begin(!matches!(request, Request::WriteSingleCoil(..)));
        // A client of its own for each call: what one could not send or did not read in time dies
        // with it, instead of going out before the next.
        let mut client = rtu::attach_slave(self.wire.clone(), Slave(unit));
        let Ok(answer) = timeout(self.answer_within, client.call(request)).await else {
            // Nothing of it may leave later, either.
            self.wire.drop_output().map_err(CallFault::Lost)?;
            return Err(match self.wire.received() {
                0 => CallFault::Silent,
                _ => CallFault::Garbled,
            });
        };
        match answer {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(exception)) => Err(CallFault::Refused(exception)),
            Err(Error::Protocol(_)) => Err(CallFault::Garbled),
            Err(Error::Transport(error)) => match error.kind() {
                io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => {
                    Err(CallFault::Garbled)
                }
                _ => Err(CallFault::Lost(error)),
            },
        }
    }

    /// Waits until the line is silent, and drops what came: answers that nobody waits for any more,
    /// echoes, noise.
    async fn quiet(&self) -> io::Result<()> {
        for _ in 0..LOOKS_MAX {
            sleep(self.gap).await;
            if self.wire.drop_input()? == 0 {
                break;
            }
        }
        Ok(())
    }
}
