//! Opening a ledger: lock, read the last checkpoint and what follows it, or begin a new one.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::FlockOperation;

use crate::lane::number::LedgerId;
use crate::store::record::{Commit, Record};

use super::aside;
use super::chain::{Chain, Next};
use super::disk::{Disk, DiskFile};
use super::error::LedgerError;
use super::files::{self, Files, LOCK};
use super::finding::Finding;
use super::history::{Part, follow};
use super::layout::{BLOCK, BLOCK_BYTES, GENESIS, Identity, SegmentHeader, blocks};
use super::spare::write_zeros;
use super::{Active, Options};

/// What a start gets from the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    pub ledger_id: LedgerId,
    /// Whether this ledger was begun just now.
    pub created: bool,
    /// The whole state at the last checkpoint; empty if there has been none.
    pub checkpoint: Vec<Record>,
    /// The commits since then, oldest first.
    pub tail: Vec<Commit>,
    /// What is amiss in the part that was read. What was set aside before is not told again.
    pub findings: Vec<Finding>,
    /// Commits that may have been acknowledged and cannot be read at the ledger's end. If not 0,
    /// numbers that were drawn since may be in use already: skip some.
    pub possibly_lost: u64,
    /// 0 in a new ledger.
    pub last_seq: u64,
}

/// Where commits go on.
pub(super) struct Position {
    pub(super) next: Next,
    pub(super) active: Option<Active>,
    pub(super) next_segment: u32,
    /// The segment that a start reads from.
    pub(super) checkpoint_segment: u32,
    pub(super) spares: Vec<PathBuf>,
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
) -> Result<(Opening, Position), LedgerError> {
    // Removals of an earlier run that were not durable yet must not come undone from now on.
    disk.sync_folder(dir)?;
    let files = Files::list(dir)?;
    for path in &files.unfinished {
        disk.remove(path)?;
    }
    let numbers = files.numbers();
    let Some(newest) = numbers.last().copied() else {
        return create(disk, dir, identity, options, grows, fresh, files.spares);
    };
    let (parts, ledger) = load_back_to_checkpoint(disk, dir, identity, &files)?;
    let Some(ledger) = ledger else {
        let folder = aside::move_all(disk, dir, &files)?;
        let (mut opening, position) =
            create(disk, dir, identity, options, grows, fresh, files.spares)?;
        opening.findings.push(Finding::Replaced { folder });
        opening.possibly_lost = 1;
        return Ok((opening, position));
    };
    let outcome = Outcome::of(&parts, ledger);
    let mut findings = set_aside(disk, dir, &parts, outcome.findings);
    let next = outcome.next.unwrap_or(Next {
        seq: 1,
        head: GENESIS,
    });
    let last_seq = next.seq - 1;
    if outcome.doubt {
        findings.push(Finding::PossiblyLost {
            after_seq: last_seq,
        });
    }
    let mut tail = outcome.commits;
    let checkpoint = match tail.iter().rposition(Commit::is_whole_checkpoint) {
        Some(at) => tail
            .drain(..=at)
            .next_back()
            .map_or(Vec::new(), |commit| commit.records),
        None => Vec::new(),
    };
    let active = match parts.back() {
        Some(part) if part.number == newest && part.copy_of.is_none() && !outcome.doubt => {
            resume(disk, dir, part, ledger, options)?
        }
        _ => None,
    };
    let opening = Opening {
        ledger_id: ledger,
        created: false,
        checkpoint,
        tail,
        findings,
        possibly_lost: u64::from(outcome.doubt),
        last_seq,
    };
    let position = Position {
        next,
        active,
        next_segment: newest + 1,
        checkpoint_segment: parts.front().map_or(newest, |part| part.number),
        spares: files.spares,
    };
    Ok((opening, position))
}

/// Reads segments from the newest back until one of them holds a checkpoint that counts.
fn load_back_to_checkpoint(
    disk: &Disk,
    dir: &Path,
    identity: &Identity,
    files: &Files,
) -> Result<(VecDeque<Part>, Option<LedgerId>), LedgerError> {
    let (mut parts, mut ledger) = (VecDeque::new(), None);
    for number in files.numbers().into_iter().rev() {
        if files.live.contains(&number) {
            let file = disk.open(&files::live(dir, number))?;
            disk.sync_data(&file)?;
            disk.forget_cache(&file);
        }
        let Some(part) = Part::load(dir, number)? else {
            continue;
        };
        if ledger.is_none() {
            check_box(dir, identity, &part)?;
            ledger = part.ledger();
        }
        let of_interest = part
            .scan
            .frames()
            .any(|frame| frame.commit.is_whole_checkpoint());
        parts.push_front(part);
        if let Some(ledger) = ledger
            && of_interest
            && Outcome::of(&parts, ledger)
                .commits
                .iter()
                .any(Commit::is_whole_checkpoint)
        {
            break;
        }
    }
    Ok((parts, ledger))
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

struct Outcome {
    commits: Vec<Commit>,
    findings: Vec<Finding>,
    next: Option<Next>,
    doubt: bool,
}

impl Outcome {
    fn of(parts: &VecDeque<Part>, ledger: LedgerId) -> Self {
        let mut chain = Chain::default();
        let (mut commits, mut findings) = (Vec::new(), Vec::new());
        for part in parts {
            let (mut counted, mut found) = follow(&mut chain, ledger, part);
            commits.append(&mut counted);
            findings.append(&mut found);
        }
        commits.extend(chain.end().map(|frame| frame.commit));
        Self {
            commits,
            findings,
            next: chain.next(),
            doubt: chain.in_doubt(),
        }
    }
}

/// Copies what is unreadable in files that will be written again, and drops what was told before.
fn set_aside(
    disk: &Disk,
    dir: &Path,
    parts: &VecDeque<Part>,
    mut findings: Vec<Finding>,
) -> Vec<Finding> {
    findings.retain_mut(|finding| {
        let Finding::Unreadable { file, from, bytes, copy } = finding else {
            return true;
        };
        let from = usize::try_from(*from).unwrap_or(usize::MAX);
        let length = usize::try_from(*bytes).unwrap_or(usize::MAX);
        let part = parts.iter().find(|part| part.name == *file && !part.packed);
        let Some((part, damaged)) =
            part.and_then(|part| Some((part, part.bytes.get(from..from.checked_add(length)?)?)))
        else {
            return true;
        };
        match aside::copy(disk, dir, part.number, from, damaged) {
            Ok((path, new)) => {
                *copy = Some(path);
                new
            }
            Err(error) => {
                tracing::warn!(%error, "damaged ledger blocks could not be copied; they stay where they are");
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
fn create(
    disk: &Disk,
    dir: &Path,
    identity: &Identity,
    options: &Options,
    grows: bool,
    ledger: LedgerId,
    spares: Vec<PathBuf>,
) -> Result<(Opening, Position), LedgerError> {
    const FIRST: u32 = 1;
    let file_bytes = if grows {
        0
    } else {
        options.first_segment_bytes()
    };
    let header = SegmentHeader {
        grows,
        packed: false,
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
        checkpoint: Vec::new(),
        tail: Vec::new(),
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
