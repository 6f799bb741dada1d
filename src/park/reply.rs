//! What a person who asked for something is told.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::charges::staff::{Declined, WaitsFor};
use crate::lane::listing::ChangeFault;
use crate::lane::number::SessionId;
use crate::lane::plate::PlateNumber;
use crate::lane::session::LaneId;
use crate::lane::tariff::yuan;
use crate::notice::NoticeKind;

/// What was done. Its text is English; the command line has its own words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "done")]
pub enum Done {
    /// A barrier was told to rise.
    Raised {
        /// The lane.
        lane: LaneId,
        /// The charge of the car that stood there.
        trade_no: Option<String>,
        /// What became of what was said about the money.
        money: Money,
    },
    /// A charge is due now.
    Hurried {
        /// `out_trade_no`.
        trade_no: String,
        /// What it still waits for.
        waits_for: WaitsFor,
    },
    /// A person has the charge now.
    HandedToStaff {
        /// `out_trade_no`.
        trade_no: String,
    },
    /// The staff has finished a charge, or taken it out of the queue for good.
    Finished {
        /// `out_trade_no`.
        trade_no: String,
        /// How much, fen.
        fen: u64,
        /// Whose.
        plate: PlateNumber,
    },
    /// A stay under review is charged.
    Charged {
        /// The stay.
        session: SessionId,
        /// `out_trade_no` of the claim.
        trade_no: String,
        /// How much, fen.
        fen: u64,
        /// Paid before, and taken off, fen.
        #[serde(default, skip_serializing_if = "is_zero")]
        paid_fen: u64,
        /// Where the claim stands.
        claimed: Claimed,
    },
    /// Nothing, or nothing more, is asked for a stay under review.
    Waived {
        /// The stay.
        session: SessionId,
        /// What the tariff had said, fen.
        fen: Option<u64>,
    },
    /// A correction is noted.
    CorrectionNoted {
        /// `out_trade_no` of the charge.
        trade_no: String,
        /// To be refunded, fen.
        refund_fen: u64,
        /// It goes back by itself; else somebody refunds it in the merchant platform.
        #[serde(default)]
        by_itself: bool,
        /// To be charged anew, fen.
        due_fen: u64,
    },
    /// Money is to go back.
    RefundNoted {
        /// `out_refund_no`.
        refund_no: String,
        /// `out_trade_no` of the charge.
        trade_no: String,
        /// How much, fen.
        fen: u64,
    },
    /// A refund is due now.
    RefundHurried {
        /// `out_refund_no`.
        refund_no: String,
        /// What it still waits for.
        waits_for: WaitsFor,
    },
    /// A refund is ended by a person.
    RefundEnded {
        /// `out_refund_no`.
        refund_no: String,
        /// How much it was, fen.
        fen: u64,
    },
    /// A person has said how an order ended that is paid on the spot.
    CodeEnded {
        /// `out_trade_no`.
        number: String,
        /// What it was over, fen.
        fen: u64,
        /// It was paid.
        is_paid: bool,
    },
    /// A correction is closed.
    CorrectionClosed {
        /// `out_trade_no` of the charge.
        trade_no: String,
    },
    /// A held car has a plate.
    PlateNamed {
        /// Where it stands.
        lane: LaneId,
        /// Its plate.
        plate: PlateNumber,
        /// Its stay.
        session: Option<SessionId>,
    },
    /// A stay is over, since its car is gone.
    StayEnded {
        /// The stay.
        session: SessionId,
        /// Its charge, which goes on.
        trade_no: Option<String>,
        /// Whether a person has to look at it.
        review: bool,
    },
    /// Money is taken for a stay.
    Paid {
        /// The stay.
        session: SessionId,
        /// How much, fen.
        fen: u64,
        /// What is due by now and not paid, fen.
        rest_fen: u64,
        /// What is to be given back, fen.
        over_fen: u64,
    },
    /// A coupon or time on the charger is noted, or taken back.
    BenefitNoted {
        /// The stay.
        session: SessionId,
        /// What is due by now and not paid, fen.
        rest_fen: u64,
    },
    /// Money was put in store, or paid out.
    BalanceChanged {
        /// Whose.
        plate: PlateNumber,
        /// What is in store now, fen.
        left_fen: u64,
    },
    /// The cars inside are counted.
    PlacesCounted {
        /// So many were inside by the count before.
        before: u64,
        /// So many are.
        inside: u64,
    },
    /// What WeChat told is on record, with what follows from it.
    NoticeTaken {
        /// What it is about.
        about: NoticeKind,
    },
    /// WeChat told the same before.
    NoticeKnown,
    /// What is to be erased is on record.
    ErasureRecorded,
    /// The lists are changed, from the next car on.
    ListChanged {
        /// How often they have been changed.
        version: u64,
        /// Plates that are listed now.
        plates: u64,
    },
}

