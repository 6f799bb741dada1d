//! Fetches the bills of a day: asks where they are, downloads, and keeps what proves to be right.

use super::behind;
use super::day::Day;
use super::keep::{Bills, KeepFault};
use crate::charges::answer::Answer;
use crate::lane::time::Wall;
use crate::wechat::Client;
use crate::wechat::bill::Kind;

/// A bill that came wrong is fetched anew so often.
const TRIES: u32 = 3;

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fetched {
    /// It is kept.
    Kept,
    /// Nothing happened on that day.
    Nothing,
}

/// Why there is none.
#[derive(Debug, thiserror::Error)]
pub enum FetchFault {
    /// Before its time.
    #[error("WeChat has the bill of {0} from 10:00 of the next day on")]
    TooEarly(Day),
    /// After its time.
    #[error("WeChat keeps bills for three months, and {0} is longer ago")]
    TooLate(Day),
    /// Not ready.
    #[error("WeChat is still making this bill; ask again in half an hour")]
    Creating,
    /// WeChat says no.
    #[error("WeChat refuses the bill ({0} {1}: {2})")]
    Refused(u16, String, String),
    /// No answer to believe.
    #[error("WeChat gave no answer to believe: {0}")]
    NoAnswer(String),
    /// What came three times was not the bill.
    #[error("the bill came wrong {TRIES} times: {0}")]
    Wrong(String),
    /// It came, and cannot be kept.
    #[error(transparent)]
    NotKept(KeepFault),
}

/// Fetches one bill of a day, in partner mode of one sub-merchant's trades.
///
/// # Errors
/// When there is none, or none that proves to be right.
pub async fn fetch(
    client: &Client,
    sub_mchid: Option<&str>,
    bills: &Bills,
    kind: Kind,
    day: Day,
    now: Wall,
) -> Result<Fetched, FetchFault> {
    if now < day.has_bill_from() {
        return Err(FetchFault::TooEarly(day));
    }
    if now > day.has_bill_until() {
        return Err(FetchFault::TooLate(day));
    }
    let mut wrong = String::new();
    for _ in 0..TRIES {
        let place = match client.bill(kind, &day.to_string(), sub_mchid).await.answer {
            Answer::Verified(place) => place,
            // Documented as 400, and seen as 404 (`wechat-pay.md` 13).
            Answer::Refused(refusal) => match refusal.code.as_str() {
                "NO_STATEMENT_EXIST" => {
                    let kept = bills.keep_nothing(kind, day);
                    return kept.map(|()| Fetched::Nothing).map_err(FetchFault::NotKept);
                }
                "STATEMENT_CREATING" => return Err(FetchFault::Creating),
                _ => {
                    let (status, code, message) = (refusal.status, refusal.code, refusal.message);
                    return Err(FetchFault::Refused(status, code, message));
                }
            },
            Answer::Throttled { .. } => {
                return Err(FetchFault::NoAnswer("too many requests; later".to_owned()));
            }
            Answer::NotSent(why) | Answer::Lost(why) => return Err(FetchFault::NoAnswer(why)),
        };
        let packed = match client.download_bill(&place).await {
            Ok(packed) => packed,
            Err(why) => {
                wrong = why;
                continue;
            }
        };
        let bills = bills.clone();
        let kept = behind::run(move || bills.keep(kind, day, &packed, &place.sha1));
        match kept.await.unwrap_or(Err(KeepFault::GivenUp)) {
            Ok(()) => return Ok(Fetched::Kept),
            Err(fault @ (KeepFault::Written(..) | KeepFault::GivenUp)) => {
                return Err(FetchFault::NotKept(fault));
            }
            Err(fault) => wrong = crate::causes::told(&fault),
        }
    }
    Err(FetchFault::Wrong(wrong))
}
