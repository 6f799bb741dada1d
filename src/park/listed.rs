//! Lists of plates, changed while the lanes run: at once, and on record.

use super::record::LaneRecord;
use super::reply::{Done, Refusal};
use super::verdict::Word;
use super::{Park, Turn};
use crate::lane::listing::{Bay, Change};
use crate::lane::plate::{PlateColor, PlateNumber};
use crate::lane::session::Session;
use crate::lane::time::Now;

impl Park {
    pub(super) fn list_changed(&mut self, change: &Change, word: Word<'_>, turn: &mut Turn) {
        turn.reply = Some(self.change_list(change, word, turn));
    }

    fn change_list(
        &mut self,
        change: &Change,
        word: Word<'_>,
        turn: &mut Turn,
    ) -> Result<Done, Refusal> {
        if self.queue.is_paused() {
            return Err(Refusal::ListNotWritten);
        }
        if let Some(why) = change.fault(&self.site.listing) {
            return Err(Refusal::ListUnchanged { why });
        }
        let changed = LaneRecord::ListChanged {
            change: change.clone(),
            by: word.by.to_owned(),
            why: word.why.to_owned(),
            at: turn.at.clone(),
        };
        self.lane_record(changed, turn);
        Ok(Done::ListChanged {
            version: self.site.listing.version,
            plates: u64::try_from(self.site.listing.len()).unwrap_or(u64::MAX),
        })
    }

    /// Whether the plate is not to be let in.
    pub(super) fn is_blocked(&self, plate: &PlateNumber, now: Now) -> bool {
        self.rules.lists.blocked.contains(plate) || self.site.listing.is_blocked(plate, now)
    }

    /// Whether a car that comes in now will pay nothing. Such a stay needs no entry at WeChat.
    pub(super) fn enters_free(
        &self,
        plate: &PlateNumber,
        color: Option<PlateColor>,
        now: Now,
    ) -> bool {
        let permit = self.site.listing.permit(plate, now);
        let has_right = permit.is_some_and(|permit| {
            let bay = permit.bay.as_ref();
            bay.is_none_or(|bay| self.has_room(bay, plate))
        });
        has_right || self.is_free_by_config(plate, color)
    }

    /// Whether the car of a stay leaves without paying. A car that shares a bay does if it had the bay when
    /// it came in, whatever has become of the others since.
    pub(super) fn leaves_free(
        &self,
        session: &Session,
        color: Option<PlateColor>,
        now: Now,
    ) -> bool {
        let permit = self.site.listing.permit(&session.plate, now);
        let has_right =
            permit.is_some_and(|permit| permit.bay.is_none() || self.had_the_bay(session));
        let has_right = has_right && !planted!(ListForgotten);
        has_right || self.is_free_by_config(&session.plate, color)
    }

    /// Whether a permit lets it go, and not its being a special vehicle.
    pub(super) fn has_permit(&self, plate: &PlateNumber, now: Now) -> bool {
        self.rules.lists.permits.contains(plate) || self.site.listing.permit(plate, now).is_some()
    }

    /// Season tickets of the configuration, and special vehicles.
    fn is_free_by_config(&self, plate: &PlateNumber, color: Option<PlateColor>) -> bool {
        let lists = &self.rules.lists;
        lists.permits.contains(plate) || (lists.free_special_vehicles && plate.is_special_in(color))
    }

    fn has_room(&self, bay: &Bay, plate: &PlateNumber) -> bool {
        let others = self
            .site
            .listing
            .sharing(bay)
            .filter(|other| *other != plate);
        let stays = others.filter_map(|other| self.site.session_of(other));
        let taken = stays.filter(|session| self.had_the_bay(session)).count();
        u32::try_from(taken).is_ok_and(|taken| taken < bay.places)
    }

    /// A car that found the bay taken was registered with WeChat when it came in, as anybody's.
    fn had_the_bay(&self, session: &Session) -> bool {
        self.queue.book().entry(&session.id).is_none()
    }
}
