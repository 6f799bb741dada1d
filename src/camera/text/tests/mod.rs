mod reading;
mod stream;

use super::*;
use crate::lane::reading::PlateRead;
use crate::lane::time::{BootId, Moment, Wall};

/// 2026-03-02T08:30:00+08:00.
const NOW: Wall = Wall(1_772_411_400_000);

/// One camera that owns its line.
fn alone(pattern: Option<&str>) -> Text {
    on_line(pattern, &[("camera", None)])
}

fn on_line(pattern: Option<&str>, cameras: &[(&str, Option<&str>)]) -> Text {
    let camera = |(id, address): &(&str, Option<&str>)| Camera {
        id: (*id).to_owned(),
        address: address.map(str::to_owned),
        query: None,
    };
    Text::new(Settings {
        pattern: pattern.map(|pattern| Pattern::new(pattern).unwrap()),
        confidence_max: 100,
        cameras: cameras.iter().map(camera).collect(),
    })
}

fn now() -> Now {
    Now {
        moment: Moment(1_000),
        wall: NOW,
        trusted: true,
        boot: BootId(1),
    }
}

fn sentence(body: &str) -> Vec<u8> {
    sentence::compose(body.as_bytes())
}

fn gbk(text: &str) -> Vec<u8> {
    let (bytes, _, lossy) = encoding_rs::GB18030.encode(text);
    assert!(!lossy);
    bytes.into_owned()
}

fn reads(frames: &[Frame]) -> Vec<&PlateRead> {
    frames
        .iter()
        .filter_map(|frame| match frame {
            Frame::Good(event) => match &event.report {
                Report::Read(read) => Some(read),
                _ => None,
            },
            _ => None,
        })
        .collect()
}

/// The only reading of a line.
fn read(text: &mut Text, line: &[u8]) -> PlateRead {
    let frames = text.take(line, now());
    let reads = reads(&frames);
    assert_eq!(reads.len(), 1, "{frames:?}");
    reads[0].clone()
}

/// The only fault of a line that says nothing else.
fn fault(text: &mut Text, line: &[u8]) -> FrameFault {
    match text.take(line, now())[..] {
        [Frame::Bad(fault)] => fault,
        ref other => panic!("{other:?}"),
    }
}
