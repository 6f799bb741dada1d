//! The bytes of a port: lent to one client after the other, and freed from echoes.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_serial::{ClearBuffer, SerialPort, SerialStream};

/// See the module.
#[derive(Clone)]
pub(super) struct Wire(Arc<Mutex<Inner>>);

struct Inner {
    stream: SerialStream,
    echo: Echo,
    /// Bytes that came for the call that is under way, echoes aside.
    received: usize,
}

/// What many RS485 adapters hear of themselves: exactly what was sent, before any answer.
#[derive(Default)]
struct Echo {
    /// Bytes that were sent and may come back.
    expected: Vec<u8>,
    matched: usize,
    /// Whether a call is one whose echo can be told from its answer.
    wanted: bool,
}

impl Wire {
    pub fn new(stream: SerialStream) -> Self {
        Self(Arc::new(Mutex::new(Inner {
            stream,
            echo: Echo::default(),
            received: 0,
        })))
    }

    /// A call begins; whether what it sends is taken out of what comes.
    pub fn begin(&self, without_echo: bool) {
        let mut inner = self.lock();
        inner.received = 0;
        inner.echo = Echo {
            wanted: without_echo,
            ..Echo::default()
        };
    }

    /// Bytes that came since.
    pub fn received(&self) -> usize {
        self.lock().received
    }

    /// Drops what was not sent yet.
    pub fn drop_output(&self) -> io::Result<()> {
        Ok(self.lock().stream.clear(ClearBuffer::Output)?)
    }

    /// Drops what came; how much that was.
    pub fn drop_input(&self) -> io::Result<usize> {
        let mut inner = self.lock();
        let (mut buffer, mut dropped) = ([0; 256], 0);
        loop {
            match inner.stream.try_read(&mut buffer) {
                Ok(0) => return Err(gone()),
                Ok(length) => dropped += length,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(dropped),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Waits until the port is gone. What comes meanwhile is dropped.
    pub async fn lost(&self) -> io::Error {
        let mut buffer = [0; 64];
        loop {
            let mut read = ReadBuf::new(&mut buffer);
            let came = std::future::poll_fn(|context| {
                Pin::new(&mut self.lock().stream).poll_read(context, &mut read)
            });
            match came.await {
                Ok(()) if read.filled().is_empty() => return gone(),
                Ok(()) => {}
                Err(error) => return error,
            }
        }
    }

    /// Held for one system call at a time, on one thread.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A read of no bytes: the device behind the port went away.
fn gone() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "unplugged")
}

impl Echo {
    /// What of `bytes` is no echo. A beginning that may still become one is held back.
    fn strip(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut rest = bytes;
        while let Some((byte, after)) = rest.split_first() {
            match self.expected.get(self.matched) {
                Some(expected) if expected == byte => self.matched += 1,
                _ => break,
            }
            rest = after;
        }
        if rest.is_empty() && self.matched < self.expected.len() {
            return Vec::new();
        }
        // Whole, or none after all; either way what comes now is the answer.
        let expected = std::mem::take(&mut self.expected);
        let matched = std::mem::take(&mut self.matched);
        let held_back = match matched == expected.len() {
            true => &[],
            false => &expected[..matched],
        };
        [held_back, rest].concat()
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let inner = &mut *self.lock();
        let mut raw = [0; 64];
        loop {
            // Room for what may be held back.
            let room = buffer.remaining().saturating_sub(inner.echo.matched);
            let room = room.min(raw.len());
            let mut read = ReadBuf::new(&mut raw[..room]);
            ready!(Pin::new(&mut inner.stream).poll_read(context, &mut read))?;
            if read.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
            let others = inner.echo.strip(read.filled());
            if !others.is_empty() {
                inner.received = inner.received.saturating_add(others.len());
                buffer.put_slice(&others);
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let inner = &mut *self.lock();
        let written = ready!(Pin::new(&mut inner.stream).poll_write(context, bytes))?;
        if inner.echo.wanted {
            let sent = bytes.get(..written).unwrap_or(bytes);
            inner.echo.expected.extend_from_slice(sent);
        }
        Poll::Ready(Ok(written))
    }

    /// At once: to drain a port blocks for as long as it likes, and the answer tells that the
    /// question was sent.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stripped(pieces: &[&[u8]]) -> Vec<u8> {
        let mut echo = Echo {
            expected: vec![1, 1, 0, 0],
            ..Echo::default()
        };
        pieces.iter().flat_map(|piece| echo.strip(piece)).collect()
    }

    #[test]
    fn an_echo_is_taken_out_and_an_answer_is_not_in_whatever_pieces_they_come() {
        let cases: [(&[u8], &[u8]); 4] = [
            (&[1, 1, 0, 0, 9, 8], &[9, 8]),
            (&[1, 1, 1, 9], &[1, 1, 1, 9]),
            (&[9, 1, 1, 0, 0], &[9, 1, 1, 0, 0]),
            (&[1, 1, 0, 0, 1, 1, 0, 0], &[1, 1, 0, 0]),
        ];
        for (came, answer) in cases {
            assert_eq!(stripped(&[came]), answer);
            for at in 0..came.len() {
                assert_eq!(stripped(&[&came[..at], &came[at..]]), answer, "{came:?}");
            }
            let single: Vec<&[u8]> = came.chunks(1).collect();
            assert_eq!(stripped(&single), answer);
        }
    }
}
