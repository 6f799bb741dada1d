//! The numbers by which WeChat and people know a stay. Only `[0-9A-Z]`, at most 32 characters.

use serde::{Deserialize, Deserializer, Serialize};

const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const LEDGER_CHARS: u32 = 10;
const COUNTER_CHARS: u32 = 7;
const TRY_CHARS: u32 = 2;
const TRY_BITS: u32 = 5 * TRY_CHARS;
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
        value_of(digits, LEDGER_CHARS).map(Self)
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
/// Read from records only as [`SessionId::new`] gives it out.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct SessionId(pub String);

/// A text in a number's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no number that parkgate gives out")]
pub struct NoNumber;

/// A stay's own number, or that of one of its charges, as it is kept in memory a hundred thousand times:
/// its digits' bits and no text. In the order of the texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NumberKey([u8; KEY_BYTES]);

/// 50 bits of the ledger, 35 of the stay, 10 of the try.
const KEY_BYTES: usize = 12;

impl SessionId {
    /// The `counter`-th session of a ledger.
    pub fn new(ledger: LedgerId, counter: u64) -> Self {
        let mut text = String::with_capacity(SESSION_BYTES);
        push_base32(&mut text, ledger.0, LEDGER_CHARS);
        push_base32(&mut text, counter, COUNTER_CHARS);
        Self(text)
    }

    /// The stay that a number names: its own or one of its entry's, charges', orders' and refunds', in any case.
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

    /// `out_refund_no` of the `attempt`-th refund of this session's charges, from 0.
    pub fn refund_no(&self, attempt: u16) -> String {
        self.attempt('R', attempt)
    }

    /// `out_trade_no` of the `attempt`-th order of this session that is paid on the spot, from 0.
    pub fn spot_no(&self, attempt: u16) -> String {
        self.attempt('N', attempt)
    }

    /// Which session of its ledger it is, from 1.
    pub fn counter(&self) -> u64 {
        base32(self.0.get(LEDGER_CHARS as usize..).unwrap_or_default())
    }

    /// The number of the charge that is made for this stay after the one with `trade_no`.
    pub fn trade_no_after(&self, trade_no: &str) -> String {
        self.trade_no(charges_by(trade_no))
    }

    fn attempt(&self, of: char, attempt: u16) -> String {
        let mut text = String::with_capacity(NUMBER_BYTES_MAX);
        text.push(of);
        text.push_str(&self.0);
        push_base32(&mut text, attempt.into(), TRY_CHARS);
        text
    }
}

impl NumberKey {
    /// No key is lower.
    pub const FIRST: Self = Self([0; KEY_BYTES]);
    /// No key is higher.
    pub const LAST: Self = Self([255; KEY_BYTES]);

    /// Of a stay; None if this is no number that [`SessionId::new`] gives out.
    pub fn of_session(session: &SessionId) -> Option<Self> {
        Self::of_text(&session.0)
    }

    /// As [`NumberKey::of_session`], of its text.
    pub fn of_text(session: &str) -> Option<Self> {
        Self::of_digits(session, 0)
    }

    /// Of a charge; None if this is no number that [`SessionId::trade_no`] gives out.
    pub fn of_trade_no(trade_no: &str) -> Option<Self> {
        Self::of_try('T', trade_no)
    }

    /// Of a refund; None if this is no number that [`SessionId::refund_no`] gives out.
    pub fn of_refund_no(refund_no: &str) -> Option<Self> {
        Self::of_try('R', refund_no)
    }

    /// Of an order that is paid on the spot; None if this is no number that [`SessionId::spot_no`] gives out.
    pub fn of_spot_no(spot_no: &str) -> Option<Self> {
        Self::of_try('N', spot_no)
    }

    fn of_try(of: char, number: &str) -> Option<Self> {
        let (session, attempt) = number.strip_prefix(of)?.split_at_checked(SESSION_BYTES)?;
        let attempt = value_of(attempt, TRY_CHARS)?;
        Self::of_digits(session, attempt)
    }