/// Where a claim stands that a person made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Claimed {
    /// On its way to WeChat.
    Queue,
    /// With the staff: WeChat cannot be asked for it.
    Staff,
}

/// What became of what an attendant said about the money.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Money {
    /// Nothing was said.
    NotMentioned,
    /// Something was said, and nothing was due.
    NothingDue,
    /// The charge is finished.
    Finished,
    /// The charge stands as it was.
    Stands(Declined),
}

/// Why nothing was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case", tag = "refused")]
pub enum Refusal {
    /// Not a lane of this box.
    #[error("no lane {lane} in the configuration")]
    UnknownLane {
        /// As asked for.
        lane: LaneId,
    },
    /// The change of a list makes no sense.
    #[error("the lists stay as they are: {why}")]
    ListUnchanged {
        /// Why.
        why: ChangeFault,
    },
    /// The store cannot write.
    #[error("the lists stay as they are: the store cannot write; see `parkgate status`")]
    ListNotWritten,
    /// No car waits for a person there.
    #[error("no car is held at lane {lane}; `parkgate review list` shows who is")]
    NobodyHeld {
        /// As asked for.
        lane: LaneId,
    },
    /// The held car was charged for another stay than the one named.
    #[error(
        "the car at lane {lane} was charged for another stay ({trade_no}): see to that charge first, \
         with `parkgate charges to-staff` or `parkgate review correct`"
    )]
    ChargedAsAnother {
        /// Where it stands.
        lane: LaneId,
        /// `out_trade_no`.
        trade_no: String,
    },
    /// At an exit a plate without an open stay says nothing.
    #[error(
        "no stay of this plate is open; `parkgate sessions list --plate` finds what is near, and \
         `parkgate lane raise` lets the car out"
    )]
    NoStay {
        /// As asked for.
        plate: PlateNumber,
    },
    /// A stay under review cannot be decided so, or not now.
    #[error("stay {session}: {why}")]
    Review {
        /// As asked for.
        session: SessionId,
        /// Which rule.
        why: Undecided,
    },
    /// The rules for charges do not allow it.
    #[error("charge {trade_no}: {why}")]
    Charge {
        /// As asked for.
        trade_no: String,
        /// Which rule.
        why: Declined,
    },
    /// The rules for refunds do not allow it.
    #[error("refund {refund_no}: {why}")]
    Refund {
        /// As asked for.
        refund_no: String,
        /// Which rule.
        why: Declined,
    },
    /// The rules for what is paid on the spot do not allow it.
    #[error("code order {number}: {why}")]
    Code {
        /// As asked for.
        number: String,
        /// Which rule.
        why: Declined,
    },
    /// Nothing can be put on record now.
    #[error("the store cannot write, so nothing is changed; see the alarm in `parkgate status`")]
    NothingWritten,
    /// What is known of a plate is still needed.
    #[error("nothing was erased: {why}")]
    Plate {
        /// What for.
        why: StillNeeded,
    },
}

/// What a plate's records are still needed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum StillNeeded {
    /// The car is inside, or waits at a barrier.
    #[error("the car is inside; ask again when it has left")]
    Inside,
    /// A charge or an entry is in the queue.
    #[error("a charge or an entry of it is in the queue; see `parkgate charges list`")]
    NotSettled,
    /// The staff has something to finish.
    #[error("the staff has a charge of it to finish; see `parkgate review list`")]
    WithStaff,
    /// A person has to look at a stay.
    #[error("a stay of it waits for a person; see `parkgate review list`")]
    InReview,
    /// It has money in store.
    #[error("it has money in store; pay it out with `parkgate lists pay-out`")]
    HasMoney,
    /// The configuration names it.
    #[error("it stands in [lists] of the configuration; take it out there and restart parkgate")]
    Listed,
    /// The name or the reason would keep what is to be erased.
    #[error("the plate stands in the name or in the reason, and would be kept there; leave it out")]
    InTheReason,
    /// Nothing can be put on record now.
    #[error("the store cannot write; see the alarms of `parkgate status`")]
    StoreFailed,
}

