//! A charge as it is listed, and the fold of the ledger's records into such rows.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::at;
use super::wanted::State;
use crate::charges::answer::Paid;
use crate::charges::body::SentFor;
use crate::charges::charge::{Charge, ChargeState, Claim, Opening, StaffReason, WithdrawnReason};
use crate::charges::record::{MoneyRecord, StaffOutcome};
use crate::charges::refund::RefundTold;
use crate::lane::time::Wall;
use crate::park::part::Part;

/// Where a charge stands, its end with the staff included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    WaitingForEntry,
    Due,
    Sent,
    Unknown,
    Accepted,
    Settled,
    /// A person has to finish it.
    WithStaff,
    /// The staff took the money.
    Collected,
    /// The staff gave it up.
    WrittenOff,
    /// The stay was charged anew.
    Replaced,
    Withdrawn,
}

impl Stage {
    /// Every one, in the order of a charge's life.
    pub const ALL: [Self; 11] = [
        Self::WaitingForEntry,
        Self::Due,
        Self::Sent,
        Self::Unknown,
        Self::Accepted,
        Self::Settled,
        Self::WithStaff,
        Self::Collected,
        Self::WrittenOff,
        Self::Replaced,
        Self::Withdrawn,
    ];

    /// As in JSON and on the command line.
    pub fn code(self) -> &'static str {
        match self {
            Self::WaitingForEntry => "waiting_for_entry",
            Self::Due => "due",
            Self::Sent => "sent",
            Self::Unknown => "unknown",
            Self::Accepted => "accepted",
            Self::Settled => "settled",
            Self::WithStaff => "with_staff",
            Self::Collected => "collected",
            Self::WrittenOff => "written_off",
            Self::Replaced => "replaced",
            Self::Withdrawn => "withdrawn",
        }
    }
}

impl State for Stage {
    fn is_over(self) -> bool {
        matches!(
            self,
            Self::Settled | Self::Collected | Self::WrittenOff | Self::Replaced | Self::Withdrawn
        )
    }
}

/// One charge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChargeRow {
    /// `out_trade_no`.
    pub trade_no: String,
    pub session: String,
    /// As read at the entry.
    pub plate: String,
    /// Exit lane.
    pub lane: String,
    #[serde(with = "at")]
    pub entered: Wall,
    #[serde(with = "at")]
    pub exited: Wall,
    /// When the fee became due; the time by which a charge belongs to a range.
    #[serde(with = "at")]
    pub opened: Wall,
    /// Whether the box's clock was trusted at the entry and at the exit.
    pub times_trusted: bool,
    pub stay_ms: u64,
    pub fee_fen: u64,
    pub state: Stage,
    /// When it came into this state, where the ledger was asked.
    #[serde(with = "at::option", default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Wall>,
    /// Why a person has or had to finish it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub staff_reason: Option<StaffReason>,
    /// What the staff did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<StaffOutcome>,
    /// Why nothing is claimed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub withdrawn: Option<WithdrawnReason>,
    /// WeChat's number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transaction_id: Option<String>,
    /// `BPA`: WeChat advanced the money.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bank_type: Option<String>,
    /// Who paid which part of it, and when, as far as WeChat said so.
    #[serde(default, skip_serializing_if = "Paid::is_untold")]
    pub paid: Paid,
    /// Whose money it is, as it was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent_for: Option<SentFor>,
    /// What of it has gone back to the driver through WeChat.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub refunded_fen: u64,
    /// The car was let out before WeChat had taken it on.
    pub let_out: bool,
    /// Milliseconds until it is next seen to, where a running daemon was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_in_ms: Option<u64>,
}

fn is_zero(fen: &u64) -> bool {
    *fen == 0
}

impl ChargeRow {
    /// A charge that is not finished, as it stands.
    pub fn of(charge: &Charge) -> Self {
        let mut row = Self::opened(&charge.claim, charge.claim.exited.now.wall);
        row.let_out = charge.let_out;
        row.sent_for = charge.sent_for();
        row.state = match &charge.state {
            ChargeState::WaitingForEntry => Stage::WaitingForEntry,
            ChargeState::Due => Stage::Due,
            ChargeState::Sent => Stage::Sent,
            // WeChat may have it; the last two never outlast their step.
            ChargeState::Unknown { .. }
            | ChargeState::ToRepeat
            | ChargeState::Refused(_)
            | ChargeState::Failed => Stage::Unknown,
            ChargeState::Accepted { .. } => Stage::Accepted,
            ChargeState::Settled => Stage::Settled,
            ChargeState::HandedToStaff(reason) => {
                row.staff_reason = Some(reason.clone());
                Stage::WithStaff
            }
            ChargeState::Withdrawn(reason) => {
                row.withdrawn = Some(reason.clone());
                Stage::Withdrawn
            }
        };
        row
    }

