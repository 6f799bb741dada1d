//! What lines say.

use super::*;
use crate::lane::plate::PlateColor;
use crate::lane::reading::{ReadFault, ReadWarning};

#[test]
fn a_sentence_is_a_reading() {
    let line = sentence("PGR,1,17,0,粤B6K7H2,blue,97.5,2026-03-02T08:29:58");
    let read = read(&mut alone(None), &line);
    assert_eq!(read.plate.unwrap().as_str(), "粤B6K7H2");
    assert_eq!(read.color, Some(PlateColor::Blue));
    assert_eq!(read.confidence_permille, Some(975));
    assert_eq!(read.record_id.as_deref(), Some("17"));
    assert_eq!(read.captured_at, Some(NOW.plus_ms(-2_000)));
    assert_eq!(read.sent_at, None, "its age is not the camera's to tell");
    assert!(!read.replay);
    assert_eq!((read.fault, read.warnings), (None, vec![]));
}

/// The bytes are those of docs/devices.md, from which makers of boards test theirs.
#[test]
fn the_sentences_in_the_documentation_are_true() {
    let page = include_str!("../../../../docs/devices.md");
    let sentences: Vec<&str> = page
        .lines()
        .filter(|line| line.starts_with("$PG"))
        .collect();
    assert!(sentences.len() >= 4, "{sentences:?}");
    for line in sentences {
        let bytes = format!("{line}\r\n").into_bytes();
        let body = line.trim_start_matches('$').rsplit_once('*').unwrap().0;
        assert_eq!(bytes, sentence(body), "{line}");
        let frames = on_line(None, &[("camera", Some("1"))]).take(&bytes, now());
        let is_good = matches!(frames[..], [Frame::Good(_)]);
        assert_eq!(is_good, !line.starts_with("$PGQ"), "{line}");
    }
}

#[test]
fn what_a_sentence_leaves_out_is_not_known() {
    let read = read(&mut alone(None), &sentence("PGR,,,,粤B6K7H2"));
    assert_eq!(read.plate.unwrap().as_str(), "粤B6K7H2");
    assert_eq!((read.color, read.confidence_permille), (None, None));
    assert_eq!(read.captured_at, Some(NOW));
    assert_eq!(read.warnings, [ReadWarning::NoDeviceTime]);
}

#[test]
fn a_sentence_is_read_in_both_encodings() {
    let mut body = b"PGR,1,2,0,".to_vec();
    body.extend(gbk("鲁B12345"));
    body.push(b',');
    body.extend(gbk("黄牌"));
    let read = read(&mut alone(None), &sentence::compose(&body));
    assert_eq!(read.plate.unwrap().as_str(), "鲁B12345");
    assert_eq!(read.color, Some(PlateColor::Yellow));
    assert!(read.warnings.contains(&ReadWarning::GbkFallback));
}

#[test]
fn an_old_reading_opens_nothing() {
    let read = read(&mut alone(None), &sentence("PGR,1,17,90,粤B6K7H2,blue,97"));
    assert!(read.replay);
    assert_eq!(read.captured_at, Some(NOW.plus_ms(-90_000)));
}

#[test]
fn bad_fields_spoil_a_sentence_and_are_named() {
    let mut text = alone(None);
    for (body, field) in [
        ("PGR,1,17,0,粤B6K7H2,blue,101", "confidence"),
        ("PGR,1,17,0,粤B6K7H2,blue,-1", "confidence"),
        ("PGR,1,17,0,粤B6K7H2,blue,high", "confidence"),
        (
            "PGR,1,17,0,粤B6K7H2,blue,99999999999999999999",
            "confidence",
        ),
        ("PGR,1,x,0,粤B6K7H2,blue,97", "number"),
        ("PGR,1,17,-5,粤B6K7H2,blue,97", "age"),
        ("PGR,一,17,0,粤B6K7H2,blue,97", "address"),
    ] {
        assert_eq!(fault(&mut text, &sentence(body)), FrameFault::Field(field));
    }
    for line in [
        &b"$PGR,1,17,0,A,blue,97*0000\r\n"[..],
        b"$PGR,1,17,0,A,blue,97\r\n",
        b"$PGR,1,17,0,A,blue,97*12\r\n",
        b"$*+123\r\n",
        b"$\r\n",
    ] {
        assert_eq!(fault(&mut text, line), FrameFault::Checksum);
    }
}

#[test]
fn a_plate_that_cannot_be_read_is_a_car_that_waits_for_a_person() {
    let mut text = alone(None);
    for (plate, fault) in [
        ("", ReadFault::Unreadable),
        ("无牌车", ReadFault::Unlicensed),
        ("B6K7", ReadFault::InvalidPlate),
    ] {
        let line = sentence(&format!("PGR,1,1,0,{plate},blue,97"));
        let read = read(&mut text, &line);
        assert_eq!((read.plate, read.fault), (None, Some(fault)));
    }
}

#[test]
fn a_sign_of_life_and_a_sentence_of_a_later_version_do_no_harm() {
    let mut text = alone(None);
    let frames = text.take(&sentence("PGH,1"), now());
    let [Frame::Good(event)] = &frames[..] else {
        panic!("{frames:?}")
    };
    assert_eq!(event.report, Report::Heartbeat);
    assert_eq!(text.take(&sentence("PGX,1,2,3"), now()), []);
    assert_eq!(text.take(&sentence("PGQ,1"), now()), []);
}

