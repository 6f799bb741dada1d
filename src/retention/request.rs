//! One plate's payloads, erased because a person asked for it.
//!
//! A payload is erased whole or not at all, since its hash is in the chain. So what tells of money stays: a
//! charge without its plate and its body could neither be held against WeChat's bill nor be refunded. It goes
//! when `[retention] money` is over.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::plan::Plan;
use super::rounds::Retention;
use super::stays::Stays;
use super::{Desk, Stopped};
use crate::charges::record::MoneyRecord;
use crate::lane::number::NumberKey;
use crate::lane::plate::PlateNumber;
use crate::park::disk::is_of_a_whole_state;
use crate::park::erasure::{Erasure, Payloads, Rule};
use crate::park::record::{LaneRecord, Record};
use crate::store::ledger::{Closed, ClosedSegment};
use crate::store::record::{Class, Record as Stored};

/// How long the upkeep may take to pack the segments that were just closed.
const PACKED_WITHIN: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// What is asked for. That nothing of the plate is still needed was made sure of before.
pub struct Request {
    pub plate: PlateNumber,
    pub by: String,
    pub why: String,
    /// Random; stands in the record in place of the plate.
    pub reference: String,
    /// Only tell what would go.
    pub dry_run: bool,
    /// What comes later is another visit.
    pub up_to: u64,
    pub closed: Closed,
    /// Where it stands among those that left last.
    pub left_number: Option<u64>,
    /// Stays of others.
    pub unfinished: Stays,
}

impl Request {
    fn rule(&self) -> Rule {
        Rule::Request {
            reference: self.reference.clone(),
            by: self.by.clone(),
            why: self.why.clone(),
        }
    }
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    pub reference: String,
    pub dry_run: bool,
    /// Payloads that were erased, or would be.
    pub erased: Payloads,
    /// Payloads that are kept for as long as money is.
    pub kept: Payloads,
    /// Payloads in the newest two segments, which a start reads: a lane's last raise, say. They go with a
    /// later request.
    pub left: u64,
    pub archived: Archived,
}

/// What became of the copies in the archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Archived {
    /// There is no archive.
    None,
    /// It is not mounted: its copies are as they were.
    NotThere,
    /// So many payloads were erased there, or would be.
    Erased(u64),
}

impl Retention {
    /// Erases one plate's payloads from every closed segment and from the archive.
    ///
    /// # Errors
    /// See [`Stopped`]. What was done before it is done, and the same request goes on from there.
    pub fn erase_plate(
        &mut self,
        request: &Request,
        desk: &mut dyn Desk,
    ) -> Result<Found, Stopped> {
        let closed = &request.closed;
        let meant = Meant::find(request, desk)?;
        if !request.dry_run {
            forget(request, desk)?;
        }
        let (mut plans, mut left) = self.plans(&meant, desk)?;
        if left > 0 && !request.dry_run {
            make_room_before(closed, desk)?;
            (plans, left) = self.plans(&meant, desk)?;
        }
        let (mut erased, mut kept) = (Payloads::default(), Payloads::default());
        for plan in &plans {
            erased.add(plan.payloads);
            kept.add(plan.kept);
        }
        if !request.dry_run {
            self.carry_out(closed, plans, request.rule(), desk)?;
        }
        let archived = match &self.archive {
            None => Archived::None,
            Some(archive) => {
                let choose = |seq, stored: &Stored| meant.goes(seq, stored);
                match archive.erase(closed, request.dry_run, choose, desk)? {
                    None => Archived::NotThere,
                    Some(count) => Archived::Erased(count),
                }
            }
        };
        Ok(Found {
            reference: request.reference.clone(),
            dry_run: request.dry_run,
            erased,
            kept,
            left,
            archived,
        })
    }

    /// What goes of each segment that can be spared, and how many payloads are left in the others.
    fn plans(
        &mut self,
        meant: &Meant<'_>,
        desk: &mut dyn Desk,
    ) -> Result<(Vec<Plan>, u64), Stopped> {
        let closed = &meant.request.closed;
        self.look(closed, desk)?;
        let needed_from = self
            .catalogue
            .needed_from(closed.newest_checkpoint())
            .unwrap_or(0);
        let (mut plans, mut left) = (Vec::new(), 0);
        for number in closed.numbers()? {
            if !desk.breathe() {
                return Err(Stopped::Told);
            }
            let Some(segment) = closed.read(number)? else {
                continue;
            };
            let plan = meant.plan(&segment);
            match number < needed_from && segment.is_packed() {
                true => plans.push(plan),
                false => left += plan.payloads.total(),
            }
        }
        Ok((plans, left))
    }
}

