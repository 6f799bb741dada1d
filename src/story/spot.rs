//! An order that is paid on the spot, as it is shown, and the fold of the ledger's records into such rows.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::at;
use crate::charges::body::SentFor;
use crate::charges::book::Book;
use crate::charges::record::MoneyRecord;
use crate::charges::spot::{Spot, SpotClaim, SpotTold};
use crate::lane::session::LaneId;
use crate::lane::time::Wall;
use crate::park::state::Site;

/// One order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeRow {
    /// `out_trade_no`.
    pub number: String,
    pub session: String,
    pub plate: String,
    /// The exit lane.
    pub lane: String,
    pub fen: u64,
    /// `waiting`, `sent`, `unknown`, `to_repeat`, `open`, `paid`, `given_back`, `closed`, `refused`.
    pub state: String,
    /// When it was asked for.
    #[serde(with = "at")]
    pub asked: Wall,
    /// When it came into this state, where the ledger was asked.
    #[serde(with = "at::option", default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Wall>,
    /// Nobody waits for its money any more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub given_up: bool,
    /// Whose money it is, as it was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent_for: Option<SentFor>,
    /// WeChat's number of the order, once it is paid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transaction_id: Option<String>,
}

impl CodeRow {
    /// One that may still be paid, as it stands.
    pub fn of(spot: &Spot) -> Self {
        Self {
            state: spot.state.code().to_owned(),
            since: None,
            given_up: spot.given_up.is_some(),
            sent_for: spot.body.as_deref().and_then(SentFor::of),
            ..Self::asked(&spot.claim, spot.claim.at.now.wall)
        }
    }

    /// Whether its money came in.
    pub fn is_paid(&self) -> bool {
        self.state == "paid"
    }

    fn asked(claim: &SpotClaim, at: Wall) -> Self {
        Self {
            number: claim.number.clone(),
            session: claim.session.0.clone(),
            plate: claim.plate.as_str().to_owned(),
            lane: claim.lane.0.clone(),
            fen: claim.fen,
            state: "waiting".to_owned(),
            asked: at,
            since: Some(at),
            given_up: false,
            sent_for: None,
            transaction_id: None,
        }
    }
}

/// Rows by number, of the orders of one stay.
pub struct Codes {
    pub rows: BTreeMap<String, CodeRow>,
    session: String,
}

impl Codes {
    pub fn of_stay(session: &str) -> Self {
        Self {
            rows: BTreeMap::new(),
            session: session.to_owned(),
        }
    }

    /// From a whole state: what might still be paid then.
    pub fn stood(&mut self, book: &Book) {
        let open = book.spots().open();
        for spot in open.filter(|spot| spot.claim.session.0 == self.session) {
            let row = CodeRow::of(spot);
            self.rows.entry(row.number.clone()).or_insert(row);
        }
    }

    /// The next record, decided at `at`.
    pub fn apply(&mut self, record: &MoneyRecord, at: Wall) {
        match record {
            MoneyRecord::SpotAsked { spot } if spot.session.0 == self.session => {
                let row = CodeRow::asked(spot, at);
                self.rows.insert(row.number.clone(), row);
            }
            MoneyRecord::SpotSent { number, body } => {
                self.stands(number, "sent", at);
                if let (Some(row), Some(body)) = (self.rows.get_mut(number), body) {
                    row.sent_for = SentFor::of(body);
                }
            }
            MoneyRecord::SpotGivenUp { number, .. } => {
                if let Some(row) = self.rows.get_mut(number) {
                    row.given_up = true;
                }
            }
            MoneyRecord::SpotTold { number, told } => {
                let state = match told {
                    SpotTold::Unknown { .. } => "unknown",
                    SpotTold::ToRepeat { .. } => "to_repeat",
                    SpotTold::Open { .. } => "open",
                    SpotTold::Paid { .. } => "paid",
                    SpotTold::GivenBack { .. } => "given_back",
                    SpotTold::Closed { .. } => "closed",
                    SpotTold::Refused { .. } => "refused",
                };
                self.stands(number, state, at);
                if let (
                    SpotTold::Paid { transaction_id, .. } | SpotTold::GivenBack { transaction_id },
                    Some(row),
                ) = (told, self.rows.get_mut(number))
                {
                    row.transaction_id.clone_from(transaction_id);
                }
            }
            _ => {}
        }
    }

    fn stands(&mut self, number: &str, state: &str, at: Wall) {
        if let Some(row) = self.rows.get_mut(number) {
            state.clone_into(&mut row.state);
            row.since = Some(at);
        }
    }
}

/// The order whose code a driver can scan at a lane now; None: there is nothing to scan, since another car stands
/// there or none, or since nobody would hear that it was paid.
pub fn shown<'b>(site: &Site, book: &'b Book, lane: &LaneId, is_heard: bool) -> Option<&'b Spot> {
    let hold = site.holds.get(lane).filter(|_| is_heard)?;
    let spot = book.spots().of(hold.session.as_ref()?)?;
    let is_shown = spot.code_url().is_some() && spot.claim.lane == *lane;
    is_shown.then_some(spot)
}

/// The same, as a driver scans it. Without the plate.
pub fn shown_at(site: &Site, book: &Book, lane: &LaneId, is_heard: bool) -> Option<Value> {
    let spot = shown(site, book, lane, is_heard)?;
    Some(json!({
        "number": spot.claim.number,
        "fen": spot.claim.fen,
        "code_url": spot.code_url(),
        "expires": spot.expires().map(Wall::to_rfc3339),
    }))
}

/// The same, for a list of lanes: without what can be paid with.
pub fn listed_at(site: &Site, book: &Book, lane: &LaneId, is_heard: bool) -> Option<Value> {
    let spot = shown(site, book, lane, is_heard)?;
    Some(json!({
        "lane": lane,
        "number": spot.claim.number,
        "fen": spot.claim.fen,
        "since": spot.claim.at.now.wall.to_rfc3339(),
        "expires": spot.expires().map(Wall::to_rfc3339),
    }))
}
