//! What a stay costs, with everything that the park knows of it.

use super::Park;
use crate::lane::session::{Ending, Session};
use crate::lane::tariff::{Quote, Stay, Tally};
use crate::lane::time::Stamp;

/// A stay shorter than this costs nothing (WeChat wants an end after its start and before now).
const SHORTEST_CHARGED_MS: u64 = 2_000;

impl Park {
    /// What a stay costs, whatever was paid for it.
    pub(super) fn quote(&self, session: &Session, stay_ms: u64) -> Quote {
        self.quote_after(session, stay_ms, None)
    }

    /// What it still costs.
    pub(super) fn rest(&self, session: &Session, stay_ms: Option<u64>) -> Quote {
        let paid = self
            .site
            .paid
            .get(&session.id)
            .filter(|_| stay_ms.is_some());
        self.quote_after(session, stay_ms.unwrap_or(0), paid.map(|paid| paid.fen))
    }

    fn quote_after(&self, session: &Session, stay_ms: u64, paid_fen: Option<u64>) -> Quote {
        if stay_ms < SHORTEST_CHARGED_MS {
            return Quote {
                fee_fen: 0,
                lines: Vec::new(),
            };
        }
        let beyond_ms = if planted!(FeeOneStepTooHigh) {
            3_600_000
        } else {
            0
        };
        let stay = self.to_price(session, stay_ms + beyond_ms);
        self.rules.tariff.rest(&stay, paid_fen.unwrap_or(0))
    }

    pub(super) fn to_price(&self, session: &Session, stay_ms: u64) -> Stay {
        Stay {
            entry: session.entered.now.wall,
            duration_ms: stay_ms,
            color: session.color,
            plate: Some(session.plate.clone()),
            tally: self.site.tallies.get(&session.plate).copied(),
            benefits: self.site.benefits.to_price(&session.id),
            visits: self.site.visits.to_price(&session.id),
        }
    }

    /// What the plate's next visit is priced by, after a stay that was priced.
    pub(super) fn tally_after(
        &self,
        session: &Session,
        ending: &Ending,
        at: &Stamp,
    ) -> Option<Tally> {
        let tariff = &self.rules.tariff;
        if !tariff.looks_back() {
            return None;
        }
        let stay_ms = match ending {
            Ending::Charged { trade_no } => self.queue.book().unfinished(trade_no)?.claim.stay_ms,
            Ending::Free | Ending::Prepaid { .. }
                if !self.leaves_free(session, session.color, at.now) =>
            {
                session.entered.stay_ms(at)?
            }
            _ => return None,
        };
        tariff.tally(&self.to_price(session, stay_ms))
    }
}
