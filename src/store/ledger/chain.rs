//! The order of commits over segments: which of them count, and what is missing. Pure.

use super::finding::Finding;
use super::layout::{Frame, Head, SegmentHeader};

/// Is shown a ledger's parts from the oldest to the newest and gives back the commits that count.
///
/// A commit that failed was reported as failed, may stand on the disk all the same, and was then
/// written anew elsewhere under the same seqs. Therefore each commit is held until the next one
/// shows that it counts.
#[derive(Debug, Default)]
pub(super) struct Chain {
    next: Option<Next>,
    held: Option<Held>,
    /// Whether something unreadable stood after the held commit.
    doubt: bool,
    findings: Vec<Finding>,
}

/// What has to follow.
#[derive(Clone, Copy, Debug)]
pub(super) struct Next {
    pub(super) seq: u64,
    pub(super) head: Head,
}

#[derive(Debug)]
struct Held {
    frame: Frame,
    before: Next,
}

impl Chain {
    /// A segment begins.
    pub(super) fn segment(&mut self, header: &SegmentHeader) {
        let stated = Next {
            seq: header.first_seq,
            head: header.previous,
        };
        match self.next {
            None => self.next = Some(stated),
            Some(next) if next.seq < stated.seq => {
                self.missing(next.seq, stated.seq - 1);
                self.next = Some(stated);
            }
            // A header with a lower seq stands before the commit that supersedes the held one;
            // that commit itself decides.
            Some(_) => {}
        }
    }

    /// Something unreadable stands here.
    pub(super) fn unreadable(&mut self) {
        self.doubt = true;
    }

    /// The next readable commit; gives back the one that now counts.
    pub(super) fn frame(&mut self, file: &str, frame: Frame) -> Option<Frame> {
        let first = frame.commit.first_seq;
        if let Some(held) = self.held.take_if(|held| held.covers(first)) {
            self.superseded(&held);
        }
        let mut next = *self.next.get_or_insert(Next {
            seq: first,
            head: frame.place.previous,
        });
        if first < next.seq {
            let file = file.to_owned();
            self.findings.push(Finding::OutOfOrder { file, seq: first });
            return None;
        }
        if first == next.seq && frame.place.previous != next.head {
            let doubt = self.doubt;
            match self
                .held
                .take_if(|held| doubt && held.frame.commit.last_seq() + 1 == first)
            {
                // What stood between was what took the held one's place.
                Some(held) => {
                    self.superseded(&held);
                    next = held.before;
                }
                None => self.findings.push(Finding::ChainBroken { seq: first }),
            }
        }
        if next.seq < first {
            self.missing(next.seq, first - 1);
        }
        self.next = Some(Next {
            seq: frame.commit.last_seq() + 1,
            head: frame.head,
        });
        self.doubt = false;
        let before = Next {
            seq: first,
            head: frame.place.previous,
        };
        self.held
            .replace(Held { frame, before })
            .map(|held| held.frame)
    }

    /// The ledger ends here; gives back the last commit.
    pub(super) fn end(&mut self) -> Option<Frame> {
        self.held.take().map(|held| held.frame)
    }

    /// Whether the newest part of the ledger is unreadable.
    pub(super) fn in_doubt(&self) -> bool {
        self.doubt
    }

    /// What a new commit has to follow.
    pub(super) fn next(&self) -> Option<Next> {
        self.next
    }

    /// Hands over what was found since the last call.
    pub(super) fn take_findings(&mut self) -> Vec<Finding> {
        std::mem::take(&mut self.findings)
    }

    fn superseded(&mut self, held: &Held) {
        let (first, last) = (held.frame.commit.first_seq, held.frame.commit.last_seq());
        self.findings.push(Finding::Superseded { first, last });
        self.next = Some(held.before);
    }

    fn missing(&mut self, first: u64, last: u64) {
        self.findings.push(Finding::Missing { first, last });
    }
}

impl Held {
    fn covers(&self, seq: u64) -> bool {
        (self.frame.commit.first_seq..=self.frame.commit.last_seq()).contains(&seq)
    }
}
