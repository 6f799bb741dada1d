//! How many cars are inside, and what the next one meets when there is no room (E23).

use super::record::LaneRecord;
use super::reply::{Done, Refusal};
use super::verdict::Word;
use super::{Park, Turn};
use crate::lane::alarm::{Alarm, AlarmKind};
use crate::lane::places::Class;
use crate::lane::plate::{PlateColor, PlateNumber};
use crate::lane::time::Now;

impl Park {
    /// Whether no room is left.
    pub fn is_full(&self) -> bool {
        let places = self.rules.entry.places.as_ref();
        places.is_some_and(|places| places.is_full(self.site.counted_inside()))
    }

    /// Whether a car of this class has to wait for want of room. One whose stay is open takes no place
    /// more: it stands there still, or its old stay ends.
    pub(super) fn has_no_room_for(
        &self,
        plate: Option<&PlateNumber>,
        color: Option<PlateColor>,
        now: Now,
    ) -> bool {
        let is_inside = plate.is_some_and(|plate| self.site.session_of(plate).is_some());
        let places = self.rules.entry.places.as_ref();
        !is_inside
            && self.is_full()
            && places.is_some_and(|places| places.holds(self.class_of(plate, color, now)))
    }

    fn class_of(&self, plate: Option<&PlateNumber>, color: Option<PlateColor>, now: Now) -> Class {
        match plate {
            Some(plate) if plate.is_special_in(color) => Class::Special,
            Some(plate) if self.has_permit(plate, now) => Class::Permit,
            _ => Class::Temporary,
        }
    }

    /// A person counted. The count goes on from there by the stays that open and end.
    pub(super) fn places_counted(&mut self, inside: u64, word: Word<'_>, turn: &mut Turn) {
        if self.queue.is_paused() {
            turn.reply = Some(Err(Refusal::NothingWritten));
            return;
        }
        let counted = LaneRecord::PlacesCounted {
            inside,
            open_stays: u64::try_from(self.site.cars_inside()).unwrap_or(u64::MAX),
            by: word.by.to_owned(),
            why: word.why.to_owned(),
            at: turn.at.clone(),
        };
        let before = self.site.counted_inside();
        self.lane_record(counted, turn);
        turn.reply = Some(Ok(Done::PlacesCounted { before, inside }));
    }

    /// Tells people when the last place is taken, and when there is room again.
    pub(super) fn tell_if_full(&mut self, turn: &mut Turn) {
        let Some(places) = self.rules.entry.places else {
            return;
        };
        let inside = self.site.counted_inside();
        let raised = match self.is_told_full {
            false if places.is_full(inside) => true,
            true if places.has_room_again(inside) => false,
            _ => return,
        };
        self.is_told_full = raised;
        let count = places.count;
        let text = match raised {
            true => format!(
                "{inside} cars are inside by the count and there is room for {count}; if that is not so, \
                 `parkgate places set` corrects the count"
            ),
            false => format!("{inside} cars are inside, and there is room for {count}"),
        };
        turn.alarms.push(Alarm {
            kind: AlarmKind::CarParkFull,
            subject: "site".to_owned(),
            raised,
            text,
        });
    }
}
