//! A held car whose plate a person reads: it is decided anew, as if the camera had read it so (E3, E6).

use super::record::LaneRecord;
use super::reply::{Done, Refusal};
use super::rules::Direction;
use super::verdict::Word;
use super::{Park, Turn};
use crate::lane::plate::{PlateColor, PlateNumber};
use crate::lane::reading::PlateRead;
use crate::lane::session::LaneId;

impl Park {
    pub(super) fn plate_named(
        &mut self,
        lane: &LaneId,
        plate: &PlateNumber,
        color: Option<PlateColor>,
        word: Word<'_>,
        turn: &mut Turn,
    ) {
        turn.reply = Some(self.name_plate(lane, plate, color, word, turn));
    }

    /// What stood there before goes on without the lane: a stay that the camera had taken it for is
    /// nobody's here. A charge that was made for it is another matter, and must be seen to first.
    fn name_plate(
        &mut self,
        lane: &LaneId,
        plate: &PlateNumber,
        color: Option<PlateColor>,
        word: Word<'_>,
        turn: &mut Turn,
    ) -> Result<Done, Refusal> {
        let Some(hold) = self.site.holds.get(lane).cloned() else {
            return Err(Refusal::NobodyHeld { lane: lane.clone() });
        };
        let color = color.or(hold.color).or(only_color(plate));
        let is_exit = self.direction(lane) == Some(Direction::Exit);
        let session = self.site.session_of(plate).filter(|_| is_exit);
        if is_exit && session.is_none() && !self.enters_free(plate, color, turn.now()) {
            let plate = plate.clone();
            return Err(Refusal::NoStay { plate });
        }
        let stay = session.as_ref().map(|session| session.id.clone());
        if let Some(trade_no) = hold.trade_no.filter(|_| hold.session != stay) {
            let lane = lane.clone();
            return Err(Refusal::ChargedAsAnother { lane, trade_no });
        }
        let named = LaneRecord::PlateNamed {
            lane: lane.clone(),
            plate: plate.clone(),
            read: hold.plate.clone(),
            session: stay.clone(),
            by: word.by.to_owned(),
            why: word.why.to_owned(),
            at: turn.at.clone(),
        };
        self.lane_record(named, turn);
        // The camera will go on reading what it read: by that the car is known to the lane.
        let read = PlateRead {
            plate: hold.plate.filter(|_| is_exit).or(Some(plate.clone())),
            ..PlateRead::by_hand(plate.clone(), color)
        };
        match session {
            _ if self.zone(lane).is_some() => self.at_zone(lane, plate, &hold.arrived, turn),
            Some(session) => self.leave_from(session, lane, &read, hold.arrived, turn),
            None if is_exit => self.at_exit(lane, plate, &read, hold.arrived, turn),
            None => self.at_entry(lane, plate, &read, hold.arrived, turn),
        }
        Ok(Done::PlateNamed {
            lane: lane.clone(),
            plate: plate.clone(),
            session: match is_exit {
                true => stay,
                false => self.site.session_of(plate).map(|stay| stay.id),
            },
        })
    }
}

/// Some shapes come in one colour.
fn only_color(plate: &PlateNumber) -> Option<PlateColor> {
    match plate.shape().colors() {
        [color] => Some(*color),
        _ => None,
    }
}
