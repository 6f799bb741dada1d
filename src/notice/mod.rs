//! What WeChat Pay tells by itself (回调通知, `wechat-pay.md` 3): how a notice arrives over HTTP or the
//! operator's relay, whose word it is, and what it says. What follows from it the park decides; the answer
//! is given once that is on disk.

mod entry;
mod envelope;
pub mod listener;
mod native;
mod order;
pub mod receiver;
mod refund;
pub mod relay;
mod tally;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use self::entry::EntryNotice;
pub use self::envelope::{NoticeFault, open, unsealed};
pub use self::native::NativeNotice;
pub use self::order::{OrderEvent, OrderNotice};
pub use self::refund::{RefundNotice, RefundState};
pub use self::tally::{Tally, Told};

/// A notice whose signature fitted and whose sealed part was opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opened {
    /// WeChat's own number of it: the same for each resend.
    pub id: String,
    /// What it says.
    pub notice: Notice,
}

/// What a notice says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Notice {
    /// An entry may be charged now, or not any more (3.3).
    Entry(EntryNotice),
    /// What became of a charge (3.4).
    Order(Box<OrderNotice>),
    /// What became of a refund (4.5).
    Refund(RefundNotice),
    /// What became of a Native order, which shares its event with charges (6.2).
    Native(NativeNotice),
    /// An event of another product, or one that this version does not know.
    Other {
        /// As WeChat wrote it, made fit for a log.
        event_type: String,
    },
}

impl Notice {
    /// Its kind in one word.
    pub fn kind(&self) -> NoticeKind {
        match self {
            Self::Entry(_) => NoticeKind::Entry,
            Self::Order(_) => NoticeKind::Charge,
            Self::Refund(_) => NoticeKind::Refund,
            Self::Native(_) => NoticeKind::Native,
            Self::Other { .. } => NoticeKind::Other,
        }
    }
}

/// What a notice is about. The first four are the last parts of callback addresses, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoticeKind {
    /// A stay's entry.
    Entry,
    /// A charge.
    Charge,
    /// A refund.
    Refund,
    /// A Native order.
    Native,
    /// Something that is none of parkgate's.
    Other,
}

impl NoticeKind {
    /// The kinds that have an address.
    pub const ADDRESSED: [Self; 4] = [Self::Entry, Self::Charge, Self::Refund, Self::Native];

    /// As addresses and records write it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Entry => "entry",
            Self::Charge => "charge",
            Self::Refund => "refund",
            Self::Native => "native",
            Self::Other => "other",
        }
    }

    /// The kind of an address' last part.
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ADDRESSED.into_iter().find(|kind| kind.word() == word)
    }
}
