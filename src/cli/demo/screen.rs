//! Where the timeline is written: by a thread of its own, so that a terminal that stands still
//! holds up neither cars nor the daemon.

use std::io::{self, Write};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::thread::JoinHandle;

use tokio::sync::oneshot;

use super::foot::{Foot, Standings};
use super::page::Page;
use super::paint::Paint;
use super::terminal::Terminal;

/// One of the standard streams, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    Stdout,
    Stderr,
    Nowhere,
}

/// A stream or a terminal, and who writes to it. Dropped, it writes what is left and gives the
/// terminal back.
pub struct Screen {
    pen: Pen,
    writer: Option<JoinHandle<()>>,
    paint: Paint,
}

/// Takes lines for a screen, without ever waiting.
#[derive(Clone)]
pub struct Pen(Option<SyncSender<Stroke>>);

enum Stroke {
    Line(String),
    Standings(Standings),
    Typed(String),
    /// The terminal may have another size.
    Redraw,
    /// Give the terminal back for a while, and tell when that is done.
    Leave(oneshot::Sender<()>),
    Enter,
    End,
}

/// Lines that wait for the terminal. What comes beyond them is not shown.
const LINES_MAX: usize = 16_384;
/// Lines that are written at once.
const LINES_AT_ONCE: usize = 256;

impl Screen {
    /// Starts writing to a stream.
    pub fn open(stream: Stream) -> Self {
        let paint = match stream {
            Stream::Stdout => Paint::for_stream(&io::stdout()),
            Stream::Stderr => Paint::for_stream(&io::stderr()),
            Stream::Nowhere => {
                return Self {
                    pen: Pen(None),
                    writer: None,
                    paint: Paint::none(),
                };
            }
        };
        Self::start(paint, move |strokes| match stream {
            Stream::Stdout => write(strokes, &mut io::stdout()),
            Stream::Stderr | Stream::Nowhere => write(strokes, &mut io::stderr()),
        })
    }

    /// Starts writing to a terminal, with a foot.
    ///
    /// # Errors
    /// When the terminal was closed.
    pub fn with_foot(mut terminal: Terminal, paint: Paint) -> io::Result<Self> {
        terminal.enter()?;
        Ok(Self::start(paint, move |strokes| {
            // The terminal was closed, and then nobody looks any more.
            let _ = draw(strokes, &mut terminal, paint);
        }))
    }

    fn start(paint: Paint, write: impl FnOnce(&Receiver<Stroke>) + Send + 'static) -> Self {
        let (strokes, taken) = sync_channel(LINES_MAX);
        Self {
            pen: Pen(Some(strokes)),
            writer: Some(std::thread::spawn(move || write(&taken))),
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
    pub fn close(self) {}
}

impl Drop for Screen {
    fn drop(&mut self) {
        if let Pen(Some(strokes)) = &self.pen {
            // An error means that the stream was closed under the writer.
            let _ = strokes.send(Stroke::End);
        }
        if let Some(writer) = self.writer.take() {
            // A panic was reported when it happened.
            let _ = writer.join();
        }
    }
}

impl Pen {
    /// A line, without its end.
    pub fn write(&self, line: String) {
        self.stroke(Stroke::Line(line));
    }

    /// How things stand now, for a screen with a foot.
    pub fn stand(&self, standings: Standings) {
        self.stroke(Stroke::Standings(standings));
    }

    /// What is typed so far.
    pub fn typed(&self, text: &str) {
        self.stroke(Stroke::Typed(text.to_owned()));
    }

    /// Draws the foot again, for a terminal of another size.
    pub fn redraw(&self) {
        self.stroke(Stroke::Redraw);
    }

    /// Gives the terminal back until [`Self::enter`]; returns when that is done.
    pub async fn leave(&self) {
        let (done, left) = oneshot::channel();
        self.stroke(Stroke::Leave(done));
        // An error means that nobody writes any more.
        let _ = left.await;
    }

    /// Takes the terminal again.
    pub fn enter(&self) {
        self.stroke(Stroke::Enter);
    }

    fn stroke(&self, stroke: Stroke) {
        if let Some(strokes) = &self.0 {
            // A terminal that stands still misses something.
            let _ = strokes.try_send(stroke);
        }
    }
}

/// Until there are no more lines, or nobody reads them.
fn write(strokes: &Receiver<Stroke>, stream: &mut impl Write) {
    while let Ok(stroke) = strokes.recv() {
        match stroke {
            Stroke::Line(line) => {
                if writeln!(stream, "{line}").is_err() {
                    return;
                }
            }
            Stroke::End => return,
            // There is no foot, and no terminal that was taken.
            Stroke::Standings(_)
            | Stroke::Typed(_)
            | Stroke::Redraw
            | Stroke::Leave(_)
            | Stroke::Enter => {}
        }
    }
}

/// Lines above a foot, drawn together as far as they have come, and only where something is new: a
/// person may be marking text.
fn draw(strokes: &Receiver<Stroke>, terminal: &mut Terminal, paint: Paint) -> io::Result<()> {
    let mut page = Page::new(paint);
    let mut foot = Foot::default();
    let mut drawn = None;
    let mut is_away = false;
    let mut lines = Vec::new();
    while let Ok(first) = strokes.recv() {
        let mut next = Ok(first);
        let mut ends = false;
        let mut left = None;
        while let Ok(stroke) = next {
            match stroke {
                Stroke::Line(line) => lines.push(line),
                Stroke::Standings(standings) => foot.standings = standings,
                Stroke::Typed(typed) => foot.typed = typed,
                Stroke::Redraw => drawn = None,
                Stroke::Enter => {
                    terminal.enter()?;
                    is_away = false;
                    drawn = None;
                }
                Stroke::Leave(done) => left = Some(done),
                Stroke::End => ends = true,
            }
            next = match ends || left.is_some() || lines.len() >= LINES_AT_ONCE {
                true => Err(TryRecvError::Empty),
                false => strokes.try_recv(),
            };
        }
        let below = (!ends && left.is_none()).then_some(&foot);
        let is_new = !lines.is_empty() || below != drawn.as_ref();
        if is_new && !is_away {
            terminal.write(&page.write(&lines, below, terminal.columns()))?;
            lines.clear();
            drawn = below.cloned();
        }
        if let Some(left) = left {
            terminal.leave()?;
            is_away = true;
            // Whoever asked may have stopped waiting.
            let _ = left.send(());
        }
        if ends {
            break;
        }
    }
    Ok(())
}
