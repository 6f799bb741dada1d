//! Who came and went, and how long the barriers kept them waiting.

use crate::lane::plate::PlateNumber;

/// All cars so far, in order of their coming.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SiteReport {
    pub visits: Vec<Visit>,
}

/// One car.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visit {
    pub plate: PlateNumber,
    /// From the first final reading at the entry to the pulse at the relay, milliseconds; None if it has
    /// not been let in.
    pub let_in_after_ms: Option<u64>,
    /// The same at the exit.
    pub let_out_after_ms: Option<u64>,
    /// It has left through the exit.
    pub gone: bool,
    /// It waited in vain at one of the barriers.
    pub gave_up: bool,
}

impl SiteReport {
    /// Cars that came in and went out again.
    pub fn passages(&self) -> usize {
        self.count(|visit| visit.gone)
    }

    /// Cars that waited in vain for a barrier.
    pub fn not_raised(&self) -> usize {
        self.count(|visit| visit.gave_up)
    }

    /// Cars that were let in and have not left.
    pub fn inside(&self) -> usize {
        self.count(|visit| visit.let_in_after_ms.is_some() && !visit.gone)
    }

    /// From reading to relay at every barrier that rose, milliseconds, shortest first.
    pub fn latencies_ms(&self) -> Vec<u64> {
        self.sorted(|visit| [visit.let_in_after_ms, visit.let_out_after_ms])
    }

    /// The same at the entries alone.
    pub fn entry_latencies_ms(&self) -> Vec<u64> {
        self.sorted(|visit| [visit.let_in_after_ms, None])
    }

    /// The same at the exits alone.
    pub fn exit_latencies_ms(&self) -> Vec<u64> {
        self.sorted(|visit| [None, visit.let_out_after_ms])
    }

    fn count(&self, counts: impl Fn(&Visit) -> bool) -> usize {
        self.visits.iter().filter(|visit| counts(visit)).count()
    }

    fn sorted(&self, of: impl Fn(&Visit) -> [Option<u64>; 2]) -> Vec<u64> {
        let mut all: Vec<u64> = self.visits.iter().flat_map(of).flatten().collect();
        all.sort_unstable();
        all
    }
}

/// The value that `percent` of all values do not exceed, by nearest rank; 0 without values.
pub fn percentile(sorted: &[u64], percent: usize) -> u64 {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted
        .get(rank.saturating_sub(1))
        .copied()
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_occurred() {
        let hundred: Vec<u64> = (1..=100).collect();
        assert_eq!(
            (percentile(&hundred, 50), percentile(&hundred, 99)),
            (50, 99)
        );
        assert_eq!((percentile(&[7], 50), percentile(&[7], 99)), (7, 7));
        assert_eq!(percentile(&[1, 2, 9], 99), 9);
        assert_eq!(percentile(&[], 99), 0);
    }
}
