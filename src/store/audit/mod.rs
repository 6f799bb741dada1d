//! The ledger read a second time, by its description alone (`docs/ledger-format.md`).
//!
//! Nothing here is shared with the code that opens and writes a ledger, so that a mistake there is
//! seen here. It needs no lock and changes nothing, also beside a running daemon.

mod bytes;
mod folder;
mod order;
mod segment;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use bytes::{Entry, Frame};
use folder::Folder;
use order::Order;
use segment::{Header, Piece, Segment};

/// What a look at a whole ledger came to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The 50 bits of the ledger's id; None if nothing is readable.
    pub ledger_id: Option<u64>,
    /// The car park, by the newest readable header.
    pub site: String,
    /// The box, by the newest readable header.
    #[serde(rename = "box")]
    pub box_id: String,
    pub segments: u64,
    pub commits: u64,
    pub records: u64,
    /// Records whose payload has been erased; their hashes hold.
    pub erased: u64,
    /// 0 if there is no record.
    pub first_seq: u64,
    /// 0 if there is no record.
    pub last_seq: u64,
    /// The hash chain's head after the last commit, hexadecimal. Whoever noted one can tell later
    /// whether what was before it was altered.
    pub head: Option<String>,
    /// In the order of the ledger.
    pub findings: Vec<Finding>,
}

/// Something that is not as it should be, with its place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "finding")]
pub enum Finding {
    /// Neither a commit nor free room.
    Unreadable { file: String, from: u64, bytes: u64 },
    /// A file is shorter than it was made.
    Cut {
        file: String,
        bytes: u64,
        expected: u64,
    },
    /// A file could not be read by the disk.
    Failed { file: String, why: String },
    /// A file of another ledger; it is left out.
    Foreign { file: String },
    /// The same segment is there under its own number; this file is left out.
    Copy { file: String, of: u32 },
    /// Records are not there; the ledger goes on at this place.
    Missing {
        file: String,
        at: u64,
        first: u64,
        last: u64,
    },
    /// A commit failed, was reported as failed, and reached the disk all the same. Harmless.
    NeverAcknowledged {
        file: String,
        at: u64,
        first: u64,
        last: u64,
    },
    /// A commit with records that the ledger has already.
    OutOfOrder { file: String, at: u64, seq: u64 },
    /// The commit here does not follow the one before it: somebody changed one of them.
    Altered { file: String, at: u64, seq: u64 },
    /// The newest bytes cannot be read: one commit is possibly lost.
    PossiblyLost { file: String, after_seq: u64 },
}

/// How bad it is, from nothing to the worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Nothing is amiss.
    Sound,
    /// Bytes cannot be read, or a file is a stranger, and every record is there.
    Scratched,
    /// The last commit may be lost.
    PossiblyLost,
    /// Records are missing.
    Missing,
    /// The hash chain does not hold.
    Altered,
}

impl Finding {
    /// How bad it is.
    pub fn verdict(&self) -> Verdict {
        match self {
            Self::NeverAcknowledged { .. } => Verdict::Sound,
            Self::Unreadable { .. }
            | Self::Cut { .. }
            | Self::Failed { .. }
            | Self::Copy { .. }
            | Self::Foreign { .. } => Verdict::Scratched,
            Self::PossiblyLost { .. } => Verdict::PossiblyLost,
            Self::Missing { .. } => Verdict::Missing,
            Self::OutOfOrder { .. } | Self::Altered { .. } => Verdict::Altered,
        }
    }
}

impl Report {
    /// The worst of all.
    pub fn verdict(&self) -> Verdict {
        let verdicts = self.findings.iter().map(Finding::verdict);
        verdicts.max().unwrap_or(Verdict::Sound)
    }
}

/// Why a ledger could not be looked at at all.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The folder is not there or cannot be listed.
    #[error("cannot list the folder {}; name the [store] path", .dir.display())]
    Folder {
        dir: PathBuf,
        #[source]
        source: std::io::Error,
    },
    /// There is no segment in it.
    #[error("there is no ledger in {}; name the [store] path", .dir.display())]
    Empty { dir: PathBuf },
    /// A segment says that its format is a later one.
    #[error(
        "{file} has ledger format {found} and this parkgate knows formats 1 and 2; use the parkgate that \
         wrote it, or a newer one"
    )]
    NewerFormat { file: String, found: u16 },
}

/// Whoever looks on.
pub trait Watcher {
    /// So many of so many segments are done.
    fn progress(&mut self, _done: usize, _of: usize) {}

    /// A commit that counts, oldest first.
    fn commit(&mut self, _frame: &Frame) -> std::ops::ControlFlow<()> {
        std::ops::ControlFlow::Continue(())
    }
}

