//! The clock by which the time of a car park is counted while cars may be in a zone within it.

/// A time in which the clock stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pause {
    /// What the clock shows, seconds.
    at_s: u64,
    /// From when it shows that, seconds from the entry.
    from_s: u64,
    /// Until when.
    to_s: u64,
}

impl Pause {
    /// From sorted times that do not overlap; those that touch are one.
    pub(super) fn all(stands: &[(u64, u64)]) -> Vec<Self> {
        let mut pauses: Vec<Self> = Vec::new();
        let mut stood_s = 0_u64;
        for (from_s, to_s) in stands {
            match pauses.last_mut().filter(|before| before.to_s == *from_s) {
                Some(before) => before.to_s = *to_s,
                None => pauses.push(Self {
                    at_s: from_s - stood_s,
                    from_s: *from_s,
                    to_s: *to_s,
                }),
            }
            stood_s += to_s - from_s;
        }
        pauses
    }
}

/// Between what the clock shows and the seconds since the entry. Without a pause they are the same.
#[derive(Clone, Copy)]
pub(super) struct Clock<'a>(pub &'a [Pause]);

impl Clock<'_> {
    /// When the clock goes on from what it shows.
    pub(super) fn since_entry_s(self, counted_s: u64) -> u64 {
        let before = self.0.partition_point(|pause| pause.at_s <= counted_s);
        self.after(before, counted_s)
    }

    /// When it first shows that.
    pub(super) fn first_since_entry_s(self, counted_s: u64) -> u64 {
        let before = self.0.partition_point(|pause| pause.at_s < counted_s);
        self.after(before, counted_s)
    }

    /// What it shows.
    pub(super) fn counted_s(self, since_entry_s: u64) -> u64 {
        let before = self
            .0
            .partition_point(|pause| pause.from_s <= since_entry_s);
        match before.checked_sub(1).and_then(|last| self.0.get(last)) {
            None => since_entry_s,
            Some(pause) => pause.at_s + since_entry_s.saturating_sub(pause.to_s),
        }
    }

    /// What it shows when it next stands.
    pub(super) fn next_stop_s(self, counted_s: u64) -> Option<u64> {
        let before = self.0.partition_point(|pause| pause.at_s <= counted_s);
        self.0.get(before).map(|pause| pause.at_s)
    }

    fn after(self, pauses: usize, counted_s: u64) -> u64 {
        match pauses.checked_sub(1).and_then(|last| self.0.get(last)) {
            None => counted_s,
            Some(pause) => counted_s.saturating_add(pause.to_s - pause.at_s),
        }
    }
}
