//! What people ask to have done, as the park hears it.

use crate::charges::record::StaffOutcome;
use crate::control::{Answer, Question};
use crate::lane::number::SessionId;
use crate::lane::plate::PlateNumber;
use crate::park::Park;
use crate::park::event::Event;
use crate::story::charge::Stage;

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
        Question::Decide { by, why, .. }
        | Question::Correct { by, why, .. }
        | Question::Corrected { by, why, .. }
        | Question::NamePlate { by, why, .. }
        | Question::ChangeList { by, why, .. } => [by, why],
        _ => return false,
    };
    words.iter().any(|word| word.trim().is_empty())
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

/// Only what WeChat took on is refunded; what the ledger knows of the charge says whether it did.
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
    Ok(Event::CorrectionAsked {
        session: SessionId(charge.session.clone()),
        charged_fen: charge.fee_fen,
        // Another plate owes the same, unless another fee is named.
        due_fen: due_fen.unwrap_or(match due_from {
            Some(_) => charge.fee_fen,
            None => 0,
        }),
        trade_no,
        plate,
        due_from,
        by,
        why,
    })
}
