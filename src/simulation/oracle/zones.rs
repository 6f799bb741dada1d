//! Where stays are within the car park: folded from the records, held against the street, and not trusted where
//! a passage is missing.

use std::collections::{BTreeMap, BTreeSet};

use super::{Oracle, Rule, Verdict, View, hold, price};
use crate::lane::number::SessionId;
use crate::lane::session::LaneId;
use crate::lane::time::Stamp;
use crate::park::event::Event;
use crate::park::record::LaneRecord;
use crate::park::rules::Direction;
use crate::park::zone::Way;
use crate::simulation::site::PLATES;

/// A time in the only zone that there is, milliseconds from the entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Within {
    pub from_ms: u64,
    pub to_ms: Option<u64>,
}

/// By the records.
#[derive(Default)]
pub struct Zones {
    of: BTreeMap<SessionId, Vec<Within>>,
    /// A passage of these stays is missing, or nobody knows when it was.
    unclear: BTreeSet<SessionId>,
}

impl Zones {
    pub fn apply(&mut self, record: &LaneRecord) {
        let LaneRecord::ZonePassed {
            session,
            way,
            after_ms,
            ..
        } = record
        else {
            return;
        };
        let visits = self.of.entry(session.clone()).or_default();
        let is_in = visits.last().is_some_and(|visit| visit.to_ms.is_none());
        let mut is_clear = true;
        match (after_ms, way, visits.last_mut()) {
            (Some(ms), Way::Into, last) => {
                if let Some(before) = last.filter(|_| is_in) {
                    before.to_ms = Some(*ms);
                    is_clear = false;
                }
                visits.push(Within {
                    from_ms: *ms,
                    to_ms: None,
                });
            }
            (Some(ms), Way::OutOf, Some(visit)) if is_in => visit.to_ms = Some(*ms),
            (Some(_), Way::NotInto, Some(_)) if is_in => {
                visits.pop();
            }
            (Some(_), Way::NotOutOf, Some(visit)) => visit.to_ms = None,
            (None, ..) | (Some(_), Way::OutOf | Way::NotInto | Way::NotOutOf, _) => {
                is_clear = false;
            }
        }
        if !is_clear {
            self.unclear.insert(session.clone());
        }
    }

    pub fn of(&self, session: &SessionId) -> &[Within] {
        self.of.get(session).map_or(&[], Vec::as_slice)
    }

    /// Whether nobody can tell where a stay was that leaves now.
    pub fn are_unclear(&self, session: &SessionId) -> bool {
        let newest = self.of(session).last();
        self.unclear.contains(session) || newest.is_some_and(|visit| visit.to_ms.is_none())
    }
}

impl Oracle {
    /// The gate is that of the zone, the time is the oracle's, and a car of this plate stood there.
    pub(super) fn judge_zone(&self, record: &LaneRecord, view: &View<'_>) -> Verdict {
        let LaneRecord::ZonePassed {
            session,
            plate,
            lane,
            zone,
            way,
            after_ms,
            at,
        } = record
        else {
            return Ok(());
        };
        let rules = self.rules.lanes.get(lane);
        let leads_in = rules.is_some_and(|lane| lane.direction == Direction::Entry);
        let is_its_gate = rules.is_some_and(|lane| lane.zone.as_ref() == Some(zone))
            && leads_in == matches!(way, Way::Into | Way::NotInto);
        let stay = self.model.open.get(session);
        hold(
            is_its_gate && stay.is_some_and(|stay| stay.plate == *plate),
            Rule::StatesMoveForward,
            || format!("{record:?}, of {stay:?}"),
        )?;
        let (Some(stay), Some(after_ms)) = (stay, after_ms) else {
            return Ok(());
        };
        let came = match way {
            Way::Into | Way::OutOf => self.arrived_by_head(at),
            Way::NotInto | Way::NotOutOf => at.clone(),
        };
        let counted_ms = price::stay_ms(&stay.entered, &came);
        hold(counted_ms == Some(*after_ms), Rule::FeeIsTheModels, || {
            format!("{record:?}, and by the oracle {counted_ms:?}")
        })?;
        self.judge_who_stood(lane, plate.as_str(), &came, view)
    }

    fn judge_who_stood(
        &self,
        lane: &LaneId,
        plate: &str,
        came: &Stamp,
        view: &View<'_>,
    ) -> Verdict {
        // A person may name any plate; and what was misread on the way in may be misread alike here.
        let head = self.model.head.as_ref().map(|head| &head.event);
        let is_read = matches!(head, Some(Event::PlateRead { .. }));
        let is_a_car = PLATES.contains(&plate);
        let time = view.clock.true_time(came);
        let Some(time) = time.filter(|_| is_read && is_a_car) else {
            return Ok(());
        };
        let stood_there = view.vehicles.stood_at(plate, &lane.0, time);
        hold(stood_there, Rule::NobodyPaysForAnother, || {
            format!("no car {plate} stood at {lane} at {time}")
        })
    }
}
