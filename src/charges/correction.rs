//! Charges that WeChat took on and that are wrong: to be refunded, and what is right charged anew.

use super::body::SentFor;
use super::call::Out;
use super::queue::Queue;
use super::record::{Correction, MoneyRecord};
use super::refunding::RefundWish;
use super::staff::Declined;
use crate::lane::time::{Stamp, Wall};

/// Corrections open at once.
const CORRECTIONS_MAX: usize = 1024;

impl Queue {
    /// A charge that WeChat took on is wrong: all that is left of it goes back by itself, if it is told when
    /// the car left (`exited`), from whom it was charged for (`sent_for`), and the intent is recorded to charge what is right. What the queue does not
    /// know any more has settled, or was never WeChat's; whoever asks has found out which. Returns what is
    /// refunded, fen; None: nothing goes by itself.
    ///
    /// # Errors
    /// What WeChat has not taken on is not corrected but charged otherwise, and nothing twice.
    pub fn ask_correction(
        &mut self,
        correction: Correction,
        exited: Option<Wall>,
        sent_for: Option<&SentFor>,
        out: &mut Out,
    ) -> Result<Option<u64>, Declined> {
        let trade_no = &correction.trade_no;
        if self.is_paused() {
            return Err(Declined::StoreFailed);
        }
        if self.book.correction(trade_no).is_some() && !planted!(CorrectedTwice) {
            return Err(Declined::CorrectedBefore);
        }
        if self.book.on_desk(trade_no).is_some() {
            return Err(Declined::WithStaff);
        }
        match self.not_at_wechat(trade_no) {
            Ok(_) => return Err(Declined::InQueue),
            Err(Declined::MayStillBeTaken) => return Err(Declined::MayStillBeTaken),
            Err(_) => {}
        }
        if self.book.corrections().count() >= CORRECTIONS_MAX {
            return Err(Declined::TooManyCorrections);
        }
        let wish = |exited| RefundWish {
            trade_no: correction.trade_no.clone(),
            session: correction.session.clone(),
            plate: correction.plate.clone(),
            charged_fen: correction.charged_fen,
            exited,
            sent_for: sent_for.cloned(),
            fen: None,
            corrects: true,
            by: correction.by.clone(),
            why: correction.why.clone(),
        };
        // What cannot go back by itself is made by hand, and noted here all the same.
        let refund = exited.and_then(|exited| {
            let at = &correction.at;
            self.ask_refund(wish(exited), at, out).ok()
        });
        let (refund_no, fen) = refund.unzip();
        let correction = Correction {
            refund_no,
            ..correction
        };
        self.record(out, MoneyRecord::CorrectionAsked { correction });
        Ok(fen)
    }

    /// The refund was made, and what is right was charged or given up.
    ///
    /// # Errors
    /// When no correction of this charge is open.
    pub fn close_correction(
        &mut self,
        trade_no: &str,
        by: &str,
        why: &str,
        at: &Stamp,
        out: &mut Out,
    ) -> Result<(), Declined> {
        if self.is_paused() {
            return Err(Declined::StoreFailed);
        }
        if self.book.correction(trade_no).is_none() {
            return Err(Declined::NoCorrection);
        }
        self.record(
            out,
            MoneyRecord::CorrectionDone {
                trade_no: trade_no.to_owned(),
                by: by.to_owned(),
                why: why.to_owned(),
                at: at.clone(),
            },
        );
        Ok(())
    }
}
