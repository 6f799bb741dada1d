//! Where the timeline is written: by a thread of its own, so that a terminal that stands still
//! holds up neither cars nor the daemon.

use std::io::{self, Write};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use super::paint::Paint;

/// One of the standard streams, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    Stdout,
    Stderr,
    Nowhere,
}

/// A stream and who writes to it.
pub struct Screen {
    pen: Pen,
    writer: Option<JoinHandle<()>>,
    paint: Paint,
}

/// Takes lines for a screen, without ever waiting.
#[derive(Clone)]
pub struct Pen(Option<SyncSender<Option<String>>>);

/// Lines that wait for the terminal. What comes beyond them is not shown.
const LINES_MAX: usize = 16_384;

impl Screen {
    /// Starts writing.
    pub fn open(stream: Stream) -> Self {
        let paint = match stream {
            Stream::Stdout => Paint::for_stream(&io::stdout()),
            Stream::Stderr => Paint::for_stream(&io::stderr()),
            Stream::Nowhere => Paint::none(),
        };
        if stream == Stream::Nowhere {
            return Self {
                pen: Pen(None),
                writer: None,
                paint,
            };
        }
        let (lines, taken) = sync_channel(LINES_MAX);
        let writer = std::thread::spawn(move || match stream {
            Stream::Stdout => write(&taken, &mut io::stdout()),
            Stream::Stderr | Stream::Nowhere => write(&taken, &mut io::stderr()),
        });
        Self {
            pen: Pen(Some(lines)),
            writer: Some(writer),
            paint,
        }
    }

    pub fn pen(&self) -> Pen {
        self.pen.clone()
    }

    pub fn paint(&self) -> Paint {
        self.paint
    }

    /// Writes what is left.
    pub fn close(self) {
        if let Pen(Some(lines)) = &self.pen {
            // An error means that the stream was closed under the writer.
            let _ = lines.send(None);
        }
        if let Some(writer) = self.writer {
            // A panic was reported when it happened.
            let _ = writer.join();
        }
    }
}

impl Pen {
    /// A line, without its end.
    pub fn write(&self, line: String) {
        if let Some(lines) = &self.0 {
            // A terminal that stands still misses something.
            let _ = lines.try_send(Some(line));
        }
    }
}

/// Until there are no more lines, or nobody reads them.
fn write(lines: &Receiver<Option<String>>, stream: &mut impl Write) {
    while let Ok(Some(line)) = lines.recv() {
        if writeln!(stream, "{line}").is_err() {
            return;
        }
    }
}
