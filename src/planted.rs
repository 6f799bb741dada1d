//! Defects that a test plants, to see that the simulation finds them (docs/simulation.md). Outside the
//! tests every `planted!(…)` is the constant `false`, and nothing of this is in the program.

#[cfg(all(test, feature = "demo"))]
use std::cell::Cell;

/// What can be planted.
#[cfg(all(test, feature = "demo"))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Defect {
    /// The barrier is told before the reason is on disk.
    RaiseBeforeCommit,
    /// A charge goes again under another number.
    NewNumberOnRetry,
    /// A charge is forgotten as soon as WeChat has taken it on, and its barrier rises as if it were paid.
    AcceptedIsDone,
    /// A command to raise that could not leave is kept, and sent when the broker is back.
    StaleRaise,
    /// The length of a stay is the difference of two wall clocks.
    WallClockSubtraction,
    /// An entry does not wait for the plate's older charge.
    EntryBeforeOlderCharge,
    /// A plate that resembles another is charged for it, whatever the operator said.
    NearMatchCharged,
    /// An answer that comes too late is acted upon.
    LateAnswerMovesBack,
    /// A person may take money that WeChat may have taken already.
    PaidWhileUnknown,
    /// A ledger restored from an old copy goes on with its numbers.
    NumberReusedAfterRestore,
    /// The stay is priced as one step longer.
    FeeOneStepTooHigh,
    /// An answer whose signature does not verify is believed.
    UnverifiedBelieved,
    /// A reading of minutes ago raises.
    StaleReadingRaises,
    /// A record is acknowledged and not written.
    RecordLost,
    /// What the guard doubts is charged all the same.
    GuardIgnored,
    /// The sum at risk has no limit.
    ExposureUnlimited,
    /// A stay under review is charged while another claim for it is not finished.
    ReviewedTwice,
    /// A charge is corrected that is being corrected already.
    CorrectedTwice,
    /// A part that was paid is not taken off what is claimed.
    PartForgotten,
    /// A season ticket is not looked up at the exit.
    ListForgotten,
    /// Any sum is refunded that a person names.
    RefundUnlimited,
    /// A refund that WeChat is still making counts as made.
    RefundDoneTooSoon,
    /// A notice is believed whoever signed it.
    ForgedNoticeBelieved,
    /// A notice that comes again is taken again.
    NoticeTakenTwice,
    /// WeChat hears that a notice is taken while nothing can be written.
    NoticeAnsweredUnwritten,
    /// A charge does not wait until the order that the driver may pay instead is over.
    ChargedBesideCode,
    /// What is paid after the car has gone is not taken down.
    LateCodeForgotten,
    /// Refunds in a bill are not held against the ledger.
    RefundLeftOut,
    /// A driver who paid with a coupon counts as having paid it all.
    CouponForgotten,
    /// A coupon is taken as often as it is handed in.
    CouponTakenTwice,
    /// What a stay takes out of store is still there.
    StoreNotDebited,
    /// What a stay was in a zone is not priced.
    ZoneForgotten,
    /// What a bill says of other boxes is taken for this one's.
    OthersBillIsOurs,
}

#[cfg(all(test, feature = "demo"))]
thread_local! {
    static PLANTED: Cell<Option<Defect>> = const { Cell::new(None) };
}

/// Plants a defect in this thread, or takes it away.
#[cfg(all(test, feature = "demo"))]
pub fn plant(defect: Option<Defect>) {
    PLANTED.set(defect);
}

/// Whether this defect is planted in this thread.
#[cfg(all(test, feature = "demo"))]
pub fn is_planted(defect: Defect) -> bool {
    PLANTED.get() == Some(defect)
}

/// Whether a test has planted this defect here.
#[cfg(all(test, feature = "demo"))]
macro_rules! planted {
    ($defect:ident) => {
        $crate::planted::is_planted($crate::planted::Defect::$defect)
    };
}

/// Whether a test has planted this defect here.
#[cfg(not(all(test, feature = "demo")))]
macro_rules! planted {
    ($defect:ident) => {
        false
    };
}
