//! A stay as it is listed, and the fold of the ledger's records into such rows.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::at;
use super::wanted::State;
use crate::lane::guard::Doubt;
use crate::lane::plate::PlateColor;
use crate::lane::session::{Ending, Session};
use crate::lane::time::Wall;
use crate::park::part::Part;
use crate::park::record::LaneRecord;
use crate::park::state::{Hold, Site};
use crate::park::zone::Visits;

/// Whether a stay goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stay {
    /// The car is inside.
    Inside,
    /// It stands at a barrier and waits for a person.
    Held,
    /// The stay is over.
    Over,
}

impl Stay {
    pub const ALL: [Self; 3] = [Self::Inside, Self::Held, Self::Over];

    /// As in JSON and on the command line.
    pub fn code(self) -> &'static str {
        match self {
            Self::Inside => "inside",
            Self::Held => "held",
            Self::Over => "over",
        }
    }
}

impl State for Stay {
    fn is_over(self) -> bool {
        self == Self::Over
    }
}

/// One stay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionRow {
    pub session: String,
    pub plate: String,
    pub color: Option<PlateColor>,
    /// Where it came in.
    pub lane: String,
    #[serde(with = "at")]
    pub entered: Wall,
    /// Whether the box's clock was trusted then.
    pub entered_trusted: bool,
    /// Why its entry alone forbids an automatic charge.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub doubts: Vec<Doubt>,
    pub state: Stay,
    #[serde(with = "at::option", default, skip_serializing_if = "Option::is_none")]
    pub left: Option<Wall>,
    /// Where it left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_lane: Option<String>,
    /// How it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ending: Option<Ending>,
    /// What was due for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fee_fen: Option<u64>,
    /// Its charge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trade_no: Option<String>,
    /// Its times in zones within the car park.
    #[serde(default, skip_serializing_if = "Visits::is_empty")]
    pub visits: Visits,
}

impl SessionRow {
    fn opened(session: &Session, entered: Wall) -> Self {
        Self {
            session: session.id.0.clone(),
            plate: session.plate.as_str().to_owned(),
            color: session.color,
            lane: session.lane.0.clone(),
            entered,
            entered_trusted: session.entered.now.trusted,
            doubts: session.doubts.clone(),
            state: Stay::Inside,
            left: None,
            exit_lane: None,
            ending: None,
            fee_fen: None,
            trade_no: None,
            visits: Visits::default(),
        }
    }

    /// Every stay that goes on.
    pub fn open(site: &Site) -> impl Iterator<Item = Self> {
        site.sessions().map(|session| {
            let mut row = Self::opened(&session, session.entered.now.wall);
            row.trade_no = site.claimed.get(&session.id).cloned();
            row.visits = site.visits.of(&session.id).cloned().unwrap_or_default();
            if let Some(hold) = site.newest_hold_of(&session.id) {
                row.is_held(hold);
            }
            row
        })
    }

    fn is_held(&mut self, hold: &Hold) {
        self.state = Stay::Held;
        self.exit_lane = Some(hold.lane.0.clone());
        self.fee_fen = hold.quote.as_ref().map(|quote| quote.fee_fen);
    }
}

/// Rows by session, of the stays that `keep` wants.
pub struct Sessions<K> {
    pub rows: BTreeMap<String, SessionRow>,
    /// Which session waits at which lane.
    held: BTreeMap<String, String>,
    keep: K,
}

impl<K: Fn(&SessionRow) -> bool> Sessions<K> {
    pub fn keeping(keep: K) -> Self {
        Self {
            rows: BTreeMap::new(),
            held: BTreeMap::new(),
            keep,
        }
    }