#[test]
fn cameras_on_one_line_are_told_apart() {
    let mut text = on_line(None, &[("a", Some("1")), ("b", Some("2"))]);
    let lines = [sentence("PGR,2,1,0,粤B6K7H2"), sentence("PGH,1")].concat();
    let frames = text.take(&lines, now());
    let ids: Vec<&str> = frames
        .iter()
        .map(|frame| match frame {
            Frame::Good(event) => event.camera_id.as_str(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(ids, ["b", "a"]);
    for stranger in ["PGR,3,1,0,粤B6K7H2", "PGR,,1,0,粤B6K7H2"] {
        let fault = fault(&mut text, &sentence(stranger));
        assert_eq!(fault, FrameFault::Stranger);
    }
}

const PATTERN: &str =
    r"^(?<lane>\d+);(?<plate>[^;]*);(?<color>[^;]*);(?<confidence>[^;]*);(?<time>[^;]*)$";

#[test]
fn a_pattern_takes_any_other_line_apart() {
    let mut text = on_line(Some(PATTERN), &[("camera", Some("4"))]);
    let line = "4;粤BD12345;绿色;98;2026/03/02 08:29:59\r\n";
    for bytes in [line.as_bytes().to_vec(), gbk(line)] {
        let read = read(&mut text, &bytes);
        assert_eq!(read.plate.unwrap().as_str(), "粤BD12345");
        assert_eq!(read.color, Some(PlateColor::Green));
        assert_eq!(read.confidence_permille, Some(980));
        assert_eq!(read.captured_at, Some(NOW.plus_ms(-1_000)));
    }
}

#[test]
fn a_line_that_does_not_match_is_nobodys_reading() {
    let mut text = alone(Some(PATTERN));
    assert_eq!(fault(&mut text, b"hello\r\n"), FrameFault::NoMatch);
    assert_eq!(fault(&mut text, b"a\xff\xffb\r\n"), FrameFault::Encoding);
    let confident = "4;粤BD12345;绿;100.1;\n".as_bytes();
    assert_eq!(fault(&mut text, confident), FrameFault::Field("confidence"));
    let unread = read(&mut text, b"4;;;;\n");
    assert_eq!(
        (unread.plate, unread.fault),
        (None, Some(ReadFault::Unreadable))
    );
}

#[test]
fn anchors_hold_whatever_stands_before_them() {
    let mut text = alone(Some("^(?<plate>.{7})$"));
    assert_eq!(
        fault(&mut text, "DEL 粤B6K7H2\r\n".as_bytes()),
        FrameFault::NoMatch
    );
    let bytes = [b"DEL \xff", "粤B6K7H2\r\n".as_bytes()].concat();
    assert_eq!(fault(&mut text, &bytes), FrameFault::Encoding);
}

#[test]
fn every_province_matches_in_both_encodings() {
    let mut text = alone(Some("^PLATE=(?<plate>[^,]+),"));
    for province in "京津冀晋蒙辽吉黑沪苏浙皖闽赣鲁豫鄂湘粤桂琼渝川贵云藏陕甘青宁新".chars()
    {
        let line = format!("PLATE={province}B6K7H2,\r\n");
        for bytes in [line.as_bytes().to_vec(), gbk(&line)] {
            let plate = read(&mut text, &bytes).plate.unwrap();
            assert_eq!(plate.as_str(), format!("{province}B6K7H2"));
        }
    }
}

#[test]
fn confidence_is_counted_in_the_camera_s_own_scale() {
    for (max, written, permille) in [
        (100, "97", 970),
        (100, "0", 0),
        (100, "97.56 %", 975),
        (1, "0.875", 875),
        (1, "1.0", 1000),
        (255, "255", 1000),
        (255, "128", 501),
    ] {
        let mut text = alone(None);
        text.settings.confidence_max = max;
        let line = sentence(&format!("PGR,1,1,0,粤B6K7H2,,{written}"));
        let read = read(&mut text, &line);
        assert_eq!(
            read.confidence_permille,
            Some(permille),
            "{written} of {max}"
        );
    }
}

#[test]
fn times_are_read_as_devices_write_them() {
    for (written, known) in [
        ("2026-03-02T08:29:58+08:00", true),
        ("2026-03-02 08:29:58", true),
        ("20260302082958", true),
        ("1772411398", true),
        ("1772411398000", true),
        ("08:29", false),
        ("2026-13-02 08:29:58", false),
        ("yesterday", false),
    ] {
        let line = sentence(&format!("PGR,1,1,0,粤B6K7H2,,,{written}"));
        let read = read(&mut alone(None), &line);
        let ms = if known { -2_000 } else { 0 };
        assert_eq!(read.captured_at, Some(NOW.plus_ms(ms)), "{written}");
        assert_eq!(read.warnings.is_empty(), known, "{written}");
    }
}

#[test]
fn patterns_that_cannot_work_say_why() {
    let said = |pattern: &str| Pattern::new(pattern).unwrap_err().to_string();
    assert!(said("(?<plate>").starts_with("no regular expression ("));
    assert!(said("(.*)").starts_with("names no plate"));
    assert!(said("(?<plate>.)(?<colour>.)").contains("\"colour\""));
    assert!(said("(?<plate>((.{200}){200}){200})").starts_with("no regular expression ("));
    assert!(said(&"x".repeat(600)).starts_with("longer than 512 bytes"));
}
