//! What happened between two steps and led to no record. None of it is state, since a start forgets
//! it, and yet what is decided until then may follow from it: a query's answer that told nothing new,
//! a reading that waits in line, a call that failed. It is written with the step that comes next, so
//! that the re-run of an incident knows what the box knew, and costs no commit of its own.

use serde::{Deserialize, Serialize};

use super::Park;
use super::event::Event;
use super::record::Record;
use super::step::Ignored;
use crate::charges::answer::{Answer, Heard, NativeSeen, NativeState};
use crate::lane::freshness::CameraClock;
use crate::lane::reading::PlateRead;
use crate::lane::time::{Moment, Now};

/// About so many bytes are gathered; then they are written without waiting for a step. With its head
/// that is one block of the disk, and a step that takes some along rarely needs a second one.
const BYTES_MAX: usize = 3_000;

/// Events without a record, oldest first, up to the time at which they are written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meanwhile {
    /// The time that theirs are told from.
    pub now: Now,
    /// What happened.
    pub happened: Vec<Quiet>,
}

/// One event that led to no record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quiet {
    /// So many milliseconds before, by the boot clock.
    ago_ms: u64,
    /// By so much more was the wall clock behind than that, milliseconds: it was set, or rounded.
    #[serde(default, skip_serializing_if = "is_zero")]
    wall_ms: i64,
    /// Whether the wall clock was trusted, if that has changed since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    trusted: Option<bool>,
    /// How old a reading was that waits in line, milliseconds, if it was a second or more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub age_ms: Option<u64>,
    /// What happened; a tick where only the time was of consequence.
    pub event: Event,
}

fn is_zero(ms: &i64) -> bool {
    *ms == 0
}

impl Quiet {
    fn of(noted: Noted, now: Now) -> Self {
        let Noted { at, age_ms, event } = noted;
        let ago_ms = now.moment.since_ms(at.moment);
        let by_boot_clock = i64::try_from(ago_ms).unwrap_or(i64::MAX);
        let by_wall = now.wall.0.saturating_sub(at.wall.0);
        Self {
            ago_ms,
            wall_ms: by_wall.saturating_sub(by_boot_clock),
            trusted: (at.trusted != now.trusted).then_some(at.trusted),
            age_ms,
            event,
        }
    }

    /// When it happened, as told from the time at which it was written.
    pub fn at(&self, now: Now) -> Now {
        let ago_ms = i64::try_from(self.ago_ms).unwrap_or(i64::MAX);
        Now {
            moment: Moment(now.moment.0.saturating_sub(self.ago_ms)),
            wall: now.wall.plus_ms(-ago_ms.saturating_add(self.wall_ms)),
            trusted: self.trusted.unwrap_or(now.trusted),
            boot: now.boot,
        }
    }
}

/// What has gathered since something was last written.
#[derive(Clone, Debug, Default)]
pub(super) struct Notes {
    noted: Vec<Noted>,
    bytes: usize,
}

#[derive(Clone, Debug)]
struct Noted {
    at: Now,
    age_ms: Option<u64>,
    event: Event,
}

impl Notes {
    /// Takes note; gives out what has gathered when it is enough.
    fn note(&mut self, event: Event, age_ms: Option<u64>, at: Now) -> Option<Record> {
        self.bytes += about_bytes(&event);
        self.noted.push(Noted { at, age_ms, event });
        (self.bytes >= BYTES_MAX).then(|| self.take(at)).flatten()
    }

    /// What has gathered, for the ledger.
    pub(super) fn take(&mut self, now: Now) -> Option<Record> {
        self.bytes = 0;
        let noted = std::mem::take(&mut self.noted);
        let happened: Vec<Quiet> = noted.into_iter().map(|n| Quiet::of(n, now)).collect();
        (!happened.is_empty()).then(|| Record::Meanwhile(Box::new(Meanwhile { now, happened })))
    }
}

fn about_bytes(event: &Event) -> usize {
    match event {
        Event::PlateRead { .. } => 450,
        Event::EntryAnswered { .. }
        | Event::ChargeAnswered { .. }
        | Event::QueryAnswered { .. }
        | Event::Noticed { .. } => 400,
        Event::SpotQueryAnswered { heard, .. } => match heard.answer {
            Answer::Verified(NativeSeen {
                total_fen: None, ..
            }) => 180,
            _ => 400,
        },
        Event::StoreFailed { raises, calls } => 60 + 60 * (raises.len() + calls.len()),
        _ => 90,
    }
}

impl Park {
    /// Takes note of an event that led to no record, if anything may follow from it. `was_due`: the
    /// park wanted a turn by then, and whatever happened gave it one.
    pub(super) fn note_quiet(
        &mut self,
        event: &Event,
        ignored: Option<Ignored>,
        was_due: bool,
        now: Now,
    ) -> Option<Record> {
        if has_an_effect(event, ignored) {
            let age_ms = self.age_of_waiting(event, ignored, now);
            let event = self.in_short(event).unwrap_or_else(|| event.clone());
            self.meanwhile.note(event, age_ms, now)
        } else if was_due {
            self.meanwhile.note(Event::Tick, None, now)
        } else {
            None
        }
    }

    /// An order that nobody has paid so far is looked at every few seconds, for as long as its driver takes. What
    /// is decided from the answer once it is believed needs two words of it.
    fn in_short(&self, event: &Event) -> Option<Event> {
        let Event::SpotQueryAnswered { number, heard } = event else {
            return None;
        };
        let Answer::Verified(seen) = &heard.answer else {
            return None;
        };
        let spot = self.queue.book().spots().get(number)?;
        if seen.state != NativeState::NotPaid || !spot.is_meant_by(seen) {
            return None;
        }
        let short = NativeSeen {
            out_trade_no: number.clone(),
            mchid: None,
            sub_mchid: None,
            state: NativeState::NotPaid,
            total_fen: None,
            payer_total_fen: None,
            transaction_id: None,
        };
        Some(Event::SpotQueryAnswered {
            number: number.clone(),
            heard: Heard {
                answer: Answer::Verified(short),
                request_id: None,
                skew_ms: None,
            },
        })
    }

