//! Orders that are paid on the spot: each sum that came in by one is taken down in the same step, and no charge
//! of the stay leaves while one may still be paid.

use std::collections::BTreeMap;

use serde_json::Value;

use super::accountant::{Accountant, At};
use super::violation::Wrong;

/// The numbers of docs/record-kinds.md.
pub(super) const SPOT_ASKED: u16 = 72;
const SPOT_SENT: u16 = 73;
const SPOT_TOLD: u16 = 74;
pub(super) const SPOT_GIVEN_UP: u16 = 75;
/// How payments of such orders are named.
const CHANNEL: &str = "wechat_native";

/// Such orders, and what came in by them in the step at hand.
#[derive(Debug, Default)]
pub(super) struct Codes {
    orders: BTreeMap<Box<str>, Code>,
    /// By stay: paid, and taken down, fen.
    in_step: BTreeMap<Box<str>, (u64, u64)>,
}

/// One order.
#[derive(Clone, Debug)]
pub(super) struct Code {
    session: Box<str>,
    fen: u64,
    was_sent: bool,
    is_fixed: bool,
    ended: Option<&'static str>,
}

impl Code {
    /// From a whole state: one that may be paid, or one that is over.
    pub(super) fn stood(spot: &Value, ended: Option<&'static str>) -> Option<(String, Self)> {
        let claim = &spot["claim"];
        let code = Self {
            session: claim["session"].as_str()?.into(),
            fen: claim["fen"].as_u64()?,
            was_sent: !spot["body"].is_null(),
            is_fixed: !spot["body"].is_null(),
            ended,
        };
        Some((claim["number"].as_str()?.to_owned(), code))
    }
}

impl Codes {
    pub(super) fn begin_with(&mut self, codes: BTreeMap<String, Code>) {
        let codes = codes.into_iter();
        self.orders
            .extend(codes.map(|(number, code)| (number.into(), code)));
    }

    /// What an order was over, and whether it was paid, fen.
    pub(super) fn of(&self, number: &str) -> Option<(u64, bool)> {
        let code = self.orders.get(number)?;
        Some((code.fen, code.ended == Some("paid")))
    }

    /// The order of a stay that may still be paid.
    pub(super) fn open_of(&self, session: &str) -> Option<String> {
        let mut orders = self.orders.iter();
        let open = orders.find(|(_, code)| code.ended.is_none() && *code.session == *session);
        open.map(|(number, _)| number.to_string())
    }

    /// Money of a stay was taken down.
    pub(super) fn taken(&mut self, session: &str, channel: Option<&str>, fen: u64) {
        if channel == Some(CHANNEL) {
            self.in_step.entry(session.into()).or_default().1 += fen;
        }
    }

    /// What came in in a step and was not taken down, or the other way about.
    pub(super) fn end_step(&mut self) -> Vec<(String, Wrong)> {
        let in_step = std::mem::take(&mut self.in_step).into_iter();
        let unlike = in_step.filter(|(_, (paid_fen, taken_fen))| paid_fen != taken_fen);
        let wrong = |(session, (paid_fen, taken_fen)): (Box<str>, _)| {
            let wrong = Wrong::CodeNotTakenDown {
                paid_fen,
                taken_fen,
            };
            (session.to_string(), wrong)
        };
        unlike.map(wrong).collect()
    }
}

impl Accountant {
    pub(super) fn spot(&mut self, kind: u16, at: &At<'_>) {
        let number = match kind {
            SPOT_ASKED => at.fields["spot"]["number"].as_str(),
            _ => at.fields["number"].as_str(),
        };
        let Some(number) = number else { return };
        let wrongs = match kind {
            SPOT_ASKED => self.spot_asked(number, &at.fields["spot"]),
            _ if !self.codes.orders.contains_key(number) => {
                let fact = at.fields["fact"].as_str().unwrap_or_default().to_owned();
                let is_known = self.has_holes || self.begins_midway;
                let wrong = (!is_known).then_some(Wrong::NoSuchCharge { fact });
                wrong.into_iter().collect()
            }
            SPOT_SENT => self.spot_sent(number, at.fields["body"].as_str()),
            SPOT_TOLD => self.spot_told(number, &at.fields["told"]),
            _ => Vec::new(),
        };
        for wrong in wrongs {
            self.wrong(at.seq, None, Some(number), wrong);
        }
    }

    fn spot_asked(&mut self, number: &str, claim: &Value) -> Vec<Wrong> {
        let session = claim["session"].as_str().unwrap_or_default();
        let mut wrongs = Vec::new();
        if self.codes.orders.contains_key(number) {
            return vec![Wrong::NumberTwice];
        }
        if let Some(first) = self.codes.open_of(session) {
            wrongs.push(Wrong::ChargedTwice { first });
        }
        let code = Code {
            session: session.into(),
            fen: claim["fen"].as_u64().unwrap_or_default(),
            was_sent: false,
            is_fixed: false,
            ended: None,
        };
        self.codes.orders.insert(number.into(), code);
        wrongs
    }

    fn spot_sent(&mut self, number: &str, body: Option<&str>) -> Vec<Wrong> {
        let Some(code) = self.codes.orders.get_mut(number) else {
            return Vec::new();
        };
        let mut wrongs = Vec::new();
        if let Some(ended) = code.ended {
            wrongs.push(after_its_end("spot_sent", ended));
        }
        if let Some(body) = body {
            if std::mem::replace(&mut code.is_fixed, true) {
                wrongs.push(Wrong::FixedTwice);
            }
            let body: Value = serde_json::from_slice(body.as_bytes()).unwrap_or_default();
            let sent_fen = body["amount"]["total"].as_u64();
            if body["out_trade_no"].as_str() != Some(number) {
                wrongs.push(Wrong::OtherChargeSent);
            }
            if sent_fen != Some(code.fen) {
                let fee_fen = code.fen;
                wrongs.push(Wrong::OtherAmountSent { fee_fen, sent_fen });
            }
        }
        code.was_sent = true;
        wrongs
    }

    fn spot_told(&mut self, number: &str, told: &Value) -> Vec<Wrong> {
        let name = told
            .as_object()
            .and_then(|told| told.keys().next().cloned());
        let name = name.unwrap_or_default();
        let Some(code) = self.codes.orders.get_mut(number) else {
            return Vec::new();
        };
        let mut wrongs = Vec::new();
        let ended = match name.as_str() {
            "paid" => Some("paid"),
            "given_back" => Some("given_back"),
            "closed" => Some("closed"),
            "refused" => Some("refused"),
            _ => None,
        };
        // WeChat may take the money of what it had closed; of nothing else that is over.
        if let Some(before) = code.ended
            && (before, ended) != ("closed", Some("paid"))
        {
            return vec![after_its_end(&name, before)];
        }
        code.ended = ended;
        if ended == Some("paid") {
            let (session, fen) = (code.session.clone(), code.fen);
            if !code.was_sent {
                wrongs.push(Wrong::NeverSent { fact: name });
            }
            self.codes.in_step.entry(session).or_default().0 += fen;
        }
        wrongs
    }
}

fn after_its_end(fact: &str, ended: &str) -> Wrong {
    Wrong::AfterItsEnd {
        fact: fact.to_owned(),
        ended: ended.to_owned(),
    }
}
