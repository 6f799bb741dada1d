//! Where a whole state begins: it stands in one commit, or in several that follow each other. Pure.

use crate::store::record::{Checkpoint, Commit};

/// Is shown a ledger's segments from the newest to the oldest.
#[derive(Debug, Default)]
pub(super) struct Backwards {
    /// Seq at which the parts that were seen begin, if the last one is among them.
    goes_on_at: Option<u64>,
}

/// Is shown commits that count from the oldest to the newest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Forwards {
    /// Seq at which the next part has to begin, if the first one was seen.
    goes_on_at: Option<u64>,
}

impl Backwards {
    /// Whether a whole state begins with the first of a segment's commits.
    pub(super) fn is_begun_by<'c>(
        &mut self,
        commits: impl DoubleEndedIterator<Item = &'c Commit>,
    ) -> bool {
        let mut begins = false;
        for commit in commits.rev() {
            begins = self.look(commit);
        }
        begins
    }

    /// The next older commit: whether a whole state begins with it.
    fn look(&mut self, commit: &Commit) -> bool {
        let behind = commit.last_seq().saturating_add(1);
        let goes_on = self.goes_on_at.take() == Some(behind);
        if !commit.is_checkpoint() {
            return false;
        }
        match commit.checkpoint {
            Checkpoint::Whole => true,
            Checkpoint::First => goes_on,
            Checkpoint::Further if goes_on => {
                self.goes_on_at = Some(commit.first_seq);
                false
            }
            Checkpoint::Last => {
                self.goes_on_at = Some(commit.first_seq);
                false
            }
            Checkpoint::Further | Checkpoint::No => false,
        }
    }
}

impl Forwards {
    /// The next commit: whether a whole state ends with it.
    pub(super) fn look(&mut self, commit: &Commit) -> bool {
        let goes_on = self.goes_on_at.take() == Some(commit.first_seq);
        if !commit.is_checkpoint() {
            return false;
        }
        match commit.checkpoint {
            Checkpoint::Whole => true,
            Checkpoint::Last => goes_on,
            Checkpoint::Further if !goes_on => false,
            Checkpoint::First | Checkpoint::Further => {
                self.goes_on_at = Some(commit.last_seq().saturating_add(1));
                false
            }
            Checkpoint::No => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::record::{Class, Record};

    fn commits(kinds: &[Checkpoint]) -> Vec<Commit> {
        let record = Record {
            class: Class::Session,
            kind: 3,
            version: 1,
            payload: Vec::new(),
        };
        let all = (1..).step_by(2).zip(kinds);
        all.map(|(first_seq, checkpoint)| Commit {
            first_seq,
            checkpoint: *checkpoint,
            records: vec![record.clone(), record.clone()],
            erased: Vec::new(),
        })
        .collect()
    }

    /// At which of the commits a whole state begins, and at which it ends.
    fn found(commits: &[Commit]) -> (Vec<usize>, Vec<usize>) {
        let (mut backwards, mut forwards) = (Backwards::default(), Forwards::default());
        let mut begins: Vec<usize> = (0..commits.len())
            .rev()
            .filter(|at| backwards.is_begun_by(commits[*at..=*at].iter()))
            .collect();
        begins.reverse();
        let ends = (0..commits.len()).filter(|at| forwards.look(&commits[*at]));
        (begins, ends.collect())
    }

    #[test]
    fn a_state_is_whole_if_each_part_follows_the_one_before() {
        use Checkpoint::{First, Further, Last, No, Whole};
        for (kinds, begins, ends) in [
            (vec![No, Whole, No], vec![1], vec![1]),
            (
                vec![No, First, Further, Further, Last, No],
                vec![1],
                vec![4],
            ),
            (vec![First, Last, First, Last], vec![0, 2], vec![1, 3]),
            // The power went, and the next run began anew.
            (
                vec![Whole, No, First, Further, No, First, Last],
                vec![0, 5],
                vec![0, 6],
            ),
            (vec![First, No, Last], vec![], vec![]),
            (vec![First, Further, Whole], vec![2], vec![2]),
            (vec![Further, Last, First], vec![], vec![]),
        ] {
            let commits = commits(&kinds);
            assert_eq!(found(&commits), (begins.clone(), ends.clone()), "{kinds:?}");
            for at in 0..commits.len() {
                let mut erased = commits.clone();
                erased[at].erased = vec![erased[at].first_seq];
                let (still, _) = found(&erased);
                let of = begins
                    .iter()
                    .zip(&ends)
                    .filter(|(from, to)| !(**from..=**to).contains(&at));
                let of: Vec<usize> = of.map(|(from, _)| *from).collect();
                assert_eq!(still, of, "{kinds:?}, erased {at}");
            }
        }
    }

    #[test]
    fn a_gap_between_parts_breaks_the_state() {
        use Checkpoint::{First, Further, Last};
        let mut commits = commits(&[First, Further, Last]);
        commits.remove(1);
        assert_eq!(found(&commits), (vec![], vec![]));
    }
}
