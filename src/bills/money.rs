//! Amounts as bills write them: yuan with decimals, as exact integers.

/// Hundred-thousandths of a yuan: a fee has five decimals.
pub const PER_FEN: i64 = 1_000;
const DECIMALS: usize = 5;

/// Reads `15.00`, `-0.09000`, `15` into hundred-thousandths of a yuan. None for anything else, and for what
/// no bill comes to.
pub fn read(text: &str) -> Option<i64> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (whole, decimals) = digits.split_once('.').unwrap_or((digits, "0"));
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if !is_number(whole) || !is_number(decimals) || decimals.len() > DECIMALS {
        return None;
    }
    let decimals = format!("{decimals:0<DECIMALS$}");
    let whole = whole.parse::<i64>().ok()?.checked_mul(100_000)?;
    let value = whole.checked_add(decimals.parse::<i64>().ok()?)?;
    Some(if negative { -value } else { value })
}

/// As [`read`], in whole fen and not less than nothing.
pub fn read_fen(text: &str) -> Option<u64> {
    let value = read(text).filter(|value| value % PER_FEN == 0)?;
    u64::try_from(value / PER_FEN).ok()
}

/// As a bill writes it, with five decimals.
pub fn write(value: i64) -> String {
    let sign = if value < 0 { "-" } else { "" };
    let size = value.unsigned_abs();
    format!("{sign}{}.{:05}", size / 100_000, size % 100_000)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn amounts_are_exact_and_what_is_none_is_refused() {
        assert_eq!(read("15.00"), Some(1_500_000));
        assert_eq!(read("-0.09000"), Some(-9_000));
        assert_eq!(read_fen("0.10"), Some(10));
        assert_eq!(read_fen("12"), Some(1200));
        for none in [
            "", ".", "1.", ".5", "1.000000", "1e2", "+1", "1,000.00", "-", "١", " 1",
        ] {
            assert_eq!(read(none), None, "{none}");
        }
        for none in ["0.001", "-1.00", "99999999999999999999.00"] {
            assert_eq!(read_fen(none), None, "{none}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(value in -10_000_000_000_000_i64..10_000_000_000_000) {
            prop_assert_eq!(read(&write(value)), Some(value));
        }
    }
}