    /// What has gathered, as it would be written now.
    pub(super) fn notes(&self, now: Now) -> Option<Record> {
        self.meanwhile.clone().take(now)
    }

    /// What has gathered is on disk.
    pub fn forget_notes(&mut self) {
        self.meanwhile = Notes::default();
    }

    fn age_of_waiting(&self, event: &Event, ignored: Option<Ignored>, now: Now) -> Option<u64> {
        let Event::PlateRead { lane, read, .. } = event else {
            return None;
        };
        let waits = ignored == Some(Ignored::NextInLine);
        let mind = self.lanes.get(lane).filter(|_| waits)?;
        let age_ms = mind.camera.age_ms(read.sent_at, now);
        age_ms.filter(|age_ms| *age_ms >= 1_000)
    }

    /// Decides an event from the ledger once more. What cameras told about their clocks is not written,
    /// but that this reading was fresh: it would not be there otherwise.
    pub fn decide_again(&mut self, event: &Event, age_ms: u64, now: Now) -> super::step::Step {
        if let Event::PlateRead { lane, read, .. } = event {
            let camera = clock_by_which(read, age_ms, now);
            self.mind(lane).camera = camera;
        }
        self.decide(event, now)
    }
}

/// A camera's clock by which the reading is so old.
fn clock_by_which(read: &PlateRead, age_ms: u64, now: Now) -> CameraClock {
    let mut camera = CameraClock::default();
    if let Some(sent_at) = read.sent_at {
        let age_ms = i64::try_from(age_ms).unwrap_or(i64::MAX);
        camera.heard(sent_at.plus_ms(age_ms), now);
    }
    camera
}

/// Whether an event without a record may have changed what this run knows, beyond the time that passed.
fn has_an_effect(event: &Event, ignored: Option<Ignored>) -> bool {
    match event {
        Event::Tick | Event::CameraAlive { .. } | Event::ArmUp { .. } => false,
        Event::PlateRead { .. } => match ignored {
            Some(
                Ignored::UnknownLane
                | Ignored::Retained
                | Ignored::Stale { .. }
                | Ignored::Duplicate
                | Ignored::SeenBefore
                | Ignored::UselessReplay,
            ) => false,
            Some(Ignored::NextInLine | Ignored::TurnedBack) | None => true,
        },
        Event::RaiseAnswered { driven, .. } => !driven,
        // What a person was told is done is a step; what was declined changed nothing.
        Event::RetryAsked { .. }
        | Event::StaffAsked { .. }
        | Event::ArrearsFinished { .. }
        | Event::ReviewDecided { .. }
        | Event::StayEnded { .. }
        | Event::PlacesCounted { .. }
        | Event::PaymentTaken { .. }
        | Event::CorrectionAsked { .. }
        | Event::CorrectionDone { .. }
        | Event::RefundAsked { .. }
        | Event::RefundRetryAsked { .. }
        | Event::RefundGivenUp { .. }
        | Event::SpotEnded { .. }
        | Event::PlateNamed { .. }
        | Event::ListChanged { .. }
        | Event::BenefitChanged { .. }
        | Event::BalanceChanged { .. }
        | Event::ErasureDue { .. } => false,
        Event::Started { .. }
        | Event::ClosingLoop { .. }
        | Event::RaiseNotSent { .. }
        | Event::EntryAnswered { .. }
        | Event::ChargeAnswered { .. }
        | Event::QueryAnswered { .. }
        | Event::Noticed { .. }
        | Event::RefundAnswered { .. }
        | Event::RefundQueryAnswered { .. }
        | Event::SpotAnswered { .. }
        | Event::SpotQueryAnswered { .. }
        | Event::SpotCloseAnswered { .. }
        | Event::AttendantRaised { .. }
        | Event::StoreFailed { .. }
        | Event::StoreRecovered => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lane::time::{BootId, Wall};

    #[test]
    fn the_time_of_a_quiet_event_is_told_exactly_also_over_a_clock_that_was_set() {
        let now = Now {
            moment: Moment(60_000),
            wall: Wall(1_772_410_000_000),
            trusted: true,
            boot: BootId(3),
        };
        for (moment, wall, trusted) in [
            (60_000, 1_772_410_000_000, true),
            (59_000, 1_772_409_999_000, true),
            (59_000, 1_772_409_999_001, true),
            (1_000, 40_000, false),
            (1_000, 1_772_490_000_000, true),
        ] {
            let at = Now {
                moment: Moment(moment),
                wall: Wall(wall),
                trusted,
                ..now
            };
            let mut notes = Notes::default();
            assert_eq!(notes.note(Event::Tick, None, at), None);
            let Some(Record::Meanwhile(meanwhile)) = notes.take(now) else {
                panic!("nothing gathered");
            };
            assert_eq!(meanwhile.happened[0].at(meanwhile.now), at);
            assert_eq!(notes.take(now), None);
        }
    }

    #[test]
    fn what_gathers_is_written_when_it_fills_a_block() {
        let now = Now {
            moment: Moment(60_000),
            wall: Wall(1_772_410_000_000),
            trusted: true,
            boot: BootId(3),
        };
        let mut notes = Notes::default();
        let written = (0..40).find_map(|_| notes.note(Event::Tick, None, now));
        let stored = written.expect("it is enough by then").to_stored();
        assert!(stored.payload.len() < 3_900, "{}", stored.payload.len());
    }
}
