//! What may be wrong in the books.

use serde::Serialize;

use crate::lane::time::Wall;

/// One thing that is wrong, with its place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// The record that shows it.
    pub seq: u64,
    /// When that was decided, in Beijing time.
    pub at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trade_no: Option<String>,
    #[serde(flatten)]
    pub wrong: Wrong,
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "wrong")]
pub enum Wrong {
    /// `parkgate ledger verify` finds records missing or altered: nothing is proven.
    Ledger,
    /// A stay began that has begun before.
    OpenedTwice,
    /// A stay ended that had ended before.
    EndedTwice,
    /// A stay ended that never began.
    EndedUnopened,
    /// It ended as charged, and there is no such charge of it.
    ChargeMissing,
    /// It ended without a charge to its name, although a fee is due for it, fen.
    FeeForgotten { due_fen: u64 },
    /// It ended with another fee than its charge has, fen.
    EndedWithOtherFee { ended_fen: u64, due_fen: u64 },
    /// A fee became due for a stay that never began.
    ChargeWithoutStay,
    /// A number of a charge was given out twice.
    NumberTwice,
    /// A second fee became due for a stay, while the first stands, under this number.
    ChargedTwice { first: String },
    /// The fee is not the sum of its lines, fen.
    NotTheSumOfItsLines { fee_fen: u64, lines_fen: i64 },
    /// No price list that the ledger holds so far gives this fee, fen; the newest gives `tariff_fen`.
    NotByTariff { fee_fen: u64, tariff_fen: u64 },
    /// The request to WeChat has another amount, fen.
    OtherAmountSent { fee_fen: u64, sent_fen: Option<u64> },
    /// The request to WeChat bears another number or another plate.
    OtherChargeSent,
    /// The request was fixed twice.
    FixedTwice,
    /// Something happened to a charge that is not there.
    NoSuchCharge { fact: String },
    /// Something happened to a charge after its end.
    AfterItsEnd { fact: String, ended: String },
    /// The money moved twice.
    SettledTwice,
    /// WeChat took on, or settled, what was never sent.
    NeverSent { fact: String },
    /// Another way of paying was opened while WeChat may take the money.
    WhileWeChatMayTakeIt { fact: String },
    /// A person finished what was not with the staff.
    NotWithStaff,
    /// It ended as paid in advance, and the payments are others.
    NotPaid,
    /// Money came in advance for a stay that had ended.
    PaidAfterItsEnd,
    /// A part of a charge was more than the whole.
    PaidTooMuch,
    /// The charge before was paid in part, and this is not the rest, fen.
    NotTheRest { fee_fen: u64, due_fen: u64 },
    /// More is refunded of a charge than it was, fen.
    RefundedTooMuch { refund_fen: u64, charged_fen: u64 },
    /// A refund was sent of a charge whose money had not moved.
    RefundOfUnsettled,
    /// The request for a refund bears another number, charge or sum than was asked for.
    OtherRefundSent,
    /// A charge was sent while this order, which the driver may pay instead, was not over.
    BesideCode { number: String },
    /// What a driver paid by scanning a code is not what was taken down for the stay in that step, fen.
    CodeNotTakenDown { paid_fen: u64, taken_fen: u64 },
    /// A coupon was handed in before, or for a stay that had ended.
    CouponNotValid { number: String },
    /// What a plate has in store is not what it had and what was moved, fen.
    BalanceDiffers { left_fen: u64, books_fen: u64 },
    /// WeChat refused it, or failed to collect, and it was not handed to staff in the same step.
    LeftRefused,
    /// A whole state in the ledger disagrees with its records, by name of what differs.
    StateDiffers {
        what: String,
        state: u64,
        books: u64,
    },
}

impl Wrong {
    /// As in JSON.
    pub fn code(&self) -> String {
        let value = serde_json::to_value(self).unwrap_or_default();
        value["wrong"].as_str().unwrap_or_default().to_owned()
    }
}

impl Violation {
    pub(super) fn of_the_ledger(seq: u64) -> Self {
        Self {
            seq,
            at: String::new(),
            session: None,
            trade_no: None,
            wrong: Wrong::Ledger,
        }
    }

    pub(super) fn at(seq: u64, at: Wall, wrong: Wrong) -> Self {
        Self {
            seq,
            at: at.to_rfc3339(),
            session: None,
            trade_no: None,
            wrong,
        }
    }
}
