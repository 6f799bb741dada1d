//! Our own bytes, coming back: a two-wire adapter often hears what it says.

use crate::lane::time::Moment;

/// How long an echo may take beyond its time on the line.
const LATE_MS: u64 = 200;

/// Takes exact echoes out of what comes in. What only begins like one is given back.
#[derive(Debug, Default)]
pub struct Echo {
    sent: Vec<u8>,
    /// How many of them have come back.
    matched: usize,
    until: Moment,
}

impl Echo {
    /// Bytes are going out, which takes until about `gone_by`.
    pub fn sent(&mut self, bytes: &[u8], gone_by: Moment) {
        bytes.clone_into(&mut self.sent);
        self.matched = 0;
        self.until = gone_by.after_ms(LATE_MS);
    }

    /// What of `bytes` others said, and the length of the echo that ended with them.
    pub fn strip(&mut self, bytes: &[u8], now: Moment) -> (Vec<u8>, usize) {
        if self.sent.is_empty() {
            return (bytes.to_vec(), 0);
        }
        let expected = &self.sent[self.matched..];
        let same = expected
            .iter()
            .zip(bytes)
            .take_while(|(sent, came)| sent == came)
            .count();
        let is_over = now > self.until;
        let differs = same < bytes.len() && same < expected.len();
        if is_over || differs {
            let mut others = self.give_up();
            others.extend(bytes);
            return (others, 0);
        }
        self.matched += same;
        let others = bytes[same..].to_vec();
        match self.matched == self.sent.len() {
            true => (others, self.give_up().len()),
            false => (others, 0),
        }
    }

    /// No echo is waited for any longer. Returns the bytes that were held back as the beginning of
    /// one.
    pub fn give_up(&mut self) -> Vec<u8> {
        let mut sent = std::mem::take(self);
        sent.sent.truncate(sent.matched);
        sent.sent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENT: &[u8] = b"$PGQ,1*0000\r\n";
    const ANSWER: &[u8] = b"$PGH,1*1111\r\n";

    fn asked() -> Echo {
        let mut echo = Echo::default();
        echo.sent(SENT, Moment(10));
        echo
    }

    #[test]
    fn an_echo_is_taken_out_wherever_it_is_cut() {
        let line = [SENT, ANSWER].concat();
        for cut in 0..=line.len() {
            let mut echo = asked();
            let (first, second) = line.split_at(cut);
            let (mut others, before) = echo.strip(first, Moment(11));
            let (rest, after) = echo.strip(second, Moment(12));
            others.extend(rest);
            assert_eq!((others.as_slice(), before + after), (ANSWER, SENT.len()));
        }
    }

    #[test]
    fn what_only_begins_like_an_echo_is_given_back() {
        let mut echo = asked();
        assert_eq!(echo.strip(b"$PG", Moment(11)).0, b"");
        assert_eq!(echo.strip(b"H,1*1111\r\n", Moment(12)).0, ANSWER);
        assert_eq!(echo.strip(SENT, Moment(13)).0, SENT, "not an echo any more");
    }

    #[test]
    fn what_comes_too_late_is_no_echo() {
        let mut echo = asked();
        assert_eq!(
            echo.strip(SENT, Moment(10 + LATE_MS + 1)),
            (SENT.to_vec(), 0)
        );
        let mut echo = asked();
        echo.strip(b"$PG", Moment(11));
        assert_eq!(echo.strip(b"R", Moment(999)).0, b"$PGR");
    }
}
