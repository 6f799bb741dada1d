//! Money that came by other means than a charge.

use super::accountant::{Accountant, At};
use super::charge::Stands;
use super::violation::Wrong;

impl Accountant {
    /// Money by other means: it makes what is claimed for the stay less, or is too much.
    pub(super) fn paid(&mut self, at: &At<'_>) {
        let payment = &at.fields["payment"];
        let Some(session) = payment["session"].as_str() else {
            return;
        };
        let fen = payment["fen"].as_u64().unwrap_or_default();
        self.codes.taken(session, payment["channel"].as_str(), fen);
        self.total("paid", fen);
        let counts = self.period.has(self.at);
        if counts {
            self.report.paid.add(fen);
        }
        let toward = &payment["toward"];
        let part_of = toward["charge"]["trade_no"].as_str();
        let stay = self.stays.entry(session.into()).or_default();
        let wrong = match (part_of, part_of.and_then(|number| self.charges.get(number))) {
            (Some(_), Some(charge)) => {
                let rest_fen = charge.fee_fen.checked_sub(fen);
                stay.rest_fen = rest_fen;
                let may_be_paid = matches!(charge.stands, Stands::Due | Stands::WithStaff);
                let fact = "payment_taken".to_owned();
                match (may_be_paid, rest_fen) {
                    (false, _) => Some(Wrong::WhileWeChatMayTakeIt { fact }),
                    (true, None) => Some(Wrong::PaidTooMuch),
                    (true, Some(_)) => None,
                }
            }
            (Some(_), None) => {
                let fact = "payment_taken".to_owned();
                (!self.has_holes).then_some(Wrong::NoSuchCharge { fact })
            }
            (None, _) if toward.get("stay").is_some() => {
                stay.paid_fen += fen;
                stay.ended.is_some().then_some(Wrong::PaidAfterItsEnd)
            }
            (None, _) => {
                if counts {
                    self.report.over.add(fen);
                }
                None
            }
        };
        if let Some(wrong) = wrong {
            let part_of = part_of.map(str::to_owned);
            self.wrong(at.seq, Some(session), part_of.as_deref(), wrong);
        }
    }
}
