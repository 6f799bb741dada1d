//! Questions that the ledger answers, whoever asks.

use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::{Value, json};

use super::case;
use super::charge::{ChargeRow, Charges, Stage};
use super::happening;
use super::refund::{RefundRow, Refunds};
use super::session::{SessionRow, Sessions, Stay};
use super::standing::{self, Standing};
use super::steps;
use super::wanted::{ROWS_MAX, Wanted};
use crate::control::{Answer, Question};
use crate::lane::number::SessionId;
use crate::lane::plate::PlateNumber;
use crate::lane::time::Wall;
use crate::park::record::Record;
use crate::store::ledger::LedgerError;

/// How long WeChat's number of an order is.
const ORDER_DIGITS: usize = 28;

/// A ledger's folder, to be read.
#[derive(Clone, Debug)]
pub struct Archive {
    dir: PathBuf,
}

impl Archive {
    /// The ledger in `dir`.
    pub fn new(dir: PathBuf) -> Self {
        Self { dir }
    }

    /// The ledger's folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Answers from the ledger alone. What only a running daemon knows is left out; what only it may
    /// do is declined.
    pub fn answer(&self, question: &Question) -> Answer {
        let answer = match question {
            Question::Status => self.status(),
            Question::Review => self
                .standing()
                .map(|s| standing::review(&s.site, &s.book, false)),
            Question::Sessions(wanted) if wanted.needs_the_past() => self.sessions(wanted),
            Question::Sessions(wanted) => self
                .standing()
                .map(|standing| sessions_answer(wanted, SessionRow::open(&standing.site), 0)),
            Question::Charges(wanted) if wanted.needs_the_past() => self.charges(wanted),
            Question::Charges(wanted) => self
                .standing()
                .map(|standing| charges_answer(wanted, standing::open_charges(&standing.book), 0)),
            Question::Arrears { plate } => self
                .standing()
                .map(|standing| standing::arrears(&standing.book, plate.as_deref())),
            Question::Refunds { all: true } => self.refunds(),
            Question::Refunds { all: false } => self
                .standing()
                .map(|standing| refunds_answer(standing::refunds(&standing.book), 0)),
            Question::Lists => self
                .standing()
                .map(|standing| standing::lists(&standing.site)),
            Question::Session { of } | Question::Charge { of } => {
                return self.about(of, happening::of);
            }
            Question::Reviewed { of } => return self.reviewed(of),
            Question::Export { since, until } => return self.export(*since, *until),
            Question::Raise { .. }
            | Question::Retry { .. }
            | Question::ToStaff { .. }
            | Question::Finish { .. }
            | Question::Decide { .. }
            | Question::Correct { .. }
            | Question::Corrected { .. }
            | Question::Refund { .. }
            | Question::RetryRefund { .. }
            | Question::EndRefund { .. }
            | Question::EndCode { .. }
            | Question::NamePlate { .. }
            | Question::ChangeList { .. }
            | Question::Benefit { .. }
            | Question::Balance { .. }
            | Question::EndStay { .. }
            | Question::Code { .. }
            | Question::Places
            | Question::CountPlaces { .. }
            | Question::Pay { .. }
            | Question::Find(_)
            | Question::Erase(_)
            | Question::Devices
            | Question::Due
            | Question::Store
            | Question::Keys
            | Question::ReloadKeys => {
                return Answer::Error("only a running daemon can do that".to_owned());
            }
        };
        match answer {
            Ok(value) => Answer::Ok(value),
            Err(error) => unreadable(&error),
        }
    }

