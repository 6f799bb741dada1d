//! What WeChat's side holds, in JSON, for a person or a program that looks on from outside.

use serde_json::{Value, json};

use super::Simulator;
use super::callbacks::{CallbackRow, CallbackState};
use super::native::NativeState;

impl Simulator {
    /// The newest entries, newest first, at most so many; and how many there are.
    pub fn entries_shown(&self, at_most: usize) -> (usize, Vec<Value>) {
        let newest = (0..self.entries.len()).rev().take(at_most);
        let shown = newest.map(|index| {
            let entry = &self.entries[index];
            let body = &entry.body;
            json!({
                "parking_id": entry.parking_id,
                "out_parking_no": body.out_parking_no,
                "sub_mchid": body.sub_mchid,
                "plate_number": body.plate_number,
                "plate_color": body.plate_color,
                "start_time": body.start_time.text,
                "parking_name": body.parking_name,
                "free_duration": body.free_duration,
                "notify_url": body.notify_url,
                "state": if entry.blocked.is_some() { "BLOCKED" } else { "NORMAL" },
                "block_reason": entry.blocked,
                "superseded": self.is_superseded(index),
                "charged_by": entry.accepted,
                "asked": entry.asked,
            })
        });
        (self.entries.len(), shown.collect())
    }

    /// The newest charges as a query would answer them now, likewise.
    pub fn charges_shown(&self, at_most: usize) -> (usize, Vec<Value>) {
        let newest = (0..self.orders.len()).rev().take(at_most);
        let shown = newest.map(|index| {
            let mut shown = self.transaction(index);
            shown["asked"] = json!(self.orders[index].asked);
            shown
        });
        (self.orders.len(), shown.collect())
    }

    /// One charge, likewise.
    pub fn charge_shown(&self, out_trade_no: &str) -> Option<Value> {
        let index = self.order_by_number.get(out_trade_no)?;
        Some(self.transaction(*index))
    }

    /// One refund, likewise.
    pub fn refund_shown(&self, out_refund_no: &str) -> Option<Value> {
        let is_known = self.refunds.contains_key(out_refund_no);
        is_known.then(|| self.shown_refund(out_refund_no))
    }

    /// Refunds as a query would answer them now, by number, likewise.
    pub fn refunds_shown(&self, at_most: usize) -> (usize, Vec<Value>) {
        let rows = self.refunds();
        let shown = rows.iter().rev().take(at_most).map(|row| {
            let mut shown = self.shown_refund(&row.out_refund_no);
            shown["asked"] = json!(row.asked);
            shown
        });
        (rows.len(), shown.collect())
    }

    /// Native orders, by number, likewise.
    pub fn natives_shown(&self, at_most: usize) -> (usize, Vec<Value>) {
        let rows = self.native_orders();
        let shown = rows.iter().rev().take(at_most).map(|row| {
            json!({
                "out_trade_no": row.out_trade_no,
                "total_fen": row.total_fen,
                "trade_state": match row.state {
                    NativeState::NotPaid => "NOTPAY",
                    NativeState::Paid => "SUCCESS",
                    NativeState::Closed => "CLOSED",
                },
                "asked": row.asked,
            })
        });
        (rows.len(), shown.collect())
    }

    /// What a correct client would never have sent, newest first, likewise.
    pub fn violations_shown(&self, at_most: usize) -> (usize, Vec<Value>) {
        let newest = self.violations.iter().rev().take(at_most);
        let shown = newest.map(|it| {
            json!({
                "at": it.at.to_rfc3339(),
                "call": it.call,
                "kind": it.kind,
                "detail": it.detail,
            })
        });
        (self.violations.len(), shown.collect())
    }

    /// The newest notices and what was answered to them.
    pub fn callbacks_shown(&self, at_most: usize) -> Vec<Value> {
        let rows = self.callback_rows(at_most);
        rows.iter().map(CallbackRow::shown).collect()
    }
}

impl CallbackRow {
    fn shown(&self) -> Value {
        let answers = self.answers.iter().map(|answer| {
            json!({
                "at": answer.at.to_rfc3339(),
                "status": answer.status,
                "fault": answer.fault,
            })
        });
        json!({
            "number": self.number,
            "id": self.id,
            "event_type": self.event_type,
            "url": self.url,
            "created": self.created.to_rfc3339(),
            "state": match self.state {
                CallbackState::Waiting => "waiting",
                CallbackState::Taken => "taken",
                CallbackState::GivenUp => "given_up",
            },
            "due": self.due.map(|due| due.to_rfc3339()),
            "answers": answers.collect::<Vec<Value>>(),
            "resource": serde_json::from_str::<Value>(&self.resource).unwrap_or_default(),
        })
    }
}
