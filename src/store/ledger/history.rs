//! A ledger's commits in order, read from its files without a lock.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use crate::lane::number::LedgerId;
use crate::store::record::Commit;

use super::chain::Chain;
use super::error::LedgerError;
use super::files::{self, Files};
use super::finding::Finding;
use super::layout::{FORMAT, HeaderBlock, SegmentHeader};
use super::scan::{Piece, Scan};
use super::whole::Backwards;

/// One segment, read and taken apart.
pub(super) struct Part {
    pub(super) number: u32,
    pub(super) name: String,
    pub(super) packed: bool,
    pub(super) bytes: Vec<u8>,
    pub(super) scan: Scan,
    /// Somebody's copy of this segment, which is there as well.
    pub(super) copy_of: Option<u32>,
}

impl Part {
    /// Reads a segment; `None` if it is gone.
    ///
    /// # Errors
    /// If it was written by a newer parkgate, whose rules may differ, or cannot be opened.
    pub(super) fn load(dir: &Path, number: u32) -> Result<Option<Self>, LedgerError> {
        let Some(file) = files::load(dir, number)? else {
            return Ok(None);
        };
        let scan = Scan::of(&file.bytes, number, file.packed);
        if let HeaderBlock::Newer(found) = scan.header {
            let path = dir.join(&file.name);
            let known = FORMAT;
            return Err(LedgerError::NewerFormat { path, found, known });
        }
        let copy_of = scan
            .readable_header()
            .and_then(|header| original(dir, number, header));
        Ok(Some(Self {
            number,
            name: file.name,
            packed: file.packed,
            bytes: file.bytes,
            scan,
            copy_of,
        }))
    }

    /// Which ledger the segment is of; `None` if it does not tell, or is left out as a copy.
    pub(super) fn ledger(&self) -> Option<LedgerId> {
        match self.copy_of {
            Some(_) => None,
            None => self.scan.ledger(),
        }
    }
}

/// The segment that a file under another number is a copy of: the same one, under its own number.
fn original(dir: &Path, number: u32, header: &SegmentHeader) -> Option<u32> {
    let of = header.segment;
    let same = |other: &SegmentHeader| other.segment == of && other.ledger == header.ledger;
    let is_copy = of != number && files::header(dir, of).as_ref().is_some_and(same);
    is_copy.then_some(of)
}

/// As [`Part::ledger`], by the header alone where that can be read.
fn ledger_of(dir: &Path, number: u32) -> Result<Option<LedgerId>, LedgerError> {
    if let Some(header) = files::header(dir, number)
        && original(dir, number, &header).is_none()
    {
        return Ok(Some(header.ledger));
    }
    Ok(Part::load(dir, number)?.and_then(|part| part.ledger()))
}

/// Shows a segment to the chain; gives back the commits that now count and what was found.
pub(super) fn follow(
    chain: &mut Chain,
    ledger: LedgerId,
    part: &mut Part,
) -> (Vec<Commit>, Vec<Finding>) {
    let (mut commits, mut findings) = (Vec::new(), Vec::new());
    if let Some(of) = part.copy_of {
        let file = part.name.clone();
        return (commits, vec![Finding::Copy { file, of }]);
    }
    if part.ledger().is_some_and(|of| of != ledger) {
        let file = part.name.clone();
        return (commits, vec![Finding::Foreign { file }]);
    }
    if let Some(header) = part.scan.readable_header() {
        chain.segment(header);
    }
    for piece in std::mem::take(&mut part.scan.pieces) {
        match piece {
            Piece::Frame(frame) => {
                commits.extend(chain.frame(&part.name, frame).map(|f| f.commit));
            }
            Piece::Unreadable(range) => {
                chain.unreadable();
                findings.push(Finding::Unreadable {
                    file: part.name.clone(),
                    from: u64::try_from(range.start).unwrap_or(u64::MAX),
                    bytes: u64::try_from(range.len()).unwrap_or(u64::MAX),
                    copy: None,
                });
            }
            Piece::Truncated { expected } => {
                chain.unreadable();
                findings.push(Finding::Truncated {
                    file: part.name.clone(),
                    bytes: u64::try_from(part.bytes.len()).unwrap_or(u64::MAX),
                    expected,
                });
            }
        }
        findings.append(&mut chain.take_findings());
    }
    findings.append(&mut chain.take_findings());
    (commits, findings)
}

