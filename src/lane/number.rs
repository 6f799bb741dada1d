//! The numbers by which WeChat and people know a stay. Only `[0-9A-Z]`, at most 32 characters.

use serde::{Deserialize, Serialize};

const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const LEDGER_CHARS: u32 = 10;
const COUNTER_CHARS: u32 = 7;
const TRY_CHARS: u32 = 2;
const SESSION_BYTES: usize = 17;
/// As WeChat has it.
const NUMBER_BYTES_MAX: usize = 32;

/// The random name of one ledger, 50 bits. A new ledger always draws a new one, also after a
/// restore, so that a re-flashed or cloned box never repeats a number whose old answer would
/// open the barrier.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct LedgerId(pub u64);

impl LedgerId {
    /// Keeps the 50 bits that the number has room for.
    pub fn from_random(bits: u64) -> Self {
        Self(bits & ((1 << 50) - 1))
    }

    /// The ledger that gave out the number of a stay.
    pub fn of_session(session: &SessionId) -> Option<Self> {
        let digits = session.0.get(..LEDGER_CHARS as usize)?;
        digits.bytes().try_fold(Self(0), |id, digit| {
            let value = DIGITS.iter().position(|known| *known == digit)?;
            Some(Self((id.0 << 5) | u64::try_from(value).ok()?))
        })
    }
}

impl std::fmt::Display for LedgerId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut text = String::new();
        push_base32(&mut text, self.0, LEDGER_CHARS);
        f.write_str(&text)
    }
}

/// One stay, from the entry that opened it to the exit that names it: `ledger_id` + counter, 17 characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SessionId(pub String);

impl SessionId {
    /// The `counter`-th session of a ledger.
    pub fn new(ledger: LedgerId, counter: u64) -> Self {
        let mut text = String::with_capacity(SESSION_BYTES);
        push_base32(&mut text, ledger.0, LEDGER_CHARS);
        push_base32(&mut text, counter, COUNTER_CHARS);
        Self(text)
    }

    /// The stay that a number names: its own, its entry's or its charge's, in any case.
    pub fn named_by(number: &str) -> Option<Self> {
        let number = number.trim().to_uppercase();
        let is_plain = number.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let session = session_in(&number)?;
        is_plain.then(|| Self(session.to_owned()))
    }

    /// `out_parking_no` of the `attempt`-th entry made for this session, from 0.
    pub fn parking_no(&self, attempt: u16) -> String {
        self.attempt('P', attempt)
    }

    /// `out_trade_no` of the `attempt`-th charge made for this session, from 0.
    pub fn trade_no(&self, attempt: u16) -> String {
        self.attempt('T', attempt)
    }

    fn attempt(&self, of: char, attempt: u16) -> String {
        let mut text = String::with_capacity(NUMBER_BYTES_MAX);
        text.push(of);
        text.push_str(&self.0);
        push_base32(&mut text, attempt.into(), TRY_CHARS);
        text
    }
}

impl std::fmt::Display for SessionId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// A stay's own number where it stands in a number of its entry or of its charge, or alone. By length and
/// first letter only; what else is in the number is not looked at.
pub fn session_in(number: &str) -> Option<&str> {
    const WITH_TRY: usize = 1 + SESSION_BYTES + TRY_CHARS as usize;
    match number.len() {
        SESSION_BYTES => Some(number),
        WITH_TRY if number.starts_with(['T', 'P']) => number.get(1..=SESSION_BYTES),
        _ => None,
    }
}

/// Crockford's alphabet, most significant digit first, exactly `width` digits. What does not fit, as no
/// count here ever comes to, is cut to the largest that does: a number that WeChat refuses is better than
/// a barrier that nobody raises.
fn push_base32(text: &mut String, value: u64, width: u32) {
    let value = value.min((1 << (5 * width)) - 1);
    let digits = (0..width).rev();
    text.extend(digits.map(|digit| DIGITS[((value >> (5 * digit)) & 31) as usize] as char));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_fit_what_wechat_accepts() {
        let session = SessionId::new(LedgerId::from_random(u64::MAX), (1 << 35) - 1);
        for number in [session.parking_no(0), session.trade_no(1023)] {
            assert!(number.len() <= 32, "{number}");
            assert!(
                number
                    .bytes()
                    .all(|b| b.is_ascii_digit() || b.is_ascii_uppercase())
            );
        }
        assert_eq!(session.0.len(), 17);
    }

    #[test]
    fn a_stay_is_named_by_each_of_its_numbers_and_by_nothing_else() {
        let session = SessionId::new(LedgerId::from_random(7), 12);
        for number in [
            session.0.clone(),
            session.parking_no(3),
            session.trade_no(0).to_lowercase(),
        ] {
            assert_eq!(SessionId::named_by(&number), Some(session.clone()));
        }
        for other in [
            "",
            "T0",
            "粤B6K7H2",
            "X0000000000000000000",
            "T000000000000000000é",
        ] {
            assert_eq!(SessionId::named_by(other), None, "{other}");
        }
    }

    #[test]
    fn a_count_beyond_all_numbers_still_gives_one() {
        let last = SessionId::new(LedgerId::from_random(7), u64::MAX);
        assert_eq!(
            last,
            SessionId::new(LedgerId::from_random(7), (1 << 35) - 1)
        );
        assert_eq!(last.trade_no(u16::MAX), last.trade_no(1023));
    }

    #[test]
    fn numbers_of_different_sessions_and_tries_differ() {
        let ledger = LedgerId::from_random(7);
        let (a, b) = (SessionId::new(ledger, 1), SessionId::new(ledger, 2));
        assert_ne!(a, b);
        assert_ne!(a.trade_no(0), a.trade_no(1));
        assert_ne!(a.trade_no(0), b.trade_no(0));
        assert_ne!(a.trade_no(0), a.parking_no(0));
    }
}