/// Reads the whole ledger in `dir` and checks everything that its description promises. Stops early
/// when the watcher says so; the report then covers what was read.
///
/// # Errors
/// See [`AuditError`]. What is wrong inside the ledger is in the report instead.
pub fn read(dir: &Path, watcher: &mut impl Watcher) -> Result<Report, AuditError> {
    let folder = Folder::list(dir)?;
    let (ledger, identity) = newest_identity(&folder)?;
    let mut report = Report {
        ledger_id: ledger,
        ..Report::default()
    };
    if let Some((site, box_id)) = identity {
        (report.site, report.box_id) = (site, box_id);
    }
    let mut order = Order::default();
    let of = folder.numbers.len();
    for (done, number) in folder.numbers.iter().enumerate() {
        watcher.progress(done, of);
        match folder.load(*number) {
            Ok(None) => continue,
            Ok(Some(file)) => {
                report.segments += 1;
                let segment = Segment::parse(file.name, &file.bytes, *number, file.packed);
                if segment.ledger().is_some_and(|id| Some(id) != ledger) {
                    let file = segment.name;
                    report.findings.push(Finding::Foreign { file });
                    continue;
                }
                if let Some(of) = folder.original(*number, &segment) {
                    let file = segment.name;
                    report.findings.push(Finding::Copy { file, of });
                    continue;
                }
                if follow(&mut order, segment, &mut report, watcher).is_break() {
                    report.close(&order);
                    return Ok(report);
                }
            }
            Err(failed) => {
                order.something_unreadable();
                report.findings.push(failed);
            }
        }
    }
    watcher.progress(of, of);
    if let Some(frame) = order.end() {
        report.count(&frame);
        // The last one: nothing is left to stop.
        let _ = watcher.commit(&frame);
    }
    report.findings.append(&mut order.findings);
    report.close(&order);
    Ok(report)
}

fn follow(
    order: &mut Order,
    segment: Segment,
    report: &mut Report,
    watcher: &mut impl Watcher,
) -> std::ops::ControlFlow<()> {
    let file = segment.name;
    order.in_file(&file);
    if let Header::Readable(header) = &segment.header {
        order.header(header.first_seq, header.head_before);
    }
    for piece in segment.pieces {
        match piece {
            Piece::Frame(frame) => {
                if let Some(counts) = order.frame(frame) {
                    report.count(&counts);
                    watcher.commit(&counts)?;
                }
            }
            Piece::Unreadable { from, bytes } => {
                order.something_unreadable();
                let file = file.clone();
                report
                    .findings
                    .push(Finding::Unreadable { file, from, bytes });
            }
            Piece::Cut { bytes, expected } => {
                order.something_unreadable();
                let file = file.clone();
                report.findings.push(Finding::Cut {
                    file,
                    bytes,
                    expected,
                });
            }
        }
        report.findings.append(&mut order.findings);
    }
    report.findings.append(&mut order.findings);
    std::ops::ControlFlow::Continue(())
}

/// The newest segment in which anything is readable says which ledger this is.
#[expect(clippy::type_complexity, reason = "two answers of one look")]
fn newest_identity(folder: &Folder) -> Result<(Option<u64>, Option<(String, String)>), AuditError> {
    for number in folder.numbers.iter().rev() {
        let Ok(Some(file)) = folder.load(*number) else {
            continue;
        };
        let segment = Segment::parse(file.name, &file.bytes, *number, file.packed);
        if let Header::Newer(found) = segment.header {
            let file = segment.name;
            return Err(AuditError::NewerFormat { file, found });
        }
        if folder.original(*number, &segment).is_some() {
            continue;
        }
        if let Some(ledger) = segment.ledger() {
            let identity = match segment.header {
                Header::Readable(header) => Some((header.site, header.box_id)),
                Header::Newer(_) | Header::Unreadable => None,
            };
            return Ok((Some(ledger), identity));
        }
    }
    Ok((None, None))
}

impl Report {
    fn count(&mut self, frame: &Frame) {
        if self.commits == 0 {
            self.first_seq = frame.first_seq;
        }
        self.commits += 1;
        self.last_seq = frame.last_seq();
        for entry in &frame.entries {
            self.records += 1;
            self.erased += u64::from(entry.payload.is_none());
        }
    }

    fn close(&mut self, order: &Order) {
        self.head = order.head().map(|head| hexadecimal(&head));
        if let Some(file) = order.in_doubt() {
            let after_seq = order.next_seq().map_or(0, |seq| seq.saturating_sub(1));
            self.findings
                .push(Finding::PossiblyLost { file, after_seq });
        }
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