    /// Of an entry, and which of the stay's it is; None if this is no number that [`SessionId::parking_no`]
    /// gives out.
    pub fn of_parking_no(parking_no: &str) -> Option<(Self, u16)> {
        let (session, attempt) = parking_no
            .strip_prefix('P')?
            .split_at_checked(SESSION_BYTES)?;
        let attempt = value_of(attempt, TRY_CHARS)?;
        let key = Self::of_digits(session, 0)?;
        Some((key, u16::try_from(attempt).ok()?))
    }

    /// The number of the stay, whichever of its numbers this is.
    pub fn session(self) -> SessionId {
        let mut text = String::with_capacity(SESSION_BYTES);
        let bits = self.bits() >> TRY_BITS;
        for digit in (0..LEDGER_CHARS + COUNTER_CHARS).rev() {
            let value = usize::try_from((bits >> (5 * digit)) & 31).unwrap_or(0);
            text.push(char::from(DIGITS[value]));
        }
        SessionId(text)
    }

    /// The number of the charge.
    pub fn trade_no(self) -> String {
        self.session().trade_no(self.tried())
    }

    /// The number of the refund.
    pub fn refund_no(self) -> String {
        self.session().refund_no(self.tried())
    }

    /// The number of the order that is paid on the spot.
    pub fn spot_no(self) -> String {
        self.session().spot_no(self.tried())
    }

    /// Which of its kind it is, from 0.
    pub fn tried(self) -> u16 {
        let attempt = self.bits() & ((1 << TRY_BITS) - 1);
        u16::try_from(attempt).unwrap_or(0)
    }

    /// The key of the stay, whichever of its numbers this is; no key of it is lower.
    pub fn of_its_session(self) -> Self {
        Self::from_bits(self.bits() >> TRY_BITS << TRY_BITS)
    }

    fn of_digits(session: &str, attempt: u64) -> Option<Self> {
        let (ledger, counter) = session.split_at_checked(LEDGER_CHARS as usize)?;
        let ledger = u128::from(value_of(ledger, LEDGER_CHARS)?);
        let counter = u128::from(value_of(counter, COUNTER_CHARS)?);
        let session = (ledger << (5 * COUNTER_CHARS)) | counter;
        Some(Self::from_bits((session << TRY_BITS) | u128::from(attempt)))
    }

    fn bits(self) -> u128 {
        let mut bytes = [0; 16];
        bytes[16 - KEY_BYTES..].copy_from_slice(&self.0);
        u128::from_be_bytes(bytes)
    }

    fn from_bits(bits: u128) -> Self {
        let mut key = [0; KEY_BYTES];
        key.copy_from_slice(&bits.to_be_bytes()[16 - KEY_BYTES..]);
        Self(key)
    }
}

impl TryFrom<String> for SessionId {
    type Error = NoNumber;

    fn try_from(text: String) -> Result<Self, NoNumber> {
        let is_one = NumberKey::of_text(&text).is_some();
        is_one.then_some(Self(text)).ok_or(NoNumber)
    }
}

/// `out_trade_no` as a record may hold it; for [`serde`].
///
/// # Errors
/// When it is none that [`SessionId::trade_no`] gives out.
pub fn read_trade_no<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    match NumberKey::of_trade_no(&text) {
        Some(_) => Ok(text),
        None => Err(serde::de::Error::custom(NoNumber)),
    }
}

/// As [`read_trade_no`], also of an order that is paid on the spot: both are WeChat's `out_trade_no`, and both
/// can be refunded.
///
/// # Errors
/// When it is neither.
pub fn read_order_no<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    let key = NumberKey::of_trade_no(&text).or_else(|| NumberKey::of_spot_no(&text));
    match key {
        Some(_) => Ok(text),
        None => Err(serde::de::Error::custom(NoNumber)),
    }
}

impl std::fmt::Display for SessionId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// A stay's own number where it stands in a number of its entry, of its charge, of its order that is paid on the
/// spot or of its refund, or alone. By length and
/// first letter only; what else is in the number is not looked at.
pub fn session_in(number: &str) -> Option<&str> {
    const WITH_TRY: usize = 1 + SESSION_BYTES + TRY_CHARS as usize;
    match number.len() {
        SESSION_BYTES => Some(number),
        WITH_TRY if number.starts_with(['T', 'P', 'R', 'N']) => number.get(1..=SESSION_BYTES),
        _ => None,
    }
}

