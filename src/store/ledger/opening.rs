//! Opening a ledger: lock, read the last checkpoint and what follows it, or begin a new one.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::FlockOperation;

use crate::lane::number::LedgerId;
use crate::store::record::{Checkpoint, Commit, Record};

use super::aside;
use super::chain::{Chain, Next};
use super::disk::{Disk, DiskFile};
use super::error::LedgerError;
use super::files::{self, Files, LOCK};
use super::finding::Finding;
use super::history::{Part, follow};
use super::layout::{
    BLOCK, BLOCK_BYTES, Frame, GENESIS, Identity, SegmentHeader, blocks, frame_bytes,
};
use super::spare::write_zeros;
use super::whole::{Backwards, Forwards};
use super::{Active, Options};

/// What a start gets from the ledger, besides what it hands on to a [`Replay`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    pub ledger_id: LedgerId,
    /// Whether this ledger was begun just now.
    pub created: bool,
    /// What is amiss in the part that was read. What was set aside before is not told again.
    pub findings: Vec<Finding>,
    /// Commits that may have been acknowledged and cannot be read at the ledger's end. If not 0,
    /// numbers that were drawn since may be in use already: skip some.
    pub possibly_lost: u64,
    /// 0 in a new ledger.
    pub last_seq: u64,
}

/// Whoever is handed what a start reads: the newest whole state and what follows it, commit by commit, so
/// that never all of it is in memory.
pub trait Replay {
    /// It begins with the next commit. What was handed over before is void: the state in it was not whole.
    fn begin(&mut self, ledger: LedgerId);

    /// The next commit that counts, oldest first.
    fn commit(&mut self, commit: Commit);
}

/// For who only writes.
pub(super) struct Nobody;

impl Replay for Nobody {
    fn begin(&mut self, _: LedgerId) {}

    fn commit(&mut self, _: Commit) {}
}

/// Everything that a start reads, kept: for ledgers that are small.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Collected {
    /// The whole state at the last checkpoint; empty if there has been none.
    pub checkpoint: Vec<Record>,
    /// The commits since then, oldest first.
    pub tail: Vec<Commit>,
    whole: Forwards,
}

impl Replay for Collected {
    fn begin(&mut self, _: LedgerId) {
        *self = Self::default();
    }

    fn commit(&mut self, commit: Commit) {
        let is_whole = self.whole.look(&commit);
        self.tail.push(commit);
        if is_whole {
            let last = self.tail.iter().rev();
            let parts = last
                .take_while(|commit| commit.checkpoint.is_part())
                .count();
            let at = self.tail.len() - parts.max(1);
            let state = self.tail.drain(at..).flat_map(|commit| commit.records);
            self.checkpoint = state.collect();
            self.tail.clear();
        }
    }
}

/// Where commits go on.
pub(super) struct Position {
    pub(super) next: Next,
    pub(super) active: Option<Active>,
    pub(super) next_segment: u32,
    /// The segment that a start reads from.
    pub(super) checkpoint_segment: u32,
    pub(super) since: Since,
    pub(super) spares: Vec<PathBuf>,
}

/// The newest whole state, and how much has followed it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Since {
    /// Its bytes, if it goes over several commits; else 0.
    pub(super) state_bytes: u64,
    /// Bytes of the commits that followed.
    pub(super) bytes: u64,
}

/// Locks the folder for this process; the lock goes with the file.
pub(super) fn lock(dir: &Path) -> Result<File, LedgerError> {
    let path = dir.join(LOCK);
    let failed = |source| {
        LedgerError::of(&path, source, |path, source| LedgerError::Lock {
            path,
            source,
        })
    };
    let mut options = OpenOptions::new();
    options
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o640);
    let mut file = options.open(&path).map_err(failed)?;
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(rustix::io::Errno::WOULDBLOCK) => {
            let mut text = String::new();
            // Only for the message: whoever holds the lock may not have written it yet.
            let _ = file.take(32).read_to_string(&mut text);
            let (dir, by) = (dir.to_path_buf(), text.trim().parse().ok());
            return Err(LedgerError::InUse { dir, by });
        }
        Err(error) => return Err(failed(error.into())),
    }
    let written = file
        .set_len(0)
        .and_then(|()| writeln!(file, "{}", std::process::id()));
    // A full disk must not keep the daemon from starting; the lock holds without the text.
    if let Err(error) = written {
        tracing::debug!(%error, "the ledger's lock file does not name this process");
    }
    Ok(file)
}

