//! What became of one charge, by docs/money.md.

use serde_json::Value;

use super::violation::Wrong;

pub(super) const CORRECTION_ASKED: u16 = 54;
pub(super) const CORRECTION_DONE: u16 = 55;

/// Where a charge stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stands {
    /// Nothing is on its way.
    Due,
    /// WeChat may have it.
    MayBeTaken,
    /// An unsigned answer says that WeChat has not.
    ToRepeat,
    Accepted,
    /// Refused or failed, until it is handed over in the same step.
    Refused,
    WithStaff,
    Settled,
    Withdrawn,
    Collected,
    WrittenOff,
    Replaced,
}

impl Stands {
    fn end(self) -> Option<&'static str> {
        Some(match self {
            Self::Settled => "settled",
            Self::Withdrawn => "withdrawn",
            Self::Collected => "collected",
            Self::WrittenOff => "written off",
            Self::Replaced => "replaced",
            _ => return None,
        })
    }

    /// Whether it has left the queue for good and the desk too.
    pub(super) fn is_over(self) -> bool {
        self.end().is_some()
    }
}

/// One claim.
#[derive(Clone, Debug)]
pub(super) struct Charge {
    pub(super) session: Box<str>,
    pub(super) fee_fen: u64,
    pub(super) stands: Stands,
    pub(super) plate: Box<str>,
    /// It became due in the period.
    pub(super) counts: bool,
    pub(super) was_sent: bool,
    pub(super) is_fixed: bool,
    pub(super) to_refund: bool,
    /// What coupons paid of it, once it has settled.
    pub(super) coupon_fen: u64,
}

/// What a record says happened to a charge; the numbers are those of docs/record-kinds.md.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fact {
    Sent,
    DueAgain,
    Unknown,
    Accepted,
    Settled,
    HandedToStaff,
    Withdrawn,
    Collected,
    WrittenOff,
    Replaced,
    Refused,
    ToRepeat,
    /// Nothing that moves it.
    Noted,
}

impl Fact {
    /// The numbers of docs/record-kinds.md.
    pub(super) fn of(kind: u16, fields: &Value) -> Option<Self> {
        Some(match kind {
            39 => Self::Sent,
            40 => Self::DueAgain,
            41 => Self::Unknown,
            42 => Self::Accepted,
            43 => Self::Settled,
            44 | 45 => Self::Noted,
            46 => Self::HandedToStaff,
            47 => Self::Withdrawn,
            48 => {
                let how = fields["how"].as_object()?.keys().next()?;
                match how.as_str() {
                    "collected" => Self::Collected,
                    "written_off" => Self::WrittenOff,
                    "replaced" => Self::Replaced,
                    _ => return None,
                }
            }
            51 | 52 => Self::Refused,
            53 => Self::ToRepeat,
            CORRECTION_ASKED | CORRECTION_DONE => Self::Noted,
            _ => return None,
        })
    }
}

impl Charge {
    /// One that was finished in a part of the ledger that is not there.
    pub(super) fn finished_before(session: &str) -> Self {
        Self {
            session: session.into(),
            fee_fen: 0,
            stands: Stands::Settled,
            plate: "".into(),
            counts: false,
            was_sent: true,
            is_fixed: true,
            to_refund: false,
            coupon_fen: 0,
        }
    }

    /// What WeChat says that the driver paid: the rest came from coupons. False if that is more than the whole.
    pub(super) fn paid(&mut self, paid: &Value) -> bool {
        let Some(payer_fen) = paid["payer_fen"].as_u64() else {
            return true;
        };
        self.coupon_fen = self.fee_fen.saturating_sub(payer_fen);
        payer_fen <= self.fee_fen
    }

    /// Takes it a step further; tells what is wrong about that.
    pub(super) fn take(&mut self, fact: Fact, name: &str) -> Option<Wrong> {
        let fact_name = || name.to_owned();
        let was = self.stands;
        let wrong = match (fact, was) {
            (Fact::Settled, Stands::Settled) => Some(Wrong::SettledTwice),
            (Fact::Noted, _) => None,
            (_, was) if was.is_over() => Some(Wrong::AfterItsEnd {
                fact: fact_name(),
                ended: was.end().unwrap_or_default().to_owned(),
            }),
            (Fact::Collected | Fact::WrittenOff | Fact::Replaced, Stands::WithStaff) => None,
            (Fact::Collected | Fact::WrittenOff | Fact::Replaced, _) => Some(Wrong::NotWithStaff),
            (_, Stands::WithStaff) => Some(Wrong::AfterItsEnd {
                fact: fact_name(),
                ended: "with staff".to_owned(),
            }),
            (Fact::Accepted | Fact::Settled, _) if !self.was_sent => {
                Some(Wrong::NeverSent { fact: fact_name() })
            }
            (Fact::HandedToStaff, Stands::MayBeTaken)
            | (Fact::Withdrawn, Stands::MayBeTaken | Stands::ToRepeat | Stands::Accepted) => {
                Some(Wrong::WhileWeChatMayTakeIt { fact: fact_name() })
            }
            _ => None,
        };
        // What has ended stays ended, so that its money is counted once.
        if !was.is_over() {
            self.stands = match fact {
                Fact::Sent | Fact::Unknown => Stands::MayBeTaken,
                Fact::DueAgain => Stands::Due,
                Fact::Accepted => Stands::Accepted,
                Fact::Settled => Stands::Settled,
                Fact::HandedToStaff => Stands::WithStaff,
                Fact::Withdrawn => Stands::Withdrawn,
                Fact::Collected => Stands::Collected,
                Fact::WrittenOff => Stands::WrittenOff,
                Fact::Replaced => Stands::Replaced,
                Fact::Refused => Stands::Refused,
                Fact::ToRepeat => Stands::ToRepeat,
                Fact::Noted => was,
            };
        }
        self.was_sent |= fact == Fact::Sent;
        wrong
    }

    /// What is wrong about a request to WeChat.
    pub(super) fn wrong_in(&self, body: &str, number: &str) -> Option<Wrong> {
        let body: Value = serde_json::from_slice(body.as_bytes()).unwrap_or_default();
        let sent_fen = body["amount"]["total"].as_u64();
        if sent_fen != Some(self.fee_fen) {
            let fee_fen = self.fee_fen;
            return Some(Wrong::OtherAmountSent { fee_fen, sent_fen });
        }
        let plate = body["parking_info"]["plate_number"].as_str();
        let is_ours = body["out_trade_no"].as_str() == Some(number) && plate == Some(&self.plate);
        (!is_ours).then_some(Wrong::OtherChargeSent)
    }
}
