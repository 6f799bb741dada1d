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

    pub(super) fn add_if_any(&mut self, fen: u64) {
        if fen > 0 {
            self.add(fen);
        }
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
    /// As the fund-flow bill has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flow_fen: Option<u64>,
}

impl Difference {
    /// Without the sums.
    pub(super) fn of(what: What, number: String) -> Self {
        Self {
            what,
            number,
            bill_fen: None,
            ledger_fen: None,
            flow_fen: None,
        }
    }

    pub(super) fn bill(self, fen: u64) -> Self {
        let bill_fen = Some(fen);
        Self { bill_fen, ..self }
    }

    pub(super) fn ledger(self, fen: u64) -> Self {
        let ledger_fen = Some(fen);
        Self { ledger_fen, ..self }
    }

    pub(super) fn flow(self, fen: u64) -> Self {
        let flow_fen = Some(fen);
        Self { flow_fen, ..self }
    }
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
    /// The driver paid another part of it there than here: the rest came from coupons.
    PayerDiffers,
    /// In the trade bill, and not in the fund-flow bill.
    NotInFlow,
    /// In the fund-flow bill, and not in the trade bill.
    OnlyInFlow,
    /// Another sum in the fund-flow bill than in the trade bill.
    FlowDiffers,
    /// Another fee in the fund-flow bill than in the trade bill.
    FeeDiffers,
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
            Self::PayerDiffers => "payer_differs",
            Self::NotInFlow => "not_in_flow",
            Self::OnlyInFlow => "only_in_flow",
            Self::FlowDiffers => "flow_differs",
            Self::FeeDiffers => "fee_differs",
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
    /// What coupons paid of that, WeChat's or the merchant's.
    #[serde(default)]
    pub coupons: Sum,
    /// Went back there, and here, the same.
    pub refunded: Sum,
    /// Of this ledger's lines, in yuan with five decimals.
    pub fee_yuan: String,
    /// Lines of other boxes, sites and systems of the same merchant.
    pub others: Sum,
    /// Refunds among them.
    pub others_refunded: Sum,
    pub others_fee_yuan: String,
    /// Settled near midnight, and so in the bill of the other day, or to be looked for in it.
    pub at_midnight: Sum,
    /// What the fund-flow bill comes to, if it is here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flow: Option<FlowReport>,
    /// What does not fit.
    pub differences: Vec<Difference>,
    /// So many more do not fit.
    pub not_told: u64,
    /// Why the bill could not be compared at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
}

/// What the fund-flow bill says, beside the trade bill.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlowReport {
    /// Lines of the bill.
    pub rows: u64,
    /// Payments and refunds of this ledger that fit the trade bill.
    pub ok: Sum,
    /// What payments of this ledger brought in.
    pub income: Sum,
    /// What refunds of this ledger took out.
    pub refunded: Sum,
    /// Fees of this ledger's payments less those that were given back, in yuan with five decimals.
    pub fee_yuan: String,
    /// Whether the bill has fees at all: some merchants pay them from another account.
    pub has_fees: bool,
    /// Near midnight, and so in the other bill of another day.
    pub at_midnight: Sum,
    /// What came in for others, and by other products.
    pub others_in: Sum,
    /// What went out for others, and by other products, withdrawals included.
    pub others_out: Sum,
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
        let mut text = "day,what,number,bill_fen,ledger_fen,flow_fen\r\n".to_owned();
        let fen = |fen: Option<u64>| fen.map(|fen| fen.to_string()).unwrap_or_default();
        for it in &self.differences {
            let (what, flow) = (it.what.code(), fen(it.flow_fen));
            let (bill, ledger) = (fen(it.bill_fen), fen(it.ledger_fen));
            // Numbers are digits and letters, as they were checked when they were taken up.
            text.push_str(&format!(
                "{},{what},{},{bill},{ledger},{flow}\r\n",
                self.day, it.number
            ));
        }
        text
    }
}
