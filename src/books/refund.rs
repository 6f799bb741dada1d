//! Money that goes back to drivers: never more than was charged, and only of what settled.

use serde_json::Value;

use super::accountant::{Accountant, At};
use super::charge::Stands;
use super::violation::Wrong;

/// The numbers of docs/record-kinds.md.
pub(super) const REFUND_ASKED: u16 = 61;
const REFUND_SENT: u16 = 62;
const REFUND_TOLD: u16 = 63;
pub(super) const REFUND_GIVEN_UP: u16 = 64;

/// One refund.
#[derive(Clone, Debug)]
pub(super) struct Refund {
    trade_no: Box<str>,
    fen: u64,
    charged_fen: u64,
    was_sent: bool,
    is_fixed: bool,
    /// The driver's account takes no money, and WeChat may pay it later all the same.
    is_abnormal: bool,
    ended: Option<&'static str>,
}

impl Refund {
    /// From a whole state: one that is not done with.
    pub(super) fn stood(refund: &Value) -> Option<(String, Self)> {
        let claim = &refund["claim"];
        let state = refund["state"].as_str().unwrap_or_default();
        let of = Self {
            trade_no: claim["trade_no"].as_str()?.into(),
            fen: claim["fen"].as_u64()?,
            charged_fen: claim["charged_fen"].as_u64()?,
            was_sent: !refund["sent"].is_null(),
            is_fixed: !refund["body"].is_null(),
            is_abnormal: state == "abnormal",
            ended: (state == "closed").then_some("closed"),
        };
        Some((claim["refund_no"].as_str()?.to_owned(), of))
    }

    /// What it takes of its charge, and of which.
    pub(super) fn reserved(&self) -> (&str, u64) {
        let fen = if self.ended.is_none() { self.fen } else { 0 };
        (&self.trade_no, fen)
    }

    fn is_as_asked(&self, number: &str, body: &str) -> bool {
        let body: Value = serde_json::from_slice(body.as_bytes()).unwrap_or_default();
        body["out_refund_no"].as_str() == Some(number)
            && body["out_trade_no"].as_str() == Some(&self.trade_no)
            && body["amount"]["refund"].as_u64() == Some(self.fen)
            && body["amount"]["total"].as_u64() == Some(self.charged_fen)
    }
}

impl Accountant {
    pub(super) fn refund(&mut self, kind: u16, at: &At<'_>) {
        let number = match kind {
            REFUND_ASKED => at.fields["refund"]["refund_no"].as_str(),
            _ => at.fields["refund_no"].as_str(),
        };
        let Some(number) = number else { return };
        let wrongs = match kind {
            REFUND_ASKED => self.refund_asked(number, &at.fields["refund"]),
            _ if !self.refunds.contains_key(number) => {
                let fact = at.fields["fact"].as_str().unwrap_or_default().to_owned();
                let is_known = self.has_holes || self.begins_midway;
                let wrong = (!is_known).then_some(Wrong::NoSuchCharge { fact });
                wrong.into_iter().collect()
            }
            REFUND_SENT => self.refund_sent(number, at.fields["body"].as_str()),
            REFUND_TOLD => self.refund_told(number, &at.fields["told"]),
            _ => self.refund_given_up(number),
        };
        for wrong in wrongs {
            self.wrong(at.seq, None, Some(number), wrong);
        }
    }

