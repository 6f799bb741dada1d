//! Which commits count, and what is missing between them (`docs/ledger-format.md`, "The whole
//! ledger").

use super::Finding;
use super::bytes::Frame;

/// Is shown segments and frames from the oldest to the newest.
#[derive(Default)]
pub(super) struct Order {
    pub(super) findings: Vec<Finding>,
    next: Option<Next>,
    held: Option<Held>,
    /// Something unreadable stands behind the held commit, in this file.
    doubt: Option<String>,
    file: String,
}

#[derive(Clone, Copy)]
struct Next {
    seq: u64,
    head: [u8; 32],
}

/// The last commit seen, until the next one shows that it counts.
struct Held {
    frame: Frame,
    file: String,
    /// What `next` was before it.
    before: Option<Next>,
}

impl Order {
    /// A segment begins.
    pub(super) fn in_file(&mut self, file: &str) {
        file.clone_into(&mut self.file);
    }

    /// Its header can be read.
    pub(super) fn header(&mut self, first_seq: u64, head_before: [u8; 32]) {
        let stated = Next {
            seq: first_seq,
            head: head_before,
        };
        match self.next {
            None => self.next = Some(stated),
            Some(next) if next.seq < first_seq => {
                self.missing(0, next.seq, first_seq - 1);
                self.next = Some(stated);
            }
            Some(_) => {}
        }
    }

    /// Something unreadable stands here.
    pub(super) fn something_unreadable(&mut self) {
        self.doubt = Some(self.file.clone());
    }

    /// The next readable frame; returns the commit that counts now.
    pub(super) fn frame(&mut self, frame: Frame) -> Option<Frame> {
        let first = frame.first_seq;
        let (at, file) = (frame.at, self.file.clone());
        let lies_within =
            |held: &mut Held| (held.frame.first_seq..=held.frame.last_seq()).contains(&first);
        if let Some(held) = self.held.take_if(lies_within) {
            self.never_acknowledged(&held);
        }
        if let Some(next) = self.next {
            if first < next.seq {
                let seq = first;
                self.findings.push(Finding::OutOfOrder { file, at, seq });
                return None;
            }
            if first == next.seq && frame.head_before != next.head {
                let in_doubt = self.doubt.is_some();
                let gave_way = |held: &mut Held| in_doubt && held.frame.last_seq() + 1 == first;
                match self.held.take_if(gave_way) {
                    // What took its place is what cannot be read.
                    Some(held) => self.never_acknowledged(&held),
                    None => {
                        let seq = first;
                        self.findings.push(Finding::Altered { file, at, seq });
                    }
                }
            }
        }
        if let Some(next) = self.next.filter(|next| next.seq < first) {
            self.missing(at, next.seq, first - 1);
        }
        let before = Some(Next {
            seq: first,
            head: frame.head_before,
        });
        self.next = Some(Next {
            seq: frame.last_seq() + 1,
            head: frame.head,
        });
        self.doubt = None;
        let held = Held {
            frame,
            file: self.file.clone(),
            before,
        };
        self.held.replace(held).map(|held| held.frame)
    }

    /// The ledger ends here; returns its last commit.
    pub(super) fn end(&mut self) -> Option<Frame> {
        self.held.take().map(|held| held.frame)
    }

    /// The file whose end is unreadable, if the ledger ends so.
    pub(super) fn in_doubt(&self) -> Option<String> {
        self.doubt.clone()
    }

    /// The head after the last commit.
    pub(super) fn head(&self) -> Option<[u8; 32]> {
        self.next.map(|next| next.head)
    }

    /// The seq that has to follow.
    pub(super) fn next_seq(&self) -> Option<u64> {
        self.next.map(|next| next.seq)
    }

    fn never_acknowledged(&mut self, held: &Held) {
        self.next = held.before;
        self.findings.push(Finding::NeverAcknowledged {
            file: held.file.clone(),
            at: held.frame.at,
            first: held.frame.first_seq,
            last: held.frame.last_seq(),
        });
    }

    fn missing(&mut self, at: u64, first: u64, last: u64) {
        let file = self.file.clone();
        self.findings.push(Finding::Missing {
            file,
            at,
            first,
            last,
        });
    }
}
