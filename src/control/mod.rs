//! The local socket: JSON lines between the command line and a running daemon.

pub mod erasure;
pub mod server;

use serde::{Deserialize, Serialize};

use crate::charges::record::StaffOutcome;
use crate::lane::listing::Change;
use crate::lane::plate::{PlateColor, PlateNumber};
use crate::lane::session::LaneId;
use crate::lane::time::Wall;
use crate::park::balance::BalanceChange;
use crate::park::benefit::BenefitChange;
use crate::park::reply::Refusal;
use crate::park::review::Verdict;
use crate::story::charge::{ChargeRow, Stage};
use crate::story::session::{SessionRow, Stay};
use crate::story::spot::CodeRow;
use crate::story::wanted::Wanted;
use crate::wechat::enrolment;

/// What may be asked, one JSON object a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "ask", deny_unknown_fields)]
pub enum Question {
    /// How things stand: cars inside, queue, sums, links, alarms.
    Status,
    /// Raise a barrier now. Always possible, recorded with name and reason.
    Raise {
        lane: LaneId,
        by: String,
        why: String,
        money: Option<StaffOutcome>,
    },
    /// Cars that wait for a person, stays to look at, charges with the staff.
    Review,
    /// Has a driver opened the service for a plate? WeChat is asked; nothing changes.
    Find(enrolment::Wanted),
    /// See to a charge now.
    Retry {
        trade_no: String,
        by: Option<String>,
    },
    /// Take a charge out of the queue, to be finished by hand.
    ToStaff {
        trade_no: String,
        by: String,
        why: String,
    },
    /// Staff has collected the money of a charge, or gives it up.
    Finish { trade_no: String, how: StaffOutcome },
    /// Decide about a stay under review, named by its number, its charge's or its plate.
    Decide {
        of: String,
        verdict: Verdict,
        by: String,
        why: String,
    },
    /// A charge that WeChat took on is wrong, named by its number, its stay's or its plate.
    Correct {
        of: String,
        due_fen: Option<u64>,
        due_from: Option<PlateNumber>,
        by: String,
        why: String,
        /// The charge as the ledger tells it; never from outside.
        #[serde(skip)]
        charge: Option<Box<ChargeRow>>,
    },
    /// Money of a charge, or of what was paid on the spot, is to go back, named by its number, its stay's or
    /// its plate.
    Refund {
        of: String,
        /// How much, fen; None: all that is left.
        fen: Option<u64>,
        by: String,
        why: String,
        /// The charge as the ledger tells it; never from outside.
        #[serde(skip)]
        charge: Option<Box<ChargeRow>>,
        /// What was paid on the spot, as the ledger tells it; never from outside.
        #[serde(skip)]
        code: Option<Box<CodeRow>>,
    },
    /// See to a refund now.
    RetryRefund {
        refund_no: String,
        by: Option<String>,
    },
    /// A refund is not wanted any more, was closed, or was paid otherwise.
    EndRefund {
        refund_no: String,
        by: String,
        why: String,
    },
    /// A person has seen how an order ended that is paid on the spot.
    EndCode {
        number: String,
        is_paid: bool,
        by: String,
        why: String,
    },
    /// Refunds: those that are not done with, or all that the ledger tells of.
    Refunds { all: bool },
    /// A correction is made.
    Corrected {
        trade_no: String,
        by: String,
        why: String,
    },
    /// Which plate the car has that is held at a lane.
    NamePlate {
        lane: LaneId,
        plate: PlateNumber,
        color: Option<PlateColor>,
        by: String,
        why: String,
    },
    /// Change who comes and goes without paying, or is not let in. Holds from the next car on.
    ChangeList {
        change: Change,
        by: String,
        why: String,
    },
    /// A coupon or time on the charger for an open stay, named by its number or its plate; or it is taken back.
    Benefit {
        of: String,
        change: BenefitChange,
        by: String,
        why: String,
    },
    /// Money is put in store for a plate, or paid out.
    Balance {
        plate: PlateNumber,
        change: BalanceChange,
        by: String,
        why: String,
    },
    /// Who is listed, beside the lists of the configuration.
    Lists,
    /// The car of an open stay is gone; the stay is named by its number, its charge's or its plate.
    EndStay {
        of: String,
        /// Whether it may have to be charged.
        review: bool,
        left: Option<Wall>,
        by: String,
        why: String,
    },
    /// Money was taken for a stay, named by its number, its charge's or its plate.
    Pay {
        of: String,
        fen: u64,
        channel: String,
        by: String,
        /// It was taken whatever is due.
        taken: bool,
        /// The stay as the ledger tells it, where it was taken whatever is due; never from outside.
        #[serde(skip)]
        stay: Option<Box<SessionRow>>,
    },
    /// What a driver can scan at a lane.
    Code { lane: LaneId },
    /// How many places are free.
    Places,
    /// So many cars are inside, or so many places are free.
    CountPlaces {
        count: Counted,
        by: String,
        why: String,
    },
    /// What is owed: charges with the staff, of plates with this in them.
    Arrears { plate: Option<String> },
    /// Everything about a stay under review, by its number, its charge's or its plate.
    Reviewed { of: String },
    /// Stays that fit.
    Sessions(Wanted<Stay>),
    /// The story of one stay, by its number, its charge's or a plate.
    Session { of: String },
    /// Charges that fit.
    Charges(Wanted<Stage>),
    /// The story of one charge, likewise.
    Charge { of: String },
    /// Every charge that came due in a time.
    Export {
        since: Option<Wall>,
        until: Option<Wall>,
    },
    /// Cameras, barriers and links.
    Devices,
    /// Erase one plate's payloads, where nothing of it is needed any more.
    Erase(erasure::Wanted),
    /// When each charge in the queue is next seen to.
    Due,
    /// Whose socket this is.
    Store,
    /// The keys that WeChat's answers are verified with, and the merchant's own.
    Keys,
    /// Read the merchant's key files anew, and take up what has changed.
    ReloadKeys,
}

