//! The newest requests and what was answered, for a person who looks on.

use std::collections::VecDeque;

use serde_json::{Value, json};

use crate::lane::time::Wall;
use crate::sim::wechat::{Call, Exchange, Fault, Request};

/// So many are kept.
const KEPT: usize = 1000;
/// Of a target, characters.
const TARGET_SHOWN: usize = 300;

/// Requests in the order in which they were answered.
#[derive(Debug, Default)]
pub(super) struct Journal {
    lines: VecDeque<JournalLine>,
    written: u64,
    refused: u64,
}

/// One request.
#[derive(Clone, Debug, PartialEq)]
pub struct JournalLine {
    /// From 1.
    pub number: u64,
    /// When it was decided.
    pub at: Wall,
    /// Upper case.
    pub method: String,
    /// As on the wire, cut where it is very long.
    pub target: String,
    /// Which call it was taken for.
    pub call: Call,
    /// HTTP status; None is silence.
    pub status: Option<u16>,
    /// The fault that was played, if any.
    pub fault: Option<Fault>,
    /// Of the answer.
    pub request_id: Option<String>,
    /// Of a refusal: `code`, `message` and `detail`, as they were answered.
    pub refusal: Option<Value>,
}

impl JournalLine {
    /// For those who read JSON.
    pub fn shown(&self) -> Value {
        json!({
            "number": self.number,
            "at": self.at.to_rfc3339(),
            "method": self.method,
            "target": self.target,
            "call": self.call,
            "status": self.status,
            "fault": self.fault,
            "request_id": self.request_id,
            "refusal": self.refusal,
        })
    }
}

impl Journal {
    pub(super) fn write(&mut self, request: &Request, exchange: &Exchange, at: Wall) {
        self.written += 1;
        let answer = exchange.answer.as_ref();
        let refused = answer.filter(|answer| answer.status >= 400);
        self.refused += u64::from(refused.is_some());
        let line = JournalLine {
            number: self.written,
            at,
            method: request.method.clone(),
            target: request.target.chars().take(TARGET_SHOWN).collect(),
            call: exchange.call,
            status: answer.map(|answer| answer.status),
            fault: exchange.fault.clone(),
            request_id: answer
                .and_then(|answer| answer.header("Request-ID"))
                .map(str::to_owned),
            refusal: refused.map(|answer| serde_json::from_slice(&answer.body).unwrap_or_default()),
        };
        if self.lines.len() == KEPT {
            self.lines.pop_front();
        }
        self.lines.push_back(line);
    }

    /// How many were written, and how many of these were refused.
    pub(super) fn counts(&self) -> (u64, u64) {
        (self.written, self.refused)
    }

    /// How many were written, and the newest that `wanted` lets through, newest first.
    pub(super) fn newest(
        &self,
        at_most: usize,
        wanted: impl Fn(&JournalLine) -> bool,
    ) -> (u64, Vec<JournalLine>) {
        let newest = self.lines.iter().rev().filter(|line| wanted(line));
        (self.written, newest.take(at_most).cloned().collect())
    }
}