/// How many charges had been made for a stay when the one with this number was.
pub fn charges_by(trade_no: &str) -> u16 {
    let attempt = base32(trade_no.get(1 + SESSION_BYTES..).unwrap_or_default());
    u16::try_from(attempt).unwrap_or(u16::MAX).saturating_add(1)
}

/// What [`push_base32`] wrote; other characters count as nothing.
fn base32(text: &str) -> u64 {
    let value = |digit: u8| DIGITS.iter().position(|known| *known == digit).unwrap_or(0);
    let value = |digit| u64::try_from(value(digit)).unwrap_or(0);
    text.bytes().fold(0, |sum, digit| {
        u64::saturating_add(u64::saturating_mul(sum, 32), value(digit))
    })
}

/// Crockford's alphabet, most significant digit first, exactly `width` digits. What does not fit, as no
/// count here ever comes to, is cut to the largest that does: a number that WeChat refuses is better than
/// a barrier that nobody raises.
fn push_base32(text: &mut String, value: u64, width: u32) {
    let value = value.min((1 << (5 * width)) - 1);
    let digits = (0..width).rev();
    text.extend(digits.map(|digit| DIGITS[((value >> (5 * digit)) & 31) as usize] as char));
}

/// What [`push_base32`] wrote with so many digits; None if it did not.
fn value_of(digits: &str, width: u32) -> Option<u64> {
    let is_as_wide = u32::try_from(digits.len()).is_ok_and(|len| len == width);
    let mut digits = digits.bytes();
    let value = digits.try_fold(0, |value, digit| {
        let known = VALUES[usize::from(digit)];
        (known < 32).then(|| (value << 5) | u64::from(known))
    });
    value.filter(|_| is_as_wide)
}

/// The value of each byte as a digit; 255 where it is none.
static VALUES: [u8; 256] = values();

const fn values() -> [u8; 256] {
    let mut values = [255; 256];
    let (mut digit, mut value) = (0, 0);
    while digit < DIGITS.len() {
        values[DIGITS[digit] as usize] = value;
        digit += 1;
        value += 1;
    }
    values
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
            session.refund_no(1),
            session.spot_no(2),
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
    fn a_key_is_in_the_order_of_its_text_and_gives_it_back() {
        let ledgers = [0, 7, 8, (1 << 50) - 1].map(LedgerId::from_random);
        let counters = [0, 1, 31, 32, 1 << 20, (1 << 35) - 1];
        let sessions =
            ledgers.map(|ledger| counters.map(|counter| SessionId::new(ledger, counter)));
        let sessions = sessions.concat();
        let keys: Vec<NumberKey> = sessions.iter().filter_map(NumberKey::of_session).collect();
        assert!(keys.is_sorted() && sessions.is_sorted());
        let given_back: Vec<SessionId> = keys.iter().map(|key| key.session()).collect();
        assert_eq!(given_back, sessions);
        for (session, key) in sessions.iter().zip(&keys) {
            for attempt in [0, 1, 1023] {
                let trade_no = session.trade_no(attempt);
                let of_charge = NumberKey::of_trade_no(&trade_no).unwrap();
                assert_eq!(of_charge.trade_no(), trade_no);
                assert_eq!(of_charge.of_its_session(), *key);
                let spot_no = session.spot_no(attempt);
                assert_eq!(NumberKey::of_spot_no(&spot_no).unwrap().spot_no(), spot_no);
                let refund_no = session.refund_no(attempt);
                let of_refund = NumberKey::of_refund_no(&refund_no).unwrap();
                assert_eq!(
                    (of_refund.refund_no(), of_refund.tried()),
                    (refund_no, attempt)
                );
            }
        }
    }

    #[test]
    fn what_nobody_gives_out_has_no_key() {
        for other in [
            "",
            "S1",
            "3K9QZ0T8MB000001",
            "3K9QZ0T8MB000001I",
            "3K9QZ0T8MB00000é",
        ] {
            assert_eq!(NumberKey::of_session(&SessionId(other.into())), None);
        }
        for other in [
            "T",
            "P3K9QZ0T8MB000001200",
            "T3K9QZ0T8MB00000120",
            "T3K9QZ0T8MB0000012000",
        ] {
            assert_eq!(NumberKey::of_trade_no(other), None, "{other}");
        }
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