/// Reads what a start needs and says where commits go on.
pub(super) fn read(
    disk: &Disk,
    dir: &Path,
    identity: &Identity,
    options: &Options,
    grows: bool,
    fresh: LedgerId,
    replay: &mut dyn Replay,
) -> Result<(Opening, Position), LedgerError> {
    // Removals of an earlier run that were not durable yet must not come undone from now on.
    disk.sync_folder(dir)?;
    let files = Files::list(dir)?;
    for path in &files.unfinished {
        disk.remove(path)?;
    }
    let numbers: Vec<u32> = files.numbers().into_iter().collect();
    let Some(newest) = numbers.last().copied() else {
        return create(
            disk,
            dir,
            identity,
            options,
            grows,
            fresh,
            files.spares,
            replay,
        );
    };
    for number in &files.live {
        // What counts is what is on the disk, and not what the kernel still shows of a failed flush.
        let file = disk.open(&files::live(dir, *number))?;
        disk.sync_data(&file)?;
        disk.forget_cache(&file);
    }
    let Some(ledger) = whose(dir, identity, &numbers)? else {
        let folder = aside::move_all(disk, dir, &files)?;
        let (mut opening, position) = create(
            disk,
            dir,
            identity,
            options,
            grows,
            fresh,
            files.spares,
            replay,
        )?;
        opening.findings.push(Finding::Replaced { folder });
        opening.possibly_lost = 1;
        return Ok((opening, position));
    };
    let mut beginnings = Beginnings::new(dir, ledger, &numbers);
    let (from, pass) = loop {
        let from = beginnings.next()?;
        let at = from.map_or(0, |from| numbers.partition_point(|number| *number < from));
        let pass = Pass::over(dir, &numbers[at..], ledger, replay)?;
        if pass.is_whole || from.is_none() {
            break (numbers[at], pass);
        }
    };
    let mut findings = set_aside(disk, dir, pass.findings);
    let next = pass.next.unwrap_or(Next {
        seq: 1,
        head: GENESIS,
    });
    let last_seq = next.seq - 1;
    if pass.doubt {
        findings.push(Finding::PossiblyLost {
            after_seq: last_seq,
        });
    }
    let active = match &pass.newest {
        Some(part) if part.number == newest && part.copy_of.is_none() && !pass.doubt => {
            resume(disk, dir, part, ledger, options)?
        }
        _ => None,
    };
    let opening = Opening {
        ledger_id: ledger,
        created: false,
        findings,
        possibly_lost: u64::from(pass.doubt),
        last_seq,
    };
    let position = Position {
        next,
        active,
        next_segment: newest + 1,
        checkpoint_segment: from,
        since: pass.since,
        spares: files.spares,
    };
    Ok((opening, position))
}

/// The ledger of the newest segment that tells. None: nothing can be read.
fn whose(
    dir: &Path,
    identity: &Identity,
    numbers: &[u32],
) -> Result<Option<LedgerId>, LedgerError> {
    for number in numbers.iter().rev() {
        let Some(part) = Part::load(dir, *number)? else {
            continue;
        };
        check_box(dir, identity, &part)?;
        if let Some(ledger) = part.ledger() {
            return Ok(Some(ledger));
        }
    }
    Ok(None)
}

/// The segments with which a whole state seems to begin, from the newest back.
struct Beginnings<'a> {
    dir: &'a Path,
    ledger: LedgerId,
    older: std::iter::Rev<std::slice::Iter<'a, u32>>,
    backwards: Backwards,
}