    fn opened(claim: &Claim, opened: Wall) -> Self {
        let (state, staff_reason) = match &claim.opening {
            Opening::ToFile { .. } => (Stage::WaitingForEntry, None),
            Opening::ToStaff(reason) => (Stage::WithStaff, Some(reason.clone())),
        };
        Self {
            trade_no: claim.trade_no.clone(),
            session: claim.session.0.clone(),
            plate: claim.plate.as_str().to_owned(),
            lane: claim.lane.0.clone(),
            entered: claim.entered.now.wall,
            exited: claim.exited.now.wall,
            opened,
            times_trusted: claim.entered.now.trusted && claim.exited.now.trusted,
            stay_ms: claim.stay_ms,
            fee_fen: claim.quote.fee_fen,
            state,
            since: Some(opened),
            staff_reason,
            outcome: None,
            withdrawn: None,
            transaction_id: None,
            bank_type: None,
            paid: Paid::default(),
            sent_for: None,
            refunded_fen: 0,
            let_out: false,
            due_in_ms: None,
        }
    }

    fn apply(&mut self, record: &MoneyRecord, at: Wall) {
        let state = match record {
            MoneyRecord::ChargeSent { body, .. } => {
                let sent_for = body.as_deref().and_then(SentFor::of);
                self.sent_for = sent_for.or(self.sent_for.take());
                Stage::Sent
            }
            MoneyRecord::ChargeDueAgain { .. } => Stage::Due,
            MoneyRecord::ChargeUnknown { .. } | MoneyRecord::ChargeToRepeat { .. } => {
                Stage::Unknown
            }
            MoneyRecord::ChargeAccepted { .. } => Stage::Accepted,
            MoneyRecord::ChargeSettled {
                transaction_id,
                bank_type,
                paid,
                ..
            } => {
                self.transaction_id.clone_from(transaction_id);
                self.bank_type.clone_from(bank_type);
                self.paid = *paid;
                Stage::Settled
            }
            MoneyRecord::ChargeHandedToStaff { reason, .. } => {
                self.staff_reason = Some(reason.clone());
                Stage::WithStaff
            }
            MoneyRecord::ChargeWithdrawn { reason, .. } => {
                self.withdrawn = Some(reason.clone());
                Stage::Withdrawn
            }
            MoneyRecord::StaffFinished { how, .. } => {
                self.outcome = Some(how.clone());
                match how {
                    StaffOutcome::Collected { .. } => Stage::Collected,
                    StaffOutcome::WrittenOff { .. } => Stage::WrittenOff,
                    StaffOutcome::Replaced { .. } => Stage::Replaced,
                }
            }
            MoneyRecord::ChargeLetOut { .. } => {
                self.let_out = true;
                return;
            }
            _ => return,
        };
        self.state = state;
        self.since = Some(at);
    }
}

/// Rows by `out_trade_no`, of the charges that `keep` wants.
pub struct Charges<K> {
    pub rows: BTreeMap<String, ChargeRow>,
    /// Refunds under way by their number: of which charge, and how much of it.
    refunds: BTreeMap<String, (String, u64)>,
    keep: K,
}

impl<K: Fn(&ChargeRow) -> bool> Charges<K> {
    pub fn keeping(keep: K) -> Self {
        Self {
            rows: BTreeMap::new(),
            refunds: BTreeMap::new(),
            keep,
        }
    }

    /// From a checkpoint: what was open then.
    pub fn stood(&mut self, charge: &Charge) {
        let row = ChargeRow::of(charge);
        if !self.rows.contains_key(&row.trade_no) && (self.keep)(&row) {
            self.rows.insert(row.trade_no.clone(), row);
        }
    }

    /// As [`Charges::stood`], of a part of a state.
    pub fn stood_in(&mut self, part: &Part) {
        let charges = part.charges.iter().chain(&part.desk);
        charges.for_each(|charge| self.stood(charge));
    }

    /// The next record, decided at `at`.
    pub fn apply(&mut self, record: &MoneyRecord, at: Wall) {
        if let MoneyRecord::ChargeOpened { claim } = record {
            let row = ChargeRow::opened(claim, at);
            if (self.keep)(&row) {
                self.rows.insert(row.trade_no.clone(), row);
            }
        } else if let crate::charges::record::Subject::Refund(refund_no) = record.subject() {
            self.refund(refund_no, record);
        } else if let crate::charges::record::Subject::Charge(trade_no) = record.subject()
            && let Some(row) = self.rows.get_mut(trade_no)
        {
            row.apply(record, at);
        }
    }

    fn refund(&mut self, refund_no: &str, record: &MoneyRecord) {
        match record {
            MoneyRecord::RefundAsked { refund } if self.rows.contains_key(&refund.trade_no) => {
                let of = (refund.trade_no.clone(), refund.fen);
                self.refunds.insert(refund_no.to_owned(), of);
            }
            MoneyRecord::RefundTold {
                told: RefundTold::Succeeded { .. },
                ..
            } => {
                if let Some((trade_no, fen)) = self.refunds.remove(refund_no)
                    && let Some(row) = self.rows.get_mut(&trade_no)
                {
                    row.refunded_fen = row.refunded_fen.saturating_add(fen);
                }
            }
            _ => {}
        }
    }
}
