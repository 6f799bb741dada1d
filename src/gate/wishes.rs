//! What people ask to have done, as the park hears it.

use crate::charges::charge::Claim;
use crate::charges::record::StaffOutcome;
use crate::control::{Answer, Counted, Question};
use crate::lane::number::SessionId;
use crate::lane::plate::PlateNumber;
use crate::lane::session::LaneId;
use crate::lane::tariff::{Benefit, DAY_S};
use crate::lane::time::{BootId, Moment, Now, Stamp};
use crate::park::Park;
use crate::park::balance::BalanceChange;
use crate::park::benefit::BenefitChange;
use crate::park::event::Event;
use crate::park::payment::{PaidStay, Taking};
use crate::story::charge::{ChargeRow, Stage};
use crate::story::session::SessionRow;
use crate::story::spot::CodeRow;

/// The event that a wish is.
///
/// # Errors
/// Where it does not say clearly what it is about; the answer says what to do.
pub fn event(wish: Question, park: &Park) -> Result<Event, Answer> {
    if is_anonymous(&wish) {
        let text = "say who decides, and why; both stay in the ledger";
        return Err(Answer::Error(text.to_owned()));
    }
    match wish {
        Question::Raise {
            lane,
            by,
            why,
            money,
        } => Ok(Event::AttendantRaised {
            lane,
            by,
            why,
            money,
        }),
        Question::Retry { trade_no, by } => Ok(Event::RetryAsked { trade_no, by }),
        Question::ToStaff { trade_no, by, why } => Ok(Event::StaffAsked { trade_no, by, why }),
        Question::Finish { trade_no, how } => Ok(Event::ArrearsFinished { trade_no, how }),
        Question::Decide {
            of,
            verdict,
            by,
            why,
        } => Ok(Event::ReviewDecided {
            session: reviewed(&of, park)?,
            verdict,
            by,
            why,
        }),
        correct @ Question::Correct { .. } => correction(correct),
        refund @ Question::Refund { .. } => self::refund(refund),
        Question::RetryRefund { refund_no, by } => {
            let refund_no = refund_number(&refund_no);
            Ok(Event::RefundRetryAsked { refund_no, by })
        }
        Question::EndRefund { refund_no, by, why } => {
            let refund_no = refund_number(&refund_no);
            Ok(Event::RefundGivenUp { refund_no, by, why })
        }
        Question::EndCode {
            number,
            is_paid,
            by,
            why,
        } => Ok(Event::SpotEnded {
            number: number.trim().to_uppercase(),
            is_paid,
            by,
            why,
        }),
        Question::Corrected { trade_no, by, why } => {
            Ok(Event::CorrectionDone { trade_no, by, why })
        }
        Question::NamePlate {
            lane,
            plate,
            color,
            by,
            why,
        } => Ok(Event::PlateNamed {
            lane,
            plate,
            color,
            by,
            why,
        }),
        Question::ChangeList { change, by, why } => Ok(Event::ListChanged { change, by, why }),
        Question::Benefit {
            of,
            change,
            by,
            why,
        } => Ok(Event::BenefitChanged {
            session: inside(&of, park)?,
            change: worth_something(change)?,
            by,
            why,
        }),
        Question::Balance {
            plate,
            change,
            by,
            why,
        } => Ok(Event::BalanceChanged {
            plate,
            change: some_money(change)?,
            by,
            why,
        }),
        Question::EndStay {
            of,
            review,
            left,
            by,
            why,
        } => Ok(Event::StayEnded {
            session: inside(&of, park)?,
            review,
            left,
            by,
            why,
        }),
        pay @ Question::Pay { .. } => payment(pay, park),
        Question::CountPlaces { count, by, why } => Ok(Event::PlacesCounted {
            inside: cars(count, park)?,
            by,
            why,
        }),
        _ => Err(Answer::Error("that asks for nothing to be done".to_owned())),
    }
}

/// Whether nobody stands for a change of money or state, or for no reason.
fn is_anonymous(wish: &Question) -> bool {
    let words = match wish {
        Question::Finish { how, .. } => match how {
            StaffOutcome::Collected { by, channel } => [by, channel],
            StaffOutcome::WrittenOff { by, why } | StaffOutcome::Replaced { by, why, .. } => {
                [by, why]
            }
        },
        Question::Pay { by, channel, .. } => [by, channel],
        Question::Decide { by, why, .. }
        | Question::Correct { by, why, .. }
        | Question::Corrected { by, why, .. }
        | Question::Refund { by, why, .. }
        | Question::EndRefund { by, why, .. }
        | Question::EndCode { by, why, .. }
        | Question::ChangeList { by, why, .. }
        | Question::Benefit { by, why, .. }
        | Question::Balance { by, why, .. }
        | Question::EndStay { by, why, .. }
        | Question::CountPlaces { by, why, .. }
        | Question::NamePlate { by, why, .. } => [by, why],
        _ => return false,
    };
    words.iter().any(|word| word.trim().is_empty())
}

