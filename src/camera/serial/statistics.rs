//! What a port has seen, for whoever looks for a bad cable.

use serde::Serialize;

/// Counts since the start, which end at their type's end.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Statistics {
    /// Whether the port is open now.
    pub open: bool,
    pub received_bytes: u64,
    pub sent_bytes: u64,
    /// Frames that were believed.
    pub frames: u64,
    /// Readings among them without a usable plate.
    pub unreadable: u64,
    pub bad_checksums: u64,
    /// Frames that were not believed for any other reason.
    pub bad_frames: u64,
    /// Times that bytes were dropped to find the next frame.
    pub resyncs: u64,
    /// Bytes of our own that came back.
    pub echo_bytes: u64,
    /// Times that the port was opened after the first.
    pub reopens: u64,
}

/// Counts one more of something.
pub(super) fn count(counter: &mut u64, more: usize) {
    *counter = counter.saturating_add(u64::try_from(more).unwrap_or(u64::MAX));
}