/// Why a stay is not decided, and what to do instead.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Undecided {
    /// It does not wait for anybody.
    #[error("it is not under review; `parkgate sessions show` tells what became of it")]
    NotUnderReview,
    /// Somebody was there before.
    #[error("it was decided before, by {by}; `parkgate sessions show` tells how")]
    Decided {
        /// Who.
        by: String,
    },
    /// The car stands there; whoever lets the fee off lets the car out.
    #[error(
        "its car stands at lane {lane}: `parkgate lane raise {lane}` with --waived or --collected"
    )]
    AtTheBarrier {
        /// Where.
        lane: LaneId,
    },
    /// It is over, or never was.
    #[error("it is not open; `parkgate sessions show` tells what became of it")]
    NotInside,
    /// The car stands there; whoever lets it go ends its stay.
    #[error(
        "its car stands at lane {lane}; `parkgate lane raise {lane}` lets it go and ends the stay"
    )]
    StandsThere {
        /// Where.
        lane: LaneId,
    },
    /// The car is inside, as far as anybody knows.
    #[error("the stay goes on; say with --exit when the car left, if it did")]
    GoesOn,
    /// Nobody can tell what it costs.
    #[error("what it costs is not known; say it with --fee, or when the car left with --exit")]
    FeeUnknown,
    /// The car cannot have left before it came, or after now.
    #[error("the car cannot have left then; --exit lies between its entry and now")]
    ExitImpossible,
    /// A fee of nothing is no claim.
    #[error("it costs nothing; `parkgate review waive` closes it")]
    NothingToCharge,
    /// Its driver has paid that, or more.
    #[error(
        "{} yuan were paid for it while it waited, so nothing is left to charge; `parkgate review waive` closes \
         it, and `parkgate refund` gives back what is too much", yuan(*.paid_fen)
    )]
    PaidAlready {
        /// Fen.
        paid_fen: u64,
    },
    /// It was charged, and the money is finished.
    #[error(
        "charge {trade_no} was made for it and is finished; `parkgate review correct {trade_no}` if it \
         is wrong, --fee for what is due beside it, or `parkgate review waive`"
    )]
    ChargedBefore {
        /// `out_trade_no`.
        trade_no: String,
    },
    /// It is over and finished, or charged already.
    #[error(
        "nothing is due for it; money that was taken all the same is noted with --taken, and is to be \
         given back"
    )]
    NothingDue,
    /// Its fee stands, and may be with WeChat.
    #[error(
        "charge {trade_no} was made for it already, so nothing can be taken off; `parkgate review \
         correct {trade_no}` gives money back"
    )]
    ChargeMade {
        /// `out_trade_no`.
        trade_no: String,
    },
    /// A number is taken off once.
    #[error(
        "number {number} was handed in before, for this stay or another; `parkgate sessions show` \
         tells for the stay"
    )]
    NumberUsed {
        /// Of the coupon.
        number: String,
    },
    /// Nothing to be taken back.
    #[error(
        "nothing with number {number} was handed in for it; `parkgate sessions show` tells what was"
    )]
    NoSuchNumber {
        /// As asked for.
        number: String,
    },
    /// More than a stay takes.
    #[error(
        "it has as many coupons as a stay takes; take one back with `parkgate sessions take-back`"
    )]
    TooManyBenefits,
    /// Nobody has to pay more than that.
    #[error("only {} yuan are due; take that, or say --taken to note what is to be given back", yuan(*.due_fen))]
    MoreThanDue {
        /// Fen.
        due_fen: u64,
    },
    /// A charge of it stands somewhere.
    #[error("charge {trade_no}: {why}")]
    Charge {
        /// `out_trade_no`.
        trade_no: String,
        /// Which rule.
        why: Declined,
    },
    /// Nothing could be recorded.
    #[error("the store cannot write, so nothing is changed; see the alarm in `parkgate status`")]
    StoreFailed,
}

fn is_zero(fen: &u64) -> bool {
    *fen == 0
}