/// A benefit with a number that can be told from others, and a value.
fn worth_something(change: BenefitChange) -> Result<BenefitChange, Answer> {
    let number = match &change {
        BenefitChange::Give(given) => &given.number,
        BenefitChange::TakeBack { number } => number,
    };
    if number.trim().is_empty() || number.chars().count() > 64 {
        let text = "say its number, 1 to 64 characters: a number is taken off once";
        return Err(Answer::Error(text.to_owned()));
    }
    let is_something = match &change {
        BenefitChange::TakeBack { .. } => true,
        BenefitChange::Give(given) => match &given.benefit {
            Benefit::Time { s, .. } => (1..=DAY_S).contains(s),
            Benefit::Amount { fen, .. } => *fen > 0,
            Benefit::Percent { off, .. } => (1..=100).contains(off),
            Benefit::Whole { .. } => true,
            // Money goes another way.
            Benefit::Prepaid { .. } => false,
        },
    };
    match is_something {
        true => Ok(change),
        false => Err(Answer::Error(
            "say what it is worth: up to 24 hours, some fen, or 1 to 100 percent".to_owned(),
        )),
    }
}

fn some_money(change: BalanceChange) -> Result<BalanceChange, Answer> {
    let (BalanceChange::TopUp { fen } | BalanceChange::PayOut { fen }) = change;
    match fen {
        0 => Err(Answer::Error("no money was named".to_owned())),
        _ => Ok(change),
    }
}

/// The stay that a number names, or the only one under review of a plate.
fn reviewed(of: &str, park: &Park) -> Result<SessionId, Answer> {
    if let Some(session) = SessionId::named_by(of) {
        return Ok(session);
    }
    let Ok(parsed) = PlateNumber::parse(of) else {
        return Err(Answer::Error(format!(
            "{of:?} is neither a number of a stay or of its charge, nor a plate"
        )));
    };
    let reviews = park.site().open_reviews();
    let of_plate: Vec<&str> = reviews
        .filter(|review| review.plate == parsed.plate)
        .map(|review| review.session.0.as_str())
        .collect();
    match of_plate[..] {
        [session] => Ok(SessionId(session.to_owned())),
        [] => Err(Answer::Error(format!(
            "no stay of {of} is under review; `parkgate review list` shows which are"
        ))),
        _ => Err(Answer::Error(format!(
            "several stays of {of} are under review, name one by its number: {}",
            of_plate.join(", ")
        ))),
    }
}

/// The stay that a number names, or the open one of a plate.
fn inside(of: &str, park: &Park) -> Result<SessionId, Answer> {
    if let Some(session) = SessionId::named_by(of) {
        return Ok(session);
    }
    let Ok(parsed) = PlateNumber::parse(of) else {
        return Err(Answer::Error(format!(
            "{of:?} is neither a number of a stay or of its charge, nor a plate"
        )));
    };
    let open = park.site().session_of(&parsed.plate);
    let session = open.map(|session| session.id);
    session.ok_or_else(|| {
        Answer::Error(format!(
            "no stay of {of} is open; `parkgate sessions list` shows who is inside"
        ))
    })
}

/// Money is for what is open or owed; else for what the ledger knows of.
fn payment(wish: Question, park: &Park) -> Result<Event, Answer> {
    let Question::Pay {
        of,
        fen,
        channel,
        by,
        taken,
        stay,
    } = wish
    else {
        return Err(Answer::Error("no payment".to_owned()));
    };
    if fen == 0 {
        return Err(Answer::Error("no money was taken".to_owned()));
    }
    let stay = match owed(&of, park)? {
        Some(stay) => stay,
        None => stay.and_then(|row| over(&row, park)).ok_or_else(|| {
            Answer::Error(format!(
                "no stay of {of} is open, and none is owed for; money that was taken all the same is \
                 noted with --taken"
            ))
        })?,
    };
    let taking = Box::new(Taking {
        stay,
        fen,
        channel,
        by,
        regardless: taken,
    });
    Ok(Event::PaymentTaken { taking })
}

/// The open stay that a number or a plate names, or the only one that is charged and not finished.
fn owed(of: &str, park: &Park) -> Result<Option<PaidStay>, Answer> {
    let (site, book) = (park.site(), park.queue().book());
    let session = SessionId::named_by(of);
    let plate = PlateNumber::parse(of).ok().map(|parsed| parsed.plate);
    let open = match (&session, &plate) {
        (Some(session), _) => site.session(session),
        (None, Some(plate)) => site.session_of(plate),
        (None, None) => {
            return Err(Answer::Error(format!(
                "{of:?} is neither a number of a stay or of its charge, nor a plate"
            )));
        }
    };
    if let Some(open) = open {
        return Ok(Some(PaidStay::of(&open)));
    }
    let charges = book.charges().chain(book.desk());
    let claims: Vec<Claim> = charges
        .map(|charge| charge.claim)
        .filter(|claim| match &session {
            Some(session) => claim.session == *session,
            None => Some(&claim.plate) == plate.as_ref(),
        })
        .collect();
    match &claims[..] {
        [] => Ok(None),
        [claim] => Ok(Some(PaidStay::of_claim(claim))),
        _ => {
            let numbers = claims.iter().map(|claim| claim.trade_no.as_str());
            Err(Answer::Error(format!(
                "{of} owes for several stays, name one by its number: {}",
                numbers.collect::<Vec<_>>().join(", ")
            )))
        }
    }
}