    /// As [`Sessions::stood`], of a part of a state: of a stay that is held, or has its charge, the rest tells.
    pub fn stood_in(&mut self, part: &Part) {
        for session in &part.sessions {
            self.stand(SessionRow::opened(session, session.entered.now.wall));
        }
        let Some(rest) = &part.rest else { return };
        for (session, trade_no) in &rest.site.claimed {
            if let Some(row) = self.rows.get_mut(&session.0) {
                row.trade_no.get_or_insert_with(|| trade_no.clone());
            }
        }
        for hold in rest.site.holds.values() {
            let held = hold.session.as_ref();
            if let Some(row) = held.and_then(|session| self.rows.get_mut(&session.0))
                && row.state == Stay::Inside
            {
                row.is_held(hold);
                let (lane, session) = (hold.lane.0.clone(), row.session.clone());
                self.held.insert(lane, session);
            }
        }
    }

    /// From a checkpoint: what was open then.
    pub fn stood(&mut self, site: &Site) {
        for row in SessionRow::open(site) {
            self.stand(row);
        }
    }

    fn stand(&mut self, row: SessionRow) {
        if let Some(lane) = row.exit_lane.as_ref().filter(|_| row.state == Stay::Held) {
            self.held.insert(lane.clone(), row.session.clone());
        }
        if !self.rows.contains_key(&row.session) && (self.keep)(&row) {
            self.rows.insert(row.session.clone(), row);
        }
    }

    /// A fee became due.
    pub fn claimed(&mut self, session: &str, trade_no: &str, fee_fen: u64) {
        if let Some(row) = self.rows.get_mut(session) {
            row.trade_no = Some(trade_no.to_owned());
            row.fee_fen = Some(fee_fen);
        }
    }

    /// The next record, decided at `at`.
    pub fn apply(&mut self, record: &LaneRecord, at: Wall) {
        match record {
            LaneRecord::SessionOpened { session } => {
                let row = SessionRow::opened(session, at);
                if (self.keep)(&row) {
                    self.rows.insert(row.session.clone(), row);
                }
            }
            LaneRecord::SessionClosed {
                session,
                lane,
                ending,
                fee_fen,
                ..
            } => {
                if let Some(row) = self.rows.get_mut(&session.0) {
                    row.state = Stay::Over;
                    row.left = Some(at);
                    row.exit_lane = Some(lane.0.clone());
                    row.fee_fen = Some(*fee_fen);
                    row.ending = Some(ending.clone());
                }
            }
            LaneRecord::HoldStarted { hold } => {
                self.let_go(&hold.lane.0);
                if let Some(session) = &hold.session
                    && let Some(row) = self.rows.get_mut(&session.0)
                    // A car may be held once more after its stay is over.
                    && row.state == Stay::Inside
                {
                    row.state = Stay::Held;
                    self.held.insert(hold.lane.0.clone(), session.0.clone());
                }
            }
            LaneRecord::HoldEnded { lane } => self.let_go(&lane.0),
            LaneRecord::DoubtLifted { session, doubt } => {
                if let Some(row) = self.rows.get_mut(&session.0) {
                    row.doubts.retain(|held| held != doubt);
                }
            }
            LaneRecord::ZonePassed {
                session,
                zone,
                way,
                after_ms,
                ..
            } => {
                if let Some(row) = self.rows.get_mut(&session.0) {
                    row.visits.pass(zone, *way, *after_ms);
                }
            }
            LaneRecord::RaiseDecided { .. }
            | LaneRecord::RaiseReissued { .. }
            | LaneRecord::RaiseCarriedOut { .. }
            | LaneRecord::Passed { .. }
            | LaneRecord::NumbersSkipped { .. }
            | LaneRecord::ReviewOpened { .. }
            | LaneRecord::ReviewClosed { .. }
            | LaneRecord::PlateNamed { .. }
            | LaneRecord::ListChanged { .. }
            | LaneRecord::BenefitGiven { .. }
            | LaneRecord::BenefitTakenBack { .. }
            | LaneRecord::BalanceChanged { .. }
            | LaneRecord::PlacesCounted { .. }
            | LaneRecord::ArrearsSeen { .. } => {}
        }
    }

    fn let_go(&mut self, lane: &str) {
        if let Some(session) = self.held.remove(lane)
            && let Some(row) = self.rows.get_mut(&session)
            && row.state == Stay::Held
        {
            row.state = Stay::Inside;
        }
    }
}
