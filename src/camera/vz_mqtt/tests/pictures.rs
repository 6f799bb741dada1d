use std::borrow::Cow;

use proptest::prelude::*;

use super::super::decode::{decode, whole, without_pictures};
use super::super::pictures::{cut, insides};
use super::super::{Kind, MESSAGE_BYTES_MAX};
use super::{at, fixture, wall};
use crate::camera::{CameraEvent, FrameFault, Report};

const TOPIC: &str = "device/3f1c20aa-7be09d41/message/up/ivs_result";
const KIND: Kind<'static> = Kind::Up("ivs_result");

proptest! {
    /// The way past the pictures and the way through them lead to the same event. Only what is wrong
    /// within a picture is overlooked; then the event is that of the message with a sound one.
    #[test]
    fn both_ways_lead_to_the_same_event(
        message in message(),
        length in prop_oneof![0_usize..6000, Just(20_000)],
        place in any::<prop::sample::Index>(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), byte()), 0..4),
    ) {
        let mut payload = message;
        let gaps: Vec<usize> = (0..=payload.len()).filter(|at| is_gap(&payload, *at)).collect();
        let at = *place.get(&gaps);
        payload.splice(at..at, "QUJD".bytes().cycle().take(length));
        for (place, byte) in changes {
            let place = place.index(payload.len());
            payload[place] = byte;
        }
        let Some(short) = by_short(&payload) else {
            return Ok(());
        };
        let mut sound = payload.clone();
        for place in insides(&payload).flatten() {
            sound[place] = b'A';
        }
        prop_assert_eq!(&short, &by_whole(&sound));
        let long = by_whole(&payload);
        let is_wrong = matches!(
            long.report, Report::Dropped { fault: FrameFault::Malformed, .. }
        );
        let is_gbk = std::str::from_utf8(&payload).is_err();
        prop_assert!(is_wrong || is_gbk || short == long, "{short:?} {long:?}");
    }
}

#[test]
fn a_picture_costs_its_reading_nothing_whatever_is_in_it() {
    for inside in ["A", "\u{1}", "\\q", "\\u12", "\u{7ca4}", "/9j/"] {
        let picture = format!("{0}{1}{0}", "A".repeat(600), inside.repeat(5000));
        let event = decode(TOPIC, &with(&picture), false, now());
        assert!(
            matches!(event.report, Report::Read(read) if read.plate.is_some()),
            "{inside}"
        );
    }
    let largest = MESSAGE_BYTES_MAX - fixture("vz-mqtt/001-blue.json").len() - 100;
    let event = decode(TOPIC, &with(&"A".repeat(largest)), false, now());
    assert!(matches!(event.report, Report::Read(_)));
}

#[test]
fn what_stands_behind_a_picture_is_judged_as_ever() {
    let mut payload = with(&"A".repeat(50_000));
    let end = payload.iter().rposition(|byte| *byte == b'}');
    payload.truncate(end.unwrap());
    let report = decode(TOPIC, &payload, false, now()).report;
    assert_eq!(report, by_whole(&payload).report);
    assert!(matches!(report, Report::Dropped { .. }));
}

#[test]
fn what_is_no_picture_is_not_cut() {
    for message in [
        String::new(),
        "A".repeat(9000),
        format!("\"{}\"", "A".repeat(4095)),
        format!("\"{}\"", "A ".repeat(3000)),
        format!("\"a\":[{}1],\"b\":1", "1,".repeat(5000)),
        format!("\"a\"{}:1,\"b\":1", " ".repeat(5000)),
    ] {
        assert!(matches!(cut(message.as_bytes()), Cow::Borrowed(_)));
    }
}

/// The first fixture with a picture.
fn with(picture: &str) -> Vec<u8> {
    let text = String::from_utf8(fixture("vz-mqtt/001-blue.json")).unwrap();
    let field = format!("\"full_image_content\":\"{picture}\",\"gioouts\"");
    text.replace("\"gioouts\"", &field).into_bytes()
}

/// Places between two bytes where a picture might stand in a message: behind a quote.
fn is_gap(message: &[u8], at: usize) -> bool {
    at > 0 && message[at - 1] == b'"'
}

fn message() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        Just(fixture("vz-mqtt/001-blue.json")),
        Just(with("")),
        Just(with(&"QUJD".repeat(2000))),
        Just(fixture("vz-mqtt/035-numbers-as-strings.json")),
    ]
}

fn byte() -> impl Strategy<Value = u8> {
    prop_oneof![
        any::<u8>(),
        proptest::sample::select(b"\"\\{}[],:u \n\x01".to_vec())
    ]
}

fn by_short(payload: &[u8]) -> Option<CameraEvent> {
    let mut event = nothing();
    event.report = without_pictures(payload, KIND, &mut event)?;
    Some(event)
}

fn by_whole(payload: &[u8]) -> CameraEvent {
    let mut event = nothing();
    event.report = whole(payload, KIND, &mut event);
    event
}

fn nothing() -> CameraEvent {
    CameraEvent {
        camera_id: "3f1c20aa-7be09d41".into(),
        received: now(),
        sent_at: None,
        retained: false,
        report: Report::Ignored,
    }
}

fn now() -> crate::lane::time::Now {
    at(wall("2026-03-02T08:15:31+08:00"))
}