impl fmt::Display for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Raised {
                lane,
                trade_no,
                money,
            } => {
                write!(f, "lane {lane} raised")?;
                match (trade_no, money) {
                    (None, Money::NotMentioned) => Ok(()),
                    (None, _) => f.write_str("; nothing was due"),
                    (Some(trade_no), Money::Finished) => {
                        write!(f, "; charge {trade_no} is finished")
                    }
                    (Some(trade_no), Money::Stands(why)) => {
                        write!(f, "; charge {trade_no} stands: {why}")
                    }
                    (Some(trade_no), _) => write!(f, "; charge {trade_no} stands"),
                }
            }
            Self::Hurried { trade_no, .. } => write!(f, "charge {trade_no} is due now"),
            Self::HandedToStaff { trade_no } => write!(f, "charge {trade_no} is with the staff"),
            Self::Finished { trade_no, fen, .. } => {
                write!(f, "charge {trade_no} of {} yuan is finished", yuan(*fen))
            }
            Self::Charged {
                session,
                trade_no,
                fen,
                paid_fen,
                claimed,
            } => {
                let fee = yuan(*fen);
                let whose = match claimed {
                    Claimed::Queue => "goes to WeChat",
                    Claimed::Staff => "is with the staff, since WeChat cannot be asked for it",
                };
                write!(f, "stay {session}: charge {trade_no} of {fee} yuan {whose}")?;
                match paid_fen {
                    0 => Ok(()),
                    paid_fen => write!(f, "; {} yuan were paid before", yuan(*paid_fen)),
                }
            }
            Self::Waived { session, fen: None } => {
                write!(f, "stay {session}: nothing is asked for it")
            }
            Self::Waived {
                session,
                fen: Some(fen),
            } => write!(f, "stay {session}: {} yuan are let off", yuan(*fen)),
            Self::CorrectionNoted {
                trade_no,
                refund_fen,
                by_itself,
                due_fen,
            } => {
                let how = match by_itself {
                    true => "go back by themselves",
                    false => "are to be refunded in the merchant platform",
                };
                let (refund, due) = (yuan(*refund_fen), yuan(*due_fen));
                write!(
                    f,
                    "charge {trade_no}: noted, {refund} yuan {how}, and {due} yuan are to be charged"
                )
            }
            Self::RefundNoted {
                refund_no,
                trade_no,
                fen,
            } => {
                let fen = yuan(*fen);
                write!(
                    f,
                    "refund {refund_no}: {fen} yuan of charge {trade_no} go back"
                )
            }
            Self::RefundHurried { refund_no, .. } => write!(f, "refund {refund_no} is due now"),
            Self::CodeEnded {
                number,
                fen,
                is_paid,
            } => {
                let how = match is_paid {
                    true => "is taken down as paid",
                    false => "has ended unpaid",
                };
                write!(f, "code order {number} of {} yuan {how}", yuan(*fen))
            }
            Self::RefundEnded { refund_no, fen } => {
                write!(f, "refund {refund_no} of {} yuan is ended", yuan(*fen))
            }
            Self::CorrectionClosed { trade_no } => {
                write!(f, "charge {trade_no}: its correction is closed")
            }
            Self::PlateNamed { lane, session, .. } => match session {
                Some(session) => write!(f, "lane {lane}: the car is that of stay {session}"),
                None => write!(f, "lane {lane}: the car has its plate"),
            },
            Self::StayEnded {
                session,
                trade_no,
                review,
            } => {
                write!(f, "stay {session} is over")?;
                match (trade_no, review) {
                    (Some(trade_no), _) => write!(f, "; its charge {trade_no} goes on"),
                    (None, true) => f.write_str("; it waits in `parkgate review list`"),
                    (None, false) => f.write_str("; nothing is asked for it"),
                }
            }
            Self::Paid {
                session,
                fen,
                rest_fen,
                over_fen,
            } => {
                write!(f, "stay {session}: {} yuan taken", yuan(*fen))?;
                match (rest_fen, over_fen) {
                    (0, 0) => f.write_str("; nothing is due for it now"),
                    (rest_fen, 0) => write!(f, "; {} yuan are still due", yuan(*rest_fen)),
                    (_, over_fen) => write!(
                        f,
                        "; {} yuan are too much, see `parkgate review list`",
                        yuan(*over_fen)
                    ),
                }
            }
            Self::BenefitNoted { session, rest_fen } => {
                write!(
                    f,
                    "stay {session}: noted; {} yuan are due by now",
                    yuan(*rest_fen)
                )
            }
            Self::BalanceChanged { left_fen, .. } => {
                write!(f, "{} yuan are in store now", yuan(*left_fen))
            }
            Self::PlacesCounted { before, inside } => {
                write!(f, "{inside} cars are inside; the count had {before}")
            }
            Self::NoticeTaken { about } => {
                write!(f, "the notice about {} is on record", about.word())
            }
            Self::NoticeKnown => f.write_str("the notice was taken before"),
            Self::ErasureRecorded => f.write_str("the erasure is on record"),
            Self::ListChanged { version, plates } => {
                write!(
                    f,
                    "the lists are changed: {plates} plates, version {version}"
                )
            }
        }
    }
}