/// Which records are meant.
struct Meant<'r> {
    request: &'r Request,
    stays: Stays,
}

impl<'r> Meant<'r> {
    /// Reads the whole ledger for the plate's stays.
    fn find(request: &'r Request, desk: &mut dyn Desk) -> Result<Self, Stopped> {
        let mut stays = BTreeSet::new();
        for number in request.closed.numbers()? {
            if !desk.breathe() {
                return Err(Stopped::Told);
            }
            let Some(segment) = request.closed.read(number)? else {
                continue;
            };
            let records = segment.commits().flat_map(|commit| &commit.records);
            let mentioning = records.filter(|stored| mentions(stored, request.plate.as_str()));
            stays.extend(mentioning.filter_map(|stored| stay_of(stored, &request.plate)));
        }
        let stays = Stays(stays);
        Ok(Self { request, stays })
    }

    fn is_told_of_by(&self, stored: &Stored) -> bool {
        mentions(stored, self.request.plate.as_str()) || self.stays.are_told_of_by(stored)
    }

    fn must_stay(&self, stored: &Stored) -> bool {
        stored.class == Class::Money || self.request.unfinished.are_told_of_by(stored)
    }

    fn goes(&self, seq: u64, stored: &Stored) -> bool {
        seq <= self.request.up_to && self.is_told_of_by(stored) && !self.must_stay(stored)
    }

    fn plan(&self, segment: &ClosedSegment) -> Plan {
        Plan::by_record(
            segment,
            |seq, stored| {
                // The state of a later moment is written while the request is carried out.
                let in_time = seq <= self.request.up_to || is_of_a_whole_state(stored);
                in_time && self.is_told_of_by(stored)
            },
            |stored| self.must_stay(stored),
        )
    }
}

/// The box's memory of who left last loses the plate, before it is written whole once more.
fn forget(request: &Request, desk: &mut dyn Desk) -> Result<(), Stopped> {
    let Some(number) = request.left_number else {
        return Ok(());
    };
    let erasure = Erasure {
        rule: request.rule(),
        first_seq: 0,
        last_seq: 0,
        rewritten: 0,
        removed: 0,
        payloads: Payloads::default(),
        forgotten: Some(number),
        kept: Payloads::default(),
    };
    match desk.record(&erasure) {
        true => Ok(()),
        false => Err(Stopped::Told),
    }
}

/// Has the newest segments closed and packed, so that only whole states are left in what a start reads.
fn make_room_before(closed: &Closed, desk: &mut dyn Desk) -> Result<(), Stopped> {
    for _ in 0..2 {
        if !desk.rotate() {
            return Err(Stopped::Told);
        }
    }
    let mut waited = Duration::ZERO;
    while !closed.all_packed()? {
        if waited >= PACKED_WITHIN {
            return Err(Stopped::NotPacked);
        }
        if !desk.breathe() {
            return Err(Stopped::Told);
        }
        std::thread::sleep(LOOK_EVERY);
        waited += LOOK_EVERY;
    }
    Ok(())
}

/// The stay that a record says is the plate's.
fn stay_of(stored: &Stored, plate: &PlateNumber) -> Option<NumberKey> {
    let (session, of) = match Record::from_stored(stored).ok()? {
        Record::Lane(LaneRecord::SessionOpened { session }) => (session.id, session.plate),
        Record::Money(MoneyRecord::EntryOpened { session, plate, .. }) => (session, plate),
        Record::Money(MoneyRecord::ChargeOpened { claim }) => (claim.session, claim.plate),
        _ => return None,
    };
    NumberKey::of_session(&session).filter(|_| of == *plate)
}

fn mentions(stored: &Stored, plate: &str) -> bool {
    let plate = plate.as_bytes();
    stored
        .payload
        .windows(plate.len().max(1))
        .any(|part| part == plate)
}