impl<'a> Beginnings<'a> {
    fn new(dir: &'a Path, ledger: LedgerId, numbers: &'a [u32]) -> Self {
        Self {
            dir,
            ledger,
            older: numbers.iter().rev(),
            backwards: Backwards::default(),
        }
    }

    fn next(&mut self) -> Result<Option<u32>, LedgerError> {
        for number in self.older.by_ref() {
            let Some(part) = Part::load(self.dir, *number)? else {
                continue;
            };
            let frames = part.scan.frames();
            let commits: Vec<&Commit> = frames.map(|frame| &frame.commit).collect();
            let is_ours = part.ledger() == Some(self.ledger);
            if is_ours && self.backwards.is_begun_by(commits.into_iter()) {
                return Ok(Some(*number));
            }
        }
        Ok(None)
    }
}

fn check_box(dir: &Path, identity: &Identity, part: &Part) -> Result<(), LedgerError> {
    match part.scan.readable_header() {
        Some(header) if header.identity != *identity => Err(LedgerError::WrongBox {
            dir: dir.to_path_buf(),
            found: header.identity.clone(),
            wanted: identity.clone(),
        }),
        _ => Ok(()),
    }
}

/// One reading from a segment to the end, a segment at a time.
struct Pass {
    whole: Forwards,
    /// Of the parts of a state that were read last.
    parts_bytes: u64,
    /// Whether a whole state counts in it.
    is_whole: bool,
    findings: Vec<Finding>,
    next: Option<Next>,
    doubt: bool,
    since: Since,
    /// The last segment that is there, without its commits.
    newest: Option<Part>,
}

impl Pass {
    fn over(
        dir: &Path,
        numbers: &[u32],
        ledger: LedgerId,
        replay: &mut dyn Replay,
    ) -> Result<Self, LedgerError> {
        let mut chain = Chain::default();
        let mut pass = Self {
            whole: Forwards::default(),
            parts_bytes: 0,
            is_whole: false,
            findings: Vec::new(),
            next: None,
            doubt: false,
            since: Since::default(),
            newest: None,
        };
        replay.begin(ledger);
        for number in numbers {
            let Some(mut part) = Part::load(dir, *number)? else {
                continue;
            };
            let (counted, mut found) = follow(&mut chain, ledger, &mut part);
            for commit in counted {
                pass.note(&commit);
                replay.commit(commit);
            }
            pass.findings.append(&mut found);
            pass.newest = Some(part);
        }
        if let Some(Frame { commit, .. }) = chain.end() {
            pass.note(&commit);
            replay.commit(commit);
        }
        pass.next = chain.next();
        pass.doubt = chain.in_doubt();
        Ok(pass)
    }

    fn note(&mut self, commit: &Commit) {
        let bytes = frame_bytes(&commit.records).unwrap_or(usize::MAX);
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        self.parts_bytes = match commit.checkpoint {
            Checkpoint::First => bytes,
            Checkpoint::Further | Checkpoint::Last => self.parts_bytes.saturating_add(bytes),
            Checkpoint::Whole | Checkpoint::No => 0,
        };
        if self.whole.look(commit) {
            self.is_whole = true;
            self.since = Since {
                state_bytes: self.parts_bytes,
                bytes: 0,
            };
        } else {
            self.since.bytes = self.since.bytes.saturating_add(bytes);
        }
    }
}

