//! What a bill and the ledger say of one day, side by side.

use serde::{Deserialize, Serialize};

use super::bill::Totals;
use super::money;

/// Differences that are told one by one; what is beyond them is counted.
pub const TOLD_MAX: usize = 10_000;

/// How many, and how much.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sum {
    pub count: u64,
    pub fen: u64,
}

impl Sum {
    pub(super) fn add(&mut self, fen: u64) {
        self.count += 1;
        self.fen = self.fen.saturating_add(fen);
    }
}

/// One thing that does not fit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    pub what: What,
    /// `T…` or `R…`.
    pub number: String,
    /// As the bill has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bill_fen: Option<u64>,
    /// As the ledger has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ledger_fen: Option<u64>,
}

/// What does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// In the bill under a number of this ledger, which does not know it.
    MissingHere,
    /// Settled here on that day, and not in the bill.
    MissingThere,
    /// Another sum there than here.
    AmountDiffers,
    /// Paid there, and not settled here.
    NotSettledHere,
    /// Twice in the bill.
    TwiceThere,
    /// A refund of a charge of this ledger that was made elsewhere: in the merchant platform, say.
    RefundFromElsewhere,
    /// A refund that this ledger made on that day, and not in the bill.
    RefundMissingThere,
}

impl What {
    /// As in JSON.
    pub fn code(self) -> &'static str {
        match self {
            Self::MissingHere => "missing_here",
            Self::MissingThere => "missing_there",
            Self::AmountDiffers => "amount_differs",
            Self::NotSettledHere => "not_settled_here",
            Self::TwiceThere => "twice_there",
            Self::RefundFromElsewhere => "refund_from_elsewhere",
            Self::RefundMissingThere => "refund_missing_there",
        }
    }
}

/// What came of the comparison.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    pub day: String,
    /// Whose numbers were looked for.
    pub ledger: String,
    /// Nothing happened on that day, says WeChat.
    pub no_trade: bool,
    /// Lines of the bill.
    pub rows: u64,
    /// Paid there, and settled here, the same.
    pub ok: Sum,
    /// Went back there, and here, the same.
    pub refunded: Sum,
    /// Of this ledger's lines, in yuan with five decimals.
    pub fee_yuan: String,
    /// Lines of other boxes, sites and systems of the same merchant.
    pub others: Sum,
    /// Refunds among them.
    pub others_refunded: Sum,
    pub others_fee_yuan: String,
    /// Settled here soon after midnight and sent before it: in the bill of the day before, as it seems.
    pub at_midnight: Sum,
    /// What does not fit.
    pub differences: Vec<Difference>,
    /// So many more do not fit.
    pub not_told: u64,
    /// Why the bill could not be compared at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
}

impl Report {
    /// Whether everything fits.
    pub fn matches(&self) -> bool {
        self.differences.is_empty() && self.not_told == 0 && self.fault.is_none()
    }

    /// How many points do not fit.
    pub fn points(&self) -> u64 {
        let told = u64::try_from(self.differences.len()).unwrap_or(u64::MAX);
        told.saturating_add(self.not_told)
    }

    /// Whether everything that does not fit goes on by itself: paid there, and asked about here.
    pub fn may_pass(&self) -> bool {
        let passes = |it: &Difference| it.what == What::NotSettledHere;
        self.differences.iter().all(passes) && self.not_told == 0 && self.fault.is_none()
    }

    pub(super) fn differs(&mut self, difference: Difference) {
        match self.differences.len() < TOLD_MAX {
            true => self.differences.push(difference),
            false => self.not_told += 1,
        }
    }

    pub(super) fn close(&mut self, totals: &Totals, own_fee: i64) {
        self.rows = totals.rows;
        self.fee_yuan = money::write(own_fee);
        self.others_fee_yuan = money::write(totals.fee.saturating_sub(own_fee));
        let key = |it: &Difference| (it.what, it.number.clone());
        self.differences.sort_by_key(key);
    }

    /// RFC 4180: a line for each difference, amounts in fen.
    pub fn csv(&self) -> String {
        let mut text = "day,what,number,bill_fen,ledger_fen\r\n".to_owned();
        let fen = |fen: Option<u64>| fen.map(|fen| fen.to_string()).unwrap_or_default();
        for it in &self.differences {
            let (what, bill, ledger) = (it.what.code(), fen(it.bill_fen), fen(it.ledger_fen));
            // Numbers are digits and letters, as they were checked when they were taken up.
            text.push_str(&format!(
                "{},{what},{},{bill},{ledger}\r\n",
                self.day, it.number
            ));
        }
        text
    }
}
