//! What a scenario does to its world in a line, and what it asks of it.

use crate::charges::book::Book;
use crate::charges::charge::Charge;
use crate::charges::queue::Request;
use crate::charges::record::MoneyRecord;
use crate::lane::alarm::AlarmKind;
use crate::lane::raise::{HoldReason, RaiseReason};
use crate::lane::reading::PlateRead;
use crate::lane::session::Session;
use crate::park::Park;
use crate::park::event::Event;
use crate::park::record::{LaneRecord, Record};
use crate::park::state::Hold;
use crate::park::step::Ignored;

use super::world::*;

impl World {
    // Readings.

    pub fn read(&mut self, lane: &str, plate: &str) {
        let read = self.reading(plate);
        self.read_as(lane, read);
    }

    pub fn read_as(&mut self, lane: &str, read: PlateRead) {
        let event = plate_read(lane, read);
        self.tell(event);
    }

    /// A sign of life of a lane's camera, whose clock is right.
    pub fn camera_lives(&mut self, lane: &str) {
        let event = Event::CameraAlive {
            lane: lane_id(lane),
            sent_at: Some(self.true_wall()),
        };
        self.tell(event);
    }

    /// A good reading, just made.
    pub fn reading(&mut self, plate: &str) -> PlateRead {
        self.record_ids += 1;
        let wall = self.true_wall();
        let mut read = PlateRead::by_hand(number(plate), Some(color_of(plate)));
        read.record_id = Some(self.record_ids.to_string());
        read.confidence_permille = Some(950);
        read.captured_at = Some(wall);
        read.sent_at = Some(wall);
        read
    }

    /// A vehicle whose plate was not read.
    pub fn unreadable(&mut self) -> PlateRead {
        let mut read = self.reading("粤B00000");
        read.plate = None;
        read.color = None;
        read.fault = Some(crate::lane::reading::ReadFault::Unreadable);
        read
    }

    /// The car passes the arm.
    pub fn drive_through(&mut self, lane: &str) {
        for occupied in [true, false] {
            let lane = lane_id(lane);
            self.tell(Event::ClosingLoop { lane, occupied });
            self.pass(1_500);
        }
    }

    /// A car comes in, is registered, and has driven through.
    pub fn enter(&mut self, plate: &str) {
        self.read(IN, plate);
        self.pass(2_000);
        self.drive_through(IN);
    }

    pub fn attendant_raises(&mut self, lane: &str) {
        self.tell(Event::AttendantRaised {
            lane: lane_id(lane),
            by: "张三".into(),
            why: "asked to".into(),
            money: None,
        });
    }

    // What came of it.

    pub fn park(&self) -> &Park {
        self.turner.park()
    }

    pub fn book(&self) -> &Book {
        self.park().queue().book()
    }

    /// How often a barrier was told to rise.
    pub fn raises(&self, lane: &str) -> usize {
        self.raised.iter().filter(|r| r.lane.0 == lane).count()
    }

    /// Why the lane was last raised, as on disk.
    pub fn reason(&self, lane: &str) -> Option<RaiseReason> {
        self.lane_records()
            .into_iter()
            .rev()
            .find_map(|record| match record {
                LaneRecord::RaiseDecided {
                    lane: of, reason, ..
                } if of.0 == lane => Some(reason),
                _ => None,
            })
    }

    pub fn hold(&self, lane: &str) -> Option<&Hold> {
        self.park().site().holds.get(&lane_id(lane))
    }

    pub fn held_for(&self, lane: &str) -> Option<HoldReason> {
        self.hold(lane).map(|hold| hold.reason.clone())
    }

    pub fn session(&self, plate: &str) -> Option<Session> {
        self.park().site().session_of(&number(plate))
    }

    pub fn lane_records(&self) -> Vec<LaneRecord> {
        let records = self.disk.records().into_iter();
        records
            .filter_map(|record| match record {
                Record::Lane(record) => Some(record),
                _ => None,
            })
            .collect()
    }

    pub fn money_records(&self) -> Vec<MoneyRecord> {
        let records = self.disk.records().into_iter();
        records
            .filter_map(|record| match record {
                Record::Money(record) => Some(record),
                _ => None,
            })
            .collect()
    }

    /// The only charge in the queue.
    pub fn charge(&self) -> Charge {
        let mut charges = self.book().charges();
        let charge = charges.next().expect("a charge in the queue");
        assert!(charges.next().is_none(), "only one");
        charge
    }

    /// The only charge with the staff.
    pub fn desk(&self) -> Charge {
        let mut charges = self.book().desk();
        let charge = charges.next().expect("a charge with the staff");
        assert!(charges.next().is_none(), "only one");
        charge
    }

    /// The calls that left since `from` calls had.
    pub fn calls_since(&self, from: usize) -> Vec<&'static str> {
        let calls = self.calls[from..].iter();
        calls
            .map(|(_, request)| match request {
                Request::NotifyEntry { .. } => "entry",
                Request::Charge { .. } => "charge",
                Request::Query { .. } => "query",
                Request::Refund { .. } => "refund",
                Request::QueryRefund { .. } => "query refund",
                Request::Spot { .. } => "spot",
                Request::QuerySpot { .. } => "query spot",
                Request::CloseSpot { .. } => "close spot",
            })
            .collect()
    }

    pub fn is_alarmed(&self, kind: AlarmKind) -> bool {
        let last = self.alarms.iter().rev().find(|alarm| alarm.kind == kind);
        last.is_some_and(|alarm| alarm.raised)
    }

    pub fn last_ignored(&self) -> Option<Ignored> {
        self.ignored.last().copied()
    }
}
