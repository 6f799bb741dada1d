//! What drivers pay by: a parking charge, or an order whose code they scanned.

use crate::lane::number::{LedgerId, NumberKey};

/// A payment's number, which a ledger gave out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Order {
    /// `T…`
    Charge(NumberKey),
    /// `N…`
    Code(NumberKey),
}

impl Order {
    /// None if it is no number that a ledger gives out for a payment.
    pub fn of(number: &str) -> Option<Self> {
        let charge = NumberKey::of_trade_no(number).map(Self::Charge);
        charge.or_else(|| NumberKey::of_spot_no(number).map(Self::Code))
    }

    /// Whether this ledger gave it out.
    pub fn is_of(self, ledger: LedgerId) -> bool {
        let (Self::Charge(key) | Self::Code(key)) = self;
        LedgerId::of_session(&key.session()) == Some(ledger) || planted!(OthersBillIsOurs)
    }

    /// As it is written.
    pub fn number(self) -> String {
        match self {
            Self::Charge(key) => key.trade_no(),
            Self::Code(key) => key.spot_no(),
        }
    }
}
