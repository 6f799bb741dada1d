//! Charges that WeChat took on and that are wrong: to be refunded, and what is right charged anew.

use super::call::Out;
use super::queue::Queue;
use super::record::{Correction, MoneyRecord};
use super::staff::Declined;
use crate::lane::time::Stamp;

/// Corrections open at once.
const CORRECTIONS_MAX: usize = 1024;

impl Queue {
    /// A charge that WeChat took on is wrong: the intent is recorded to refund it and to charge what is
    /// right. What the queue does not know any more has settled, or was never WeChat's; whoever asks has
    /// found out which.
    ///
    /// # Errors
    /// What WeChat has not taken on is not corrected but charged otherwise, and nothing twice.
    pub fn ask_correction(
        &mut self,
        correction: Correction,
        out: &mut Out,
    ) -> Result<(), Declined> {
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
        self.record(out, MoneyRecord::CorrectionAsked { correction });
        Ok(())
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
