//! A port and its owner, over a pseudo-terminal.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};

use super::terminal::Terminal;
use crate::camera::Report;
use crate::camera::serial::{Port, PortEvent, Settings, Statistics, spawn};
use crate::camera::text::{self, Ask, Text};
use crate::clock::{Clock, TrustRule};
use crate::lane::time::Wall;
use crate::serial::{OpenFault, Parity, PortSettings};

const AT_MOST: Duration = Duration::from_secs(30);
const READING: &[u8] = "$PGR,1,17,0,粤B6K7H2,blue,97*100E\r\n".as_bytes();

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reading_comes_through_pieces_and_noise() {
    let mut line = Line::new();
    let mut device = line.plug();
    line.open(None);
    line.up().await;
    device.say(b"\x00\xff\xff$PGR,1,");
    let (first, second) = READING.split_at(9);
    device.say(first);
    line.statistics_with(|seen| seen.received_bytes == 19).await;
    device.say(second);
    assert_eq!(line.plate().await, "粤B6K7H2");
    device.say(b"$PGR,1,17,0,A,blue,97*0000\r\n");
    device.say(&[READING, READING].concat());
    line.plate().await;
    line.plate().await;
    let seen = line.statistics();
    assert!(seen.open);
    assert_eq!((seen.frames, seen.bad_checksums, seen.resyncs), (3, 1, 1));
    assert_eq!((seen.reopens, seen.sent_bytes, seen.bad_frames), (0, 0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_port_that_is_unplugged_is_opened_again_by_its_name() {
    let mut line = Line::new();
    line.open(None);
    assert!(line.down().await.contains("is not there"));
    for time in 0..3 {
        let mut device = line.plug();
        line.up().await;
        device.say(READING);
        assert_eq!(line.plate().await, "粤B6K7H2");
        assert_eq!(line.statistics().reopens, time);
        // Half a frame dies with the port.
        device.say(b"$PGR,1");
        let received = (time + 1) * (READING.len() as u64 + 6);
        line.statistics_with(|seen| seen.received_bytes == received)
            .await;
        drop(device);
        assert!(line.down().await.contains("was lost"));
        assert!(!line.statistics().open);
    }
    let seen = line.statistics();
    assert_eq!((seen.frames, seen.bad_checksums), (3, 0));
}

/// What was said before anybody listened may be of yesterday.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_lay_in_the_buffers_is_not_read() {
    let mut line = Line::new();
    let mut device = line.plug();
    let before = line.settings().port.open().unwrap();
    device.say(READING);
    drop(before);
    line.open(None);
    line.up().await;
    device.say(&[READING, b"$PGH,1*BAAD\r\n"].concat());
    line.plate().await;
    line.statistics_with(|seen| seen.frames == 2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_camera_is_asked_and_our_own_words_are_not_taken_for_its() {
    let mut line = Line::new();
    let mut device = line.plug();
    line.open(Some(100));
    line.up().await;
    let deadline = Instant::now() + AT_MOST;
    let mut asked = Vec::new();
    while asked.len() < 3 {
        assert!(Instant::now() < deadline);
        let heard = device.heard();
        if !heard.is_empty() {
            // Two wires: what the box says comes back before the answer.
            device.say(&heard);
            device.say(READING);
            line.plate().await;
            asked.push(heard);
        }
        sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(asked[0], b"$PGQ,1*7D7C\r\n");
    let seen = line.statistics();
    assert_eq!(seen.frames, 3);
    assert_eq!(seen.echo_bytes, 3 * 13);
    assert_eq!(
        (seen.bad_checksums, seen.bad_frames, seen.resyncs),
        (0, 0, 0)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frame_that_stands_still_does_not_swallow_the_next() {
    let mut line = Line::new();
    let mut device = line.plug();
    line.open(None);
    line.up().await;
    device.say(&READING[..20]);
    line.statistics_with(|seen| seen.resyncs == 1).await;
    device.say(READING);
    line.plate().await;
    let seen = line.statistics();
    assert_eq!((seen.frames, seen.resyncs, seen.bad_checksums), (1, 1, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_port_has_one_user() {
    let mut line = Line::new();
    let _device = line.plug();
    line.open(None);
    line.up().await;
    assert_eq!(
        line.settings().port.open().unwrap_err(),
        OpenFault::InUse(line.path())
    );
    line.port.take().unwrap().close().await;
    line.settings().port.open().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_no_port_is_told_and_tried_again() {
    let mut line = Line::new();
    std::fs::write(line.path(), "no port").unwrap();
    line.open(None);
    assert!(
        line.down()
            .await
            .contains("cannot be opened as a serial port")
    );
    std::fs::remove_file(line.path()).unwrap();
    let _device = line.plug();
    line.up().await;
}

/// A pseudo-terminal knows nothing of RS485, as most adapters.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kernel_that_cannot_drive_the_direction_does_not_matter() {
    let mut line = Line::new();
    line.rs485 = true;
    let mut device = line.plug();
    line.open(None);
    line.up().await;
    device.say(READING);
    line.plate().await;
}

struct Line {
    folder: tempfile::TempDir,
    rs485: bool,
    port: Option<Port>,
    sink: mpsc::Sender<PortEvent>,
    events: mpsc::Receiver<PortEvent>,
}

impl Line {
    fn new() -> Self {
        let (sink, events) = mpsc::channel(100);
        Self {
            folder: tempfile::tempdir().unwrap(),
            rs485: false,
            port: None,
            sink,
            events,
        }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("usb-camera")
    }

    fn settings(&self) -> Settings {
        settings(&self.path(), self.rs485)
    }

    fn plug(&self) -> Terminal {
        Terminal::plug(&self.path())
    }

    fn open(&mut self, query_every_ms: Option<u64>) {
        let camera = text::Camera {
            id: "camera".to_owned(),
            address: Some("1".to_owned()),
            query: query_every_ms.map(|every_ms| Ask {
                text: None,
                every_ms,
            }),
        };
        let dialect = Text::new(text::Settings {
            pattern: None,
            confidence_max: 100,
            cameras: vec![camera],
        });
        let clock = Clock::system(TrustRule::Rtc, Wall(0));
        let sink = self.sink.clone();
        let tell = move |event| sink.try_send(event).unwrap();
        self.port = Some(spawn(self.settings(), Box::new(dialect), clock, tell));
    }

    async fn next(&mut self) -> PortEvent {
        let event = timeout(AT_MOST, self.events.recv()).await;
        event.expect("the port says something in time").unwrap()
    }

    async fn up(&mut self) {
        loop {
            match self.next().await {
                PortEvent::Up => return,
                PortEvent::Down { .. } => {}
                event => panic!("{event:?}"),
            }
        }
    }

    async fn down(&mut self) -> String {
        match self.next().await {
            PortEvent::Down { reason } => reason,
            event => panic!("{event:?}"),
        }
    }

    async fn plate(&mut self) -> String {
        let event = self.next().await;
        let PortEvent::Camera(event) = event else {
            panic!("{event:?}")
        };
        let Report::Read(read) = event.report else {
            panic!("{event:?}")
        };
        read.plate.unwrap().as_str().to_owned()
    }

    fn statistics(&self) -> Statistics {
        self.port.as_ref().unwrap().statistics()
    }

    async fn statistics_with(&self, fits: impl Fn(&Statistics) -> bool) {
        let deadline = Instant::now() + AT_MOST;
        while !fits(&self.statistics()) {
            assert!(Instant::now() < deadline, "{:?}", self.statistics());
            sleep(Duration::from_millis(5)).await;
        }
    }
}

fn settings(path: &Path, rs485: bool) -> Settings {
    Settings {
        port: PortSettings {
            path: path.to_owned(),
            baud: 9600,
            parity: Parity::None,
            stop_bits: 1,
        },
        rs485,
    }
}
