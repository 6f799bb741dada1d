//! What WeChat's side knows in the end, for tests to compare with the daemon's.

use serde::Serialize;

use super::Simulator;
use super::message::Call;
use super::orders::Order;
use crate::lane::time::Wall;

/// Everything that happened, in order of first arrival.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Books {
    /// Every entry ever created.
    pub entries: Vec<EntryRow>,
    /// Every charge ever accepted.
    pub orders: Vec<OrderRow>,
    /// What a correct client would never have sent; empty when all is well.
    pub violations: Vec<Violation>,
}

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryRow {
    /// WeChat's id.
    pub parking_id: String,
    /// The merchant's number.
    pub out_parking_no: String,
    /// The plate as sent.
    pub plate: String,
    /// Why it was blocked when it was created; None for NORMAL.
    pub blocked: Option<String>,
    /// A newer entry of the same plate exists: this one can no longer be charged.
    pub superseded: bool,
    /// How often *create entry* came with this number, resends of one signed request not counted.
    pub asked: u32,
    /// How many charges were accepted on it: 0 or 1.
    pub accepted: u32,
}

/// One accepted charge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderRow {
    /// The merchant's number.
    pub out_trade_no: String,
    /// The entry it was charged on.
    pub parking_id: String,
    /// The plate as sent.
    pub plate: String,
    /// Fen.
    pub total_fen: u64,
    /// Where the money stands.
    pub state: OrderState,
    /// How often the charge came, resends of one signed request not counted.
    pub asked: u32,
    /// How often its entry counts it as accepted: 1.
    pub accepted: u32,
    /// When it was accepted.
    pub accepted_at: Wall,
    /// When the deduction succeeded or failed.
    pub settled_at: Option<Wall>,
}

/// Where the money of an order stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum OrderState {
    /// Taken on, not yet deducted.
    Accepted,
    /// Paid.
    Success,
    /// Final, not collected.
    PayFail,
}

/// Something that only a faulty client sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// When it came.
    pub at: Wall,
    /// On which call.
    pub call: Call,
    /// What kind of fault.
    pub kind: ViolationKind,
    /// What was answered.
    pub detail: String,
}

/// The kinds of fault of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ViolationKind {
    /// `Accept`, `User-Agent` or `Content-Type` missing or wrong.
    Headers,
    /// `Authorization` missing or malformed.
    Authorization,
    /// A merchant id or certificate serial that does not belong together with this simulator.
    UnknownCaller,
    /// More than five minutes off.
    Clock,
    /// The signature does not fit what came over the wire.
    Signature,
    /// The same nonce and timestamp with another content.
    ReusedNonce,
    /// A value missing, ill-typed, out of range or unknown.
    Parameter,
    /// A number used again with another content.
    ChangedRepeat,
    /// A charge on an entry that does not exist.
    UnknownEntry,
    /// A charge on an entry after the plate's next one.
    SupersededEntry,
    /// A second charge on one entry.
    UsedEntry,
    /// A charge whose plate, colour, start, name or sub-merchant is not the entry's.
    Mismatch,
    /// A path or method that no call here has.
    NoSuchCall,
    /// A callback was taken that WeChat never made.
    CallbackBelieved,
}

impl Books {
    /// The sum of everything accepted, fen, whatever became of it.
    pub fn accepted_fen(&self) -> u64 {
        self.sum(|_| true)
    }

    /// The sum of what is in `state`, fen.
    pub fn fen_in(&self, state: OrderState) -> u64 {
        self.sum(|order| order.state == state)
    }

    /// The accepted charge of this number.
    pub fn order(&self, out_trade_no: &str) -> Option<&OrderRow> {
        self.orders
            .iter()
            .find(|order| order.out_trade_no == out_trade_no)
    }

    /// The accepted charges of this plate.
    pub fn orders_of<'a>(&'a self, plate: &'a str) -> impl Iterator<Item = &'a OrderRow> {
        self.orders.iter().filter(move |order| order.plate == plate)
    }

    fn sum(&self, counts: impl Fn(&OrderRow) -> bool) -> u64 {
        self.orders
            .iter()
            .filter(|order| counts(order))
            .fold(0, |sum, order| sum.saturating_add(order.total_fen))
    }
}

impl Simulator {
    /// All that happened.
    pub fn books(&self) -> Books {
        Books {
            entries: (0..self.entries.len())
                .map(|index| self.entry_row(index))
                .collect(),
            orders: self
                .orders
                .iter()
                .map(|order| self.order_row(order))
                .collect(),
            violations: self.violations.clone(),
        }
    }

    /// The accepted charge of this number.
    pub fn order(&self, out_trade_no: &str) -> Option<OrderRow> {
        let index = self.order_by_number.get(out_trade_no)?;
        Some(self.order_row(&self.orders[*index]))
    }

    /// Accepted charges but for the first so many.
    pub fn orders_from(&self, first: usize) -> impl Iterator<Item = OrderRow> {
        let newer = self.orders.iter().skip(first);
        newer.map(|order| self.order_row(order))
    }

    /// How many charges were accepted on an entry, by whatever number.
    pub fn orders_on(&self, parking_id: &str) -> usize {
        let on_it = |order: &&Order| order.body.parking.parking_id == parking_id;
        self.orders.iter().filter(on_it).count()
    }

    /// What a correct client would never have sent.
    pub fn violations(&self) -> &[Violation] {
        &self.violations
    }

    fn entry_row(&self, index: usize) -> EntryRow {
        let entry = &self.entries[index];
        EntryRow {
            parking_id: entry.parking_id.clone(),
            out_parking_no: entry.body.out_parking_no.clone(),
            plate: entry.body.plate_number.clone(),
            blocked: entry.blocked.clone(),
            superseded: self.is_superseded(index),
            asked: entry.asked,
            accepted: count(entry.accepted.len()),
        }
    }

    fn order_row(&self, order: &Order) -> OrderRow {
        let body = &order.body;
        let accepted = self
            .entry_by_id
            .get(&body.parking.parking_id)
            .map_or(0, |&entry| {
                let accepted = self.entries[entry].accepted.iter();
                accepted.filter(|no| **no == body.out_trade_no).count()
            });
        OrderRow {
            out_trade_no: body.out_trade_no.clone(),
            parking_id: body.parking.parking_id.clone(),
            plate: body.parking.plate_number.clone(),
            total_fen: body.total_fen,
            state: order.state,
            asked: order.asked,
            accepted: count(accepted),
            accepted_at: order.accepted_at,
            settled_at: order.settled_at,
        }
    }
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