/// Every readable commit of a ledger, oldest first.
pub struct Commits {
    dir: PathBuf,
    ledger: Option<LedgerId>,
    numbers: VecDeque<u32>,
    pub(super) chain: Chain,
    ready: VecDeque<Commit>,
    pub(super) findings: Vec<Finding>,
    pub(super) segments: u64,
    ended: bool,
}

impl Commits {
    /// Looks at the folder; reads segments as they are asked for. The newest readable segment says
    /// which ledger this is.
    pub(super) fn of(dir: &Path) -> Result<Self, LedgerError> {
        let numbers: VecDeque<u32> = Files::list(dir)?.numbers().into_iter().collect();
        let mut ledger = None;
        for number in numbers.iter().rev() {
            ledger = ledger_of(dir, *number)?;
            if ledger.is_some() {
                break;
            }
        }
        Ok(Self {
            dir: dir.to_path_buf(),
            ledger,
            numbers,
            chain: Chain::default(),
            ready: VecDeque::new(),
            findings: Vec::new(),
            segments: 0,
            ended: false,
        })
    }

    /// As [`Commits::of`], from the newest segment on with which a whole state begins and of whose
    /// commits `is_early_enough` says so.
    pub(super) fn since(
        dir: &Path,
        mut is_early_enough: impl FnMut(&[&Commit]) -> bool,
    ) -> Result<Self, LedgerError> {
        let mut all = Self::of(dir)?;
        let (mut from, mut backwards) = (None, Backwards::default());
        for number in all.numbers.iter().rev() {
            let Some(part) = Part::load(dir, *number)? else {
                continue;
            };
            if part.ledger().is_none() || part.ledger() != all.ledger {
                continue;
            }
            let commits: Vec<&Commit> = part.scan.frames().map(|frame| &frame.commit).collect();
            let begins = backwards.is_begun_by(commits.iter().copied());
            if begins && is_early_enough(&commits) {
                from = Some(*number);
                break;
            }
        }
        if let Some(from) = from {
            all.numbers.retain(|number| *number >= from);
        }
        Ok(all)
    }

    /// As [`Commits::of`], from the segment on in which the record `seq` stands: by the segments' headers, of
    /// which few are read.
    pub(super) fn from(dir: &Path, seq: u64) -> Result<Self, LedgerError> {
        let mut all = Self::of(dir)?;
        let numbers = all.numbers.make_contiguous();
        // Those before `from` begin before the record, those from `until` on behind it.
        let (mut from, mut until) = (0, numbers.len());
        while from < until {
            let middle = from.midpoint(until);
            let mut readable = (from..=middle).rev();
            let header = readable.find_map(|at| Some((at, files::header(dir, numbers[at])?)));
            match header {
                Some((at, header)) if header.first_seq <= seq => from = at + 1,
                Some((at, _)) => until = at,
                // Nobody knows: it is read.
                None => break,
            }
        }
        all.numbers.drain(..from.saturating_sub(1));
        Ok(all)
    }

    /// The ledger's id; `None` if nothing is readable.
    pub fn ledger_id(&self) -> Option<LedgerId> {
        self.ledger
    }

    fn read_next(&mut self, number: u32) -> Result<(), LedgerError> {
        let Some(mut part) = Part::load(&self.dir, number)? else {
            return Ok(());
        };
        // Without an id nothing is readable, and any id finds the same faults.
        let ledger = self.ledger.unwrap_or(LedgerId(0));
        let (commits, mut findings) = follow(&mut self.chain, ledger, &mut part);
        self.ready.extend(commits);
        self.findings.append(&mut findings);
        self.segments += 1;
        Ok(())
    }
}

/// An error costs its segment; the iteration goes on with the next one.
impl Iterator for Commits {
    type Item = Result<Commit, LedgerError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(commit) = self.ready.pop_front() {
                return Some(Ok(commit));
            }
            match self.numbers.pop_front() {
                Some(number) => {
                    if let Err(error) = self.read_next(number) {
                        self.chain.unreadable();
                        return Some(Err(error));
                    }
                }
                None if self.ended => return None,
                None => {
                    self.ended = true;
                    return self.chain.end().map(|frame| Ok(frame.commit));
                }
            }
        }
    }
}
