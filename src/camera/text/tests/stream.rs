//! Lines in pieces, and noise between them.

use proptest::prelude::*;

use super::*;

const PATTERN: &str = r"^@(?<plate>[^,]*),(?<color>[^,]*),(?<confidence>\d+)$";

#[test]
fn a_line_may_come_byte_by_byte_or_with_others() {
    let lines = [
        sentence("PGR,1,1,0,粤B6K7H2,blue,97"),
        sentence("PGR,1,2,0,粤B6K7H3,blue,97"),
        sentence("PGH,1"),
    ]
    .concat();
    let at_once = alone(None).take(&lines, now());
    assert_eq!(at_once.len(), 3);
    let mut text = alone(None);
    let one_by_one: Vec<Frame> = lines
        .chunks(1)
        .flat_map(|byte| text.take(byte, now()))
        .collect();
    assert_eq!(one_by_one, at_once);
}

#[test]
fn stx_and_etx_frame_a_line_too() {
    let mut text = alone(Some(PATTERN));
    let line = [b"\x02", "@粤B6K7H2,蓝,97".as_bytes(), b"\x03\r\n"].concat();
    read(&mut text, &line);
}

#[test]
fn an_endless_line_takes_no_memory_and_costs_nothing_after_it() {
    let mut text = alone(None);
    for _ in 0..10_000 {
        assert_eq!(text.take(&[b'x'; 100], now()), []);
    }
    let frames = text.take(&sentence("PGR,1,1,0,粤B6K7H2,blue,97"), now());
    assert_eq!(reads(&frames).len(), 1, "{frames:?}");

    let mut text = alone(Some(PATTERN));
    text.take(&[b'x'; 1000], now());
    let end = "\u{0}@粤B6K7H2,蓝,97\r\n".as_bytes();
    assert_eq!(
        fault(&mut text, end),
        FrameFault::TooLong,
        "the end of a line is no line"
    );
    read(&mut text, "@粤B6K7H2,蓝,97\r\n".as_bytes());
}

#[test]
fn a_line_that_was_begun_can_be_forgotten() {
    let mut text = alone(Some(PATTERN));
    text.take("@粤B6K".as_bytes(), now());
    assert!(text.is_midway());
    assert!(text.forget());
    assert!(!text.is_midway() && !text.forget());
    read(&mut text, "@粤B6K7H2,蓝,97\r\n".as_bytes());
}

proptest! {
    /// Whatever comes, in whatever pieces, the frames are the same.
    #[test]
    fn pieces_do_not_matter(
        parts in proptest::collection::vec(part(), 0..12),
        cuts in proptest::collection::vec(1..40_usize, 1..40),
        with_pattern: bool,
    ) {
        let bytes = parts.concat();
        let pattern = with_pattern.then_some(PATTERN);
        let whole = alone(pattern).take(&bytes, now());
        let mut text = alone(pattern);
        let (mut pieces, mut rest) = (Vec::new(), bytes.as_slice());
        for cut in cuts.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (piece, after) = rest.split_at((*cut).min(rest.len()));
            pieces.extend(text.take(piece, now()));
            rest = after;
        }
        prop_assert_eq!(pieces, whole);
    }

    /// A sentence is heard whatever noise comes before it, of whatever length.
    #[test]
    fn noise_does_not_cost_the_next_sentence(
        noise in proptest::collection::vec(any::<u8>(), 0..700),
    ) {
        let line = sentence("PGR,1,1,0,粤B6K7H2,blue,97");
        let frames = alone(None).take(&[noise, line].concat(), now());
        let last = frames.last().cloned().into_iter().collect::<Vec<_>>();
        prop_assert_eq!(reads(&last).len(), 1, "{:?}", frames);
    }

    /// A line of a pattern has no beginning that noise could not have: what the bus says between two
    /// talkers costs nothing, and other noise only the line that it runs into.
    #[test]
    fn noise_on_an_idle_line_does_not_cost_a_matched_line(
        noise in proptest::collection::vec(prop_oneof![Just(0_u8), Just(0xff_u8)], 0..200),
    ) {
        let line = "@粤B6K7H2,蓝,97\r\n".as_bytes().to_vec();
        let frames = alone(Some(PATTERN)).take(&[noise, line].concat(), now());
        prop_assert_eq!(reads(&frames).len(), 1, "{:?}", frames);
    }

    /// Bytes that were changed on the way never become another plate.
    #[test]
    fn a_damaged_sentence_is_not_believed(at in 0..30_usize, change in 1..=255_u8) {
        let line = sentence("PGR,1,1,0,粤B6K7H2,blue,97");
        let mut damaged = line.clone();
        damaged[1 + at] ^= change;
        let frames = alone(None).take(&damaged, now());
        prop_assert_eq!(reads(&frames).len(), 0, "{:?}", frames);
    }

    #[test]
    fn no_bytes_make_it_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..1000),
        with_pattern: bool,
    ) {
        alone(with_pattern.then_some(PATTERN)).take(&bytes, now());
    }
}

/// Good lines of both kinds, broken ones, and noise.
fn part() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        "[0-9]{1,4}".prop_map(|number| sentence(&format!("PGR,1,{number},0,粤B6K7H2,blue,97"))),
        Just("@粤B6K7H2,蓝,97\r\n".as_bytes().to_vec()),
        Just(gbk("@鲁B6K7H2,蓝,97\r\n")),
        Just(b"$PGR,1,1,0,A*0000\r\n".to_vec()),
        proptest::collection::vec(any::<u8>(), 0..20),
    ]
}