    fn refund_asked(&mut self, number: &str, claim: &Value) -> Vec<Wrong> {
        let text = |name: &str| claim[name].as_str().unwrap_or_default();
        let fen = |name: &str| claim[name].as_u64().unwrap_or_default();
        let (trade_no, charged_fen) = (text("trade_no"), fen("charged_fen"));
        let mut wrongs = Vec::new();
        if self.refunds.contains_key(number) {
            return vec![Wrong::NumberTwice];
        }
        match self.charges.get(trade_no) {
            Some(charge) if charge.fee_fen != charged_fen && charge.counts => {
                wrongs.push(Wrong::OtherRefundSent);
            }
            Some(_) => {}
            None if self.codes.of(trade_no).is_some() => {
                if self
                    .codes
                    .of(trade_no)
                    .is_some_and(|(fen, _)| fen != charged_fen)
                {
                    wrongs.push(Wrong::OtherRefundSent);
                }
            }
            None if self.has_holes || self.begins_midway => {}
            None => wrongs.push(Wrong::NoSuchCharge {
                fact: "refund_asked".to_owned(),
            }),
        }
        let reserved = self.reserved.entry(trade_no.into()).or_default();
        *reserved += fen("fen");
        if *reserved > charged_fen {
            let refund_fen = *reserved;
            wrongs.push(Wrong::RefundedTooMuch {
                refund_fen,
                charged_fen,
            });
        }
        let refund = Refund {
            trade_no: trade_no.into(),
            fen: fen("fen"),
            charged_fen,
            was_sent: false,
            is_fixed: false,
            is_abnormal: false,
            ended: None,
        };
        self.refunds.insert(number.into(), refund);
        wrongs
    }

    fn refund_sent(&mut self, number: &str, body: Option<&str>) -> Vec<Wrong> {
        let Some(refund) = self.refunds.get_mut(number) else {
            return Vec::new();
        };
        let mut wrongs = Vec::new();
        if let Some(ended) = refund.ended {
            wrongs.push(after_its_end("refund_sent", ended));
        }
        if let Some(body) = body {
            if std::mem::replace(&mut refund.is_fixed, true) {
                wrongs.push(Wrong::FixedTwice);
            }
            if !refund.is_as_asked(number, body) {
                wrongs.push(Wrong::OtherRefundSent);
            }
        }
        refund.was_sent = true;
        let charge = self.charges.get(&refund.trade_no);
        let is_unpaid = self
            .codes
            .of(&refund.trade_no)
            .is_some_and(|(_, paid)| !paid);
        if is_unpaid || charge.is_some_and(|charge| charge.stands != Stands::Settled) {
            wrongs.push(Wrong::RefundOfUnsettled);
        }
        wrongs
    }

    fn refund_told(&mut self, number: &str, told: &Value) -> Vec<Wrong> {
        let name = told.as_str().map(str::to_owned);
        let name = name.or_else(|| told.as_object()?.keys().next().cloned());
        let name = name.unwrap_or_default();
        let Some(refund) = self.refunds.get_mut(number) else {
            return Vec::new();
        };
        if let Some(ended) = refund.ended {
            return vec![after_its_end(&name, ended)];
        }
        refund.is_abnormal = name == "abnormal";
        let (trade_no, fen, was_sent) = (refund.trade_no.clone(), refund.fen, refund.was_sent);
        let mut wrongs = Vec::new();
        match name.as_str() {
            "succeeded" => {
                refund.ended = Some("refunded");
                self.total("refunded", fen);
                if self.period.has(self.at) {
                    self.report.refunded.add(fen);
                }
            }
            "closed" | "not_needed" => {
                refund.ended = Some("closed");
                let reserved = self.reserved.entry(trade_no).or_default();
                *reserved = reserved.saturating_sub(fen);
            }
            _ => {}
        }
        if !was_sent && name != "not_needed" {
            wrongs.push(Wrong::NeverSent { fact: name });
        }
        wrongs
    }

    fn refund_given_up(&mut self, number: &str) -> Vec<Wrong> {
        let Some(refund) = self.refunds.get_mut(number) else {
            return Vec::new();
        };
        match refund.ended.replace("given up") {
            None if !refund.is_abnormal => {
                let reserved = self.reserved.entry(refund.trade_no.clone()).or_default();
                *reserved = reserved.saturating_sub(refund.fen);
            }
            // It stays out of what can be refunded; or it was closed, and is out of it already.
            None | Some("closed") => {}
            Some(ended) => return vec![after_its_end("refund_given_up", ended)],
        }
        Vec::new()
    }
}

fn after_its_end(fact: &str, ended: &str) -> Wrong {
    Wrong::AfterItsEnd {
        fact: fact.to_owned(),
        ended: ended.to_owned(),
    }
}