    /// Seq of the ledger's last record.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn last_seq(&self) -> Result<u64, LedgerError> {
        steps::read_newest(&self.dir, |_| {})
    }

    fn standing(&self) -> Result<Standing, LedgerError> {
        Standing::read(&self.dir)
    }

    fn status(&self) -> Result<Value, LedgerError> {
        let standing = self.standing()?;
        let ledger = standing.ledger.unwrap_or_default();
        Ok(standing::status(ledger, &standing.site, &standing.book))
    }

    fn sessions(&self, wanted: &Wanted<Stay>) -> Result<Value, LedgerError> {
        let plate = wanted.plate.as_ref().map(|plate| plate.to_uppercase());
        let mut sessions = Sessions::keeping(|row: &SessionRow| {
            let has_plate = plate.as_ref().is_none_or(|plate| row.plate.contains(plate));
            has_plate && wanted.spans(row.entered)
        });
        let mut dropped = 0;
        steps::read(&self.dir, wanted.since, |told| match told.record() {
            Some(Record::Checkpoint(snapshot)) => sessions.stood(&snapshot.site),
            Some(Record::PartOfState(part)) => sessions.stood_in(&part),
            Some(Record::Lane(record)) => {
                sessions.apply(&record, told.at);
                dropped += bound(&mut sessions.rows);
            }
            Some(Record::Money(crate::charges::record::MoneyRecord::ChargeOpened { claim })) => {
                let fee_fen = claim.quote.fee_fen;
                sessions.claimed(&claim.session.0, &claim.trade_no, fee_fen);
            }
            _ => {}
        })?;
        Ok(sessions_answer(
            wanted,
            sessions.rows.into_values(),
            dropped,
        ))
    }

    fn charges(&self, wanted: &Wanted<Stage>) -> Result<Value, LedgerError> {
        let (rows, dropped) = self.charge_rows(wanted)?;
        Ok(charges_answer(wanted, rows.into_iter(), dropped))
    }

    fn refunds(&self) -> Result<Value, LedgerError> {
        let mut refunds = Refunds::keeping(|_: &RefundRow| true);
        steps::read(&self.dir, None, |told| match told.record() {
            Some(Record::Checkpoint(snapshot)) => {
                let open = snapshot.book.refunds().open();
                open.for_each(|refund| refunds.stood(refund));
            }
            Some(Record::PartOfState(part)) => {
                let open = part.rest.iter().flat_map(|rest| rest.book.refunds().open());
                open.for_each(|refund| refunds.stood(refund));
            }
            Some(Record::Money(record)) => refunds.apply(&record, told.at),
            _ => {}
        })?;
        let left_off = refunds.left_off;
        Ok(refunds_answer(refunds.rows.into_values(), left_off))
    }

    /// Every charge that came due in the range, by its number.
    fn export(&self, since: Option<Wall>, until: Option<Wall>) -> Answer {
        let wanted = Wanted {
            all: true,
            states: Vec::new(),
            plate: None,
            since,
            until,
            limit: ROWS_MAX,
        };
        match self.charge_rows(&wanted) {
            Ok((rows, 0)) => Answer::Ok(json!({ "charges": rows })),
            Ok(_) => Answer::Error(format!(
                "more than {ROWS_MAX} charges in this range; export shorter ones, such as months"
            )),
            Err(error) => unreadable(&error),
        }
    }

    fn charge_rows(&self, wanted: &Wanted<Stage>) -> Result<(Vec<ChargeRow>, usize), LedgerError> {
        let plate = wanted.plate.as_ref().map(|plate| plate.to_uppercase());
        let mut charges = Charges::keeping(|row: &ChargeRow| {
            let has_plate = plate.as_ref().is_none_or(|plate| row.plate.contains(plate));
            has_plate && wanted.spans(row.opened)
        });
        let mut dropped = 0;
        steps::read(&self.dir, wanted.since, |told| match told.record() {
            Some(Record::Checkpoint(snapshot)) => {
                let book = snapshot.book;
                for charge in book.charges().chain(book.desk()) {
                    charges.stood(&charge);
                }
            }
            Some(Record::PartOfState(part)) => charges.stood_in(&part),
            Some(Record::Money(record)) => {
                charges.apply(&record, told.at);
                dropped += bound(&mut charges.rows);
            }
            _ => {}
        })?;
        Ok((charges.rows.into_values().collect(), dropped))
    }

    /// A stay under review. Of a plate it is the one that waits for a person, and not its newest.
    fn reviewed(&self, of: &str) -> Answer {
        let waiting = PlateNumber::parse(of).ok().and_then(|parsed| {
            let standing = self.standing().ok()?;
            let mut reviews = standing.site.open_reviews();
            let review = reviews.find(|review| review.plate == parsed.plate)?;
            Some(review.session.0.clone())
        });
        self.about(waiting.as_deref().unwrap_or(of), case::of)
    }

    /// What `tell` knows of the stay that `of` names.
    fn about<T: Serialize>(
        &self,
        of: &str,
        tell: impl Fn(&Path, &SessionId) -> Result<Option<T>, LedgerError>,
    ) -> Answer {
        let session = match self.session(of) {
            Ok(session) => session,
            Err(why) => return Answer::Error(why),
        };
        match tell(&self.dir, &session) {
            Ok(Some(story)) => Answer::Ok(json!(story)),
            Ok(None) => Answer::Error(knows_nothing(of)),
            Err(error) => unreadable(&error),
        }
    }

    /// The stay that a number of ours, WeChat's of its order, or a plate means; of a plate the newest.
    ///
    /// # Errors
    /// Why there is none, for people.
    pub fn session(&self, of: &str) -> Result<SessionId, String> {
        if let Some(session) = SessionId::named_by(of) {
            return Ok(session);
        }
        let is_wechats = of.len() >= ORDER_DIGITS && of.bytes().all(|byte| byte.is_ascii_digit());
        let found = match PlateNumber::parse(of) {
            _ if is_wechats => happening::session_of_order(&self.dir, of),
            Ok(parsed) => happening::newest_session(&self.dir, parsed.plate.as_str()),
            Err(_) => {
                return Err(format!(
                    "{of:?} is neither a number of a stay (17 characters), nor of an entry or a charge (P… \
                     or T…, 20 characters), nor WeChat's of an order ({ORDER_DIGITS} digits), nor a plate"
                ));
            }
        };
        match found {
            Ok(session) => session.ok_or_else(|| knows_nothing(of)),
            Err(error) => Err(crate::causes::told(&error)),
        }
    }
}