impl Question {
    /// Whether something is to be done, and recorded.
    pub fn is_a_wish(&self) -> bool {
        matches!(
            self,
            Self::Raise { .. }
                | Self::Retry { .. }
                | Self::ToStaff { .. }
                | Self::Finish { .. }
                | Self::Decide { .. }
                | Self::Correct { .. }
                | Self::Corrected { .. }
                | Self::Refund { .. }
                | Self::RetryRefund { .. }
                | Self::EndRefund { .. }
                | Self::EndCode { .. }
                | Self::NamePlate { .. }
                | Self::ChangeList { .. }
                | Self::Benefit { .. }
                | Self::Balance { .. }
                | Self::EndStay { .. }
                | Self::CountPlaces { .. }
                | Self::Pay { .. }
        )
    }

    /// Whether the answer is in the ledger and no longer in the daemon's memory.
    pub fn is_of_the_past(&self) -> bool {
        match self {
            Self::Session { .. }
            | Self::Charge { .. }
            | Self::Reviewed { .. }
            | Self::Export { .. } => true,
            Self::Refunds { all } => *all,
            Self::Sessions(wanted) => wanted.needs_the_past(),
            Self::Charges(wanted) => wanted.needs_the_past(),
            Self::Status
            | Self::Raise { .. }
            | Self::Review
            | Self::Places
            | Self::Code { .. }
            | Self::Find(_)
            | Self::Retry { .. }
            | Self::ToStaff { .. }
            | Self::Finish { .. }
            | Self::Decide { .. }
            | Self::Correct { .. }
            | Self::Corrected { .. }
            | Self::Refund { .. }
            | Self::RetryRefund { .. }
            | Self::EndRefund { .. }
            | Self::EndCode { .. }
            | Self::NamePlate { .. }
            | Self::ChangeList { .. }
            | Self::Benefit { .. }
            | Self::Balance { .. }
            | Self::Lists
            | Self::EndStay { .. }
            | Self::CountPlaces { .. }
            | Self::Pay { .. }
            | Self::Arrears { .. }
            | Self::Erase(_)
            | Self::Devices
            | Self::Due
            | Self::Store
            | Self::Keys
            | Self::ReloadKeys => false,
        }
    }

    /// Whether the answer takes longer than a look into the daemon's memory.
    pub fn takes_its_time(&self) -> bool {
        self.is_of_the_past() || matches!(self, Self::Erase(_) | Self::ReloadKeys)
    }
}

/// What a person counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Counted {
    /// Cars inside.
    Inside(u64),
    /// Places that are free.
    Free(u64),
}

/// What comes back, one JSON object a line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// Done, or what was asked for.
    Ok(serde_json::Value),
    /// Not done, and which rule says so.
    Refused(Refusal),
    /// Not done, and why.
    Error(String),
}