/// Copies what is unreadable in files that will be written again, and drops what was told before.
fn set_aside(disk: &Disk, dir: &Path, mut findings: Vec<Finding>) -> Vec<Finding> {
    findings.retain_mut(|finding| {
        let Finding::Unreadable {
            file,
            from,
            bytes,
            copy,
        } = finding
        else {
            return true;
        };
        let from = usize::try_from(*from).unwrap_or(usize::MAX);
        let length = usize::try_from(*bytes).unwrap_or(usize::MAX);
        let number = files::live_number(file);
        let part = number.and_then(|number| Part::load(dir, number).ok().flatten());
        let Some((part, damaged)) = part.as_ref().and_then(|part| {
            let damaged = part.bytes.get(from..from.checked_add(length)?)?;
            (!part.packed).then_some((part, damaged))
        }) else {
            return true;
        };
        match aside::copy(disk, dir, part.number, from, damaged) {
            Ok((path, new)) => {
                *copy = Some(path);
                new
            }
            Err(error) => {
                tracing::warn!(
                    %error,
                    "damaged ledger blocks could not be copied; they stay where they are"
                );
                true
            }
        }
    });
    findings
}

/// The newest segment, if commits can go on in it. One that ends in doubt is closed: its blocks
/// may be an acknowledged commit's.
fn resume(
    disk: &Disk,
    dir: &Path,
    part: &Part,
    ledger: LedgerId,
    options: &Options,
) -> Result<Option<Active>, LedgerError> {
    let Some(header) = part.scan.readable_header() else {
        return Ok(None);
    };
    if part.packed || header.packed || header.segment != part.number || header.ledger != ledger {
        return Ok(None);
    }
    let capacity = if header.grows {
        options.segment_blocks()
    } else {
        part.bytes.len() / BLOCK
    };
    Ok(Some(Active {
        number: part.number,
        file: disk.open(&files::live(dir, part.number))?,
        grows: header.grows,
        next_block: u32::try_from(blocks(part.scan.end)).unwrap_or(u32::MAX),
        blocks: u32::try_from(capacity).unwrap_or(0),
    }))
}

/// Begins a ledger in a folder that holds none.
#[expect(
    clippy::too_many_arguments,
    reason = "those of a start, and nothing is left of them"
)]
fn create(
    disk: &Disk,
    dir: &Path,
    identity: &Identity,
    options: &Options,
    grows: bool,
    ledger: LedgerId,
    spares: Vec<PathBuf>,
    replay: &mut dyn Replay,
) -> Result<(Opening, Position), LedgerError> {
    const FIRST: u32 = 1;
    replay.begin(ledger);
    let file_bytes = if grows {
        0
    } else {
        options.first_segment_bytes()
    };
    let header = SegmentHeader {
        grows,
        packed: false,
        parts: false,
        segment: FIRST,
        ledger,
        first_seq: 1,
        previous: GENESIS,
        file_bytes,
        identity: identity.clone(),
    };
    let unfinished = files::unfinished(&files::live(dir, FIRST));
    let file = match write_first(disk, dir, &unfinished, &header) {
        Ok(file) => file,
        Err(error) => {
            // Best effort: a later start removes it, and the first error is the one to tell.
            let _ = disk.remove(&unfinished);
            return Err(error);
        }
    };
    let capacity = if grows {
        options.segment_blocks()
    } else {
        usize_of(file_bytes / BLOCK_BYTES)
    };
    let opening = Opening {
        ledger_id: ledger,
        created: true,
        findings: Vec::new(),
        possibly_lost: 0,
        last_seq: 0,
    };
    let position = Position {
        next: Next {
            seq: 1,
            head: GENESIS,
        },
        active: Some(Active {
            number: FIRST,
            file,
            grows,
            next_block: 1,
            blocks: u32::try_from(capacity).unwrap_or(0),
        }),
        next_segment: FIRST + 1,
        checkpoint_segment: FIRST,
        since: Since::default(),
        spares,
    };
    Ok((opening, position))
}

fn write_first(
    disk: &Disk,
    dir: &Path,
    unfinished: &Path,
    header: &SegmentHeader,
) -> Result<DiskFile, LedgerError> {
    let mut file = disk.create(unfinished)?;
    write_zeros(disk, &file, header.file_bytes, &Default::default())?;
    disk.write(&file, &header.encode(), 0)?;
    disk.sync_all(&file)?;
    disk.rename(&mut file, &files::live(dir, header.segment))?;
    disk.sync_folder(dir)?;
    Ok(file)
}

fn usize_of(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