/// The answer to [`Question::Sessions`]; `dropped` rows were left off before.
pub fn sessions_answer(
    wanted: &Wanted<Stay>,
    rows: impl Iterator<Item = SessionRow>,
    dropped: usize,
) -> Value {
    let (rows, left_off) = wanted.choose(rows);
    json!({ "sessions": rows, "left_off": left_off + dropped })
}

/// The answer to [`Question::Charges`]; `dropped` rows were left off before.
pub fn charges_answer(
    wanted: &Wanted<Stage>,
    rows: impl Iterator<Item = ChargeRow>,
    dropped: usize,
) -> Value {
    let (rows, left_off) = wanted.choose(rows);
    json!({ "charges": rows, "left_off": left_off + dropped })
}

/// The answer to [`Question::Refunds`], newest first; `left_off` rows are not there.
pub fn refunds_answer(rows: impl Iterator<Item = RefundRow>, left_off: usize) -> Value {
    let mut rows: Vec<RefundRow> = rows.collect();
    rows.sort_by(|a, b| (b.asked, &b.refund_no).cmp(&(a.asked, &a.refund_no)));
    json!({ "refunds": rows, "left_off": left_off })
}

/// A long history must not fill the memory: the oldest go first.
fn bound<R>(rows: &mut std::collections::BTreeMap<String, R>) -> usize {
    match rows.len() > ROWS_MAX {
        true => usize::from(rows.pop_first().is_some()),
        false => 0,
    }
}

/// What is said of a stay that is not there.
pub fn knows_nothing(of: &str) -> String {
    format!("the ledger knows nothing of {of}")
}

fn unreadable(error: &LedgerError) -> Answer {
    Answer::Error(crate::causes::told(error))
}