/// A stay that is over, as the ledger tells it.
fn over(row: &SessionRow, park: &Park) -> Option<PaidStay> {
    let now = Now {
        moment: Moment(0),
        wall: row.entered,
        trusted: row.entered_trusted,
        boot: BootId(0),
    };
    Some(PaidStay {
        session: SessionId(row.session.clone()),
        plate: PlateNumber::parse(&row.plate).ok()?.plate,
        lane: LaneId(row.lane.clone()),
        entered: Stamp {
            now,
            box_id: park.rules().box_id.clone(),
        },
    })
}

fn cars(count: Counted, park: &Park) -> Result<u64, Answer> {
    match (count, &park.rules().entry.places) {
        (Counted::Inside(inside), _) => Ok(inside),
        (Counted::Free(free), Some(places)) if free <= places.count => Ok(places.count - free),
        (Counted::Free(free), Some(places)) => Err(Answer::Error(format!(
            "{free} places cannot be free of {}, the [site] places of the configuration",
            places.count
        ))),
        (Counted::Free(_), None) => Err(Answer::Error(
            "the configuration does not say how many places there are; set [site] places, or say how \
             many cars are inside"
                .to_owned(),
        )),
    }
}

fn correction(wish: Question) -> Result<Event, Answer> {
    let Question::Correct {
        of,
        due_fen,
        due_from,
        by,
        why,
        charge,
    } = wish
    else {
        return Err(Answer::Error("no correction".to_owned()));
    };
    let (charge, plate) = refundable(&of, charge)?;
    Ok(Event::CorrectionAsked {
        session: SessionId(charge.session.clone()),
        charged_fen: charge.fee_fen,
        // Another plate owes the same, unless another fee is named.
        due_fen: due_fen.unwrap_or(match due_from {
            Some(_) => charge.fee_fen,
            None => 0,
        }),
        trade_no: charge.trade_no,
        plate,
        due_from,
        exited: Some(charge.exited),
        sent_for: charge.sent_for,
        by,
        why,
    })
}

fn refund(wish: Question) -> Result<Event, Answer> {
    let Question::Refund {
        of,
        fen,
        by,
        why,
        charge,
        code,
    } = wish
    else {
        return Err(Answer::Error("no refund".to_owned()));
    };
    if let Some(code) = code {
        return refund_of_code(*code, fen, by, why);
    }
    let (charge, plate) = refundable(&of, charge)?;
    Ok(Event::RefundAsked {
        session: SessionId(charge.session.clone()),
        trade_no: charge.trade_no,
        plate,
        charged_fen: charge.fee_fen,
        exited: charge.exited,
        sent_for: charge.sent_for,
        fen,
        by,
        why,
    })
}

/// What was paid on the spot; the book says whether it is over.
fn refund_of_code(
    code: CodeRow,
    fen: Option<u64>,
    by: String,
    why: String,
) -> Result<Event, Answer> {
    let plate = PlateNumber::parse(&code.plate).map(|parsed| parsed.plate);
    let Ok(plate) = plate else {
        return Err(Answer::Error(format!("order {} has no plate", code.number)));
    };
    Ok(Event::RefundAsked {
        session: SessionId(code.session),
        trade_no: code.number,
        plate,
        charged_fen: code.fen,
        exited: code.since.unwrap_or(code.asked),
        sent_for: code.sent_for,
        fen,
        by,
        why,
    })
}

fn refund_number(text: &str) -> String {
    text.trim().to_uppercase()
}

/// Only what WeChat took on is refunded; what the ledger knows of the charge says whether it did.
fn refundable(
    of: &str,
    charge: Option<Box<ChargeRow>>,
) -> Result<(ChargeRow, PlateNumber), Answer> {
    let Some(charge) = charge else {
        return Err(Answer::Error(format!("the ledger knows no charge of {of}")));
    };
    let trade_no = charge.trade_no.clone();
    let is_refundable = match charge.state {
        Stage::Accepted | Stage::Settled => true,
        // The book says what to do with these.
        Stage::WaitingForEntry | Stage::Due | Stage::Sent | Stage::Unknown | Stage::WithStaff => {
            true
        }
        Stage::Collected | Stage::WrittenOff | Stage::Withdrawn | Stage::Replaced => false,
    };
    if !is_refundable {
        return Err(Answer::Error(format!(
            "charge {trade_no} never took money through WeChat, so there is nothing to refund there"
        )));
    }
    let plate = PlateNumber::parse(&charge.plate).map(|parsed| parsed.plate);
    let Ok(plate) = plate else {
        return Err(Answer::Error(format!("charge {trade_no} has no plate")));
    };
    Ok((*charge, plate))
}
