//! A camera that says its readings as text over a serial line, and what is written down of a line.

use std::fs;

use parkgate::park::record::{LaneRecord, Record};
use serde_json::Value;

use crate::accounts::records;
use crate::bench::{Bench, Setup};
use crate::board::Board;
use crate::daemon::run;
use crate::terminal::Terminal;
use crate::wait::{seen, soon, until};

const COIL: (u8, u16) = (1, 0);
const FIRST: &str = "$PGR,1,17,0,粤B6K7H2,blue,97*100E\r\n";
const SECOND: &str = "$PGR,1,18,0,粤BD12345,green,92,*B979\r\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_car_that_a_serial_camera_reads_is_let_in_and_on_disk() {
    let bench = Bench::prepare(Setup::default()).await;
    let port = bench.path("usb-camera");
    let board = Board::at(&bench.path("usb-relays"), &[COIL]);
    give_the_entry_a_serial_camera(&bench);
    let daemon = bench.daemon().await;
    let ready = |status: &Value| status["barriers"][0]["health"] == "ready";
    bench.place.status_with("the relay", ready).await;
    let missing = alarm(&bench, "the missing port", "is not there").await;
    assert_eq!(missing["kind"], "link_down", "{missing}");

    let mut device = Terminal::plug(&port);
    device_with(&bench, "the open port", |serial| serial["open"] == true).await;
    device.say(b"\x00\xff$PGR,1,17,0,\xff\r\n");
    let (head, tail) = FIRST.split_at(21);
    device.say(head.as_bytes());
    device.say(tail.as_bytes());
    inside(&bench, 1).await;
    seen("a pulse", || (board.pulses(COIL) == 1).then_some(())).await;
    // A raise within a pulse would be the same pulse.
    seen("the pulse's end", || (!board.is_on(COIL)).then_some(())).await;
    let mut asked = Vec::new();
    until("a question", async || {
        asked.extend(device.heard());
        asked.starts_with(b"$PGQ,*").then_some(())
    })
    .await;

    drop(device);
    alarm(&bench, "the lost port", "usb-camera").await;
    let mut device = Terminal::plug(&port);
    device_with(&bench, "the port again", |serial| serial["reopens"] == 1).await;
    device.say(SECOND.as_bytes());
    let status = inside(&bench, 2).await;
    seen("a pulse", || (board.pulses(COIL) == 2).then_some(())).await;
    let serial = &status["devices"][0]["serial"];
    assert_eq!(status["devices"][0]["lanes"], serde_json::json!(["in-1"]));
    assert_eq!(
        (&serial["frames"], &serial["bad_checksums"]),
        (&2.into(), &1.into())
    );
    assert!(
        !status["alarms"].to_string().contains("link_down"),
        "{status}"
    );
    let shown = bench.place.ask(&["status"]).await;
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(shown.contains("usb-camera (in-1) open"), "{shown}");
    let devices = bench.place.ask(&["devices"]).await;
    let devices = String::from_utf8(devices.stdout).unwrap();
    assert!(devices.contains("2 frames, 1 bad checksums"), "{devices}");

    daemon.stop().await;
    let opened: Vec<String> = records(&bench)
        .into_iter()
        .filter_map(|record| match record {
            Record::Lane(LaneRecord::SessionOpened { session }) => {
                Some(session.plate.as_str().to_owned())
            }
            _ => None,
        })
        .collect();
    assert_eq!(opened, ["粤B6K7H2", "粤BD12345"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_line_says_is_written_down_and_nothing_is_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let (port, file) = (folder.path().join("usb-camera"), folder.path().join("said"));
    let (port_name, file_name) = (port.to_str().unwrap(), file.to_str().unwrap());
    let arguments = [
        "capture", "--port", port_name, "--for", "1m", "--output", file_name,
    ];
    let refused = run(owned(&arguments)).await;
    assert_eq!(refused.status.code(), Some(69), "{refused:?}");
    assert!(!file.exists(), "nothing is left behind");

    let mut device = Terminal::plug(&port);
    let capture = tokio::spawn(run(owned(&[
        "capture", "--port", port_name, "--for", "2s", "--output", file_name,
    ])));
    // What is said before the port is open is not heard.
    until("the capture to write", async || {
        device.say(FIRST.as_bytes());
        let said = std::fs::read_to_string(&file).unwrap_or_default();
        said.contains("|$PGR,1,17,0,粤B6K7H2,blue,97*100E\\r\\n|")
            .then_some(())
    })
    .await;
    let output = soon("the capture to end", capture).await.unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(
        std::fs::read_to_string(&file)
            .unwrap()
            .contains("24 50 47 52 2C 31")
    );

    let again = run(owned(&arguments)).await;
    assert_eq!(again.status.code(), Some(73), "{again:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_camera_publishes_is_written_down_beside_the_daemon() {
    let (bench, daemon) = Bench::start(Setup::default()).await;
    let config = bench.place.config.to_str().unwrap().to_owned();
    let file = bench.path("said");
    let capture = tokio::spawn(run(owned(&[
        "capture",
        "in-1",
        "--config",
        &config,
        "--for",
        "3s",
        "--output",
        file.to_str().unwrap(),
    ])));
    until("the capture to write", async || {
        bench.entry().read("粤B80001").await;
        let said = std::fs::read_to_string(&file).unwrap_or_default();
        said.contains("device/camera-in-1/message/up/ivs_result")
            .then_some(())
    })
    .await;
    let output = soon("the capture to end", capture).await.unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(
        !bench
            .place
            .log()
            .contains("no connection to the cameras' broker")
    );

    let nobody = run(owned(&["capture", "in-9", "--config", &config])).await;
    assert_eq!(nobody.status.code(), Some(64), "{nobody:?}");
    daemon.stop().await;
}

/// The entry gets a serial camera and a relay of the box's own, since such a camera has none.
fn give_the_entry_a_serial_camera(bench: &Bench) {
    let text = fs::read_to_string(&bench.place.config).unwrap();
    let (camera, relays) = (bench.path("usb-camera"), bench.path("usb-relays"));
    let on_line = format!(
        "camera = {{ dialect = \"text\", port = \"{}\", query_every = \"200ms\" }}\n\
         barrier = {{ driver = \"modbus\", port = \"{}\", pulse = \"500ms\" }}\n",
        camera.display(),
        relays.display(),
    );
    let (before, lanes) = text.split_once("camera = {").unwrap();
    let (_, exit) = lanes.split_once("[[lane]]").unwrap();
    let text = [before, &on_line, "[[lane]]", exit].concat();
    fs::write(&bench.place.config, text).unwrap();
}

async fn inside(bench: &Bench, cars: u64) -> Value {
    let fits = |status: &Value| status["cars_inside"] == cars;
    bench.place.status_with("the car inside", fits).await
}

async fn device_with(bench: &Bench, what: &str, fits: impl Fn(&Value) -> bool) {
    let fits = |status: &Value| fits(&status["devices"][0]["serial"]);
    bench.place.status_with(what, fits).await;
}

async fn alarm(bench: &Bench, what: &str, says: &str) -> Value {
    let find = |status: &Value| {
        let alarms = status["alarms"].as_array()?.iter();
        let mut of_text = alarms.filter(|alarm| alarm["text"].to_string().contains(says));
        of_text.next().cloned()
    };
    let fits = |status: &Value| find(status).is_some();
    let status = bench.place.status_with(what, fits).await;
    find(&status).unwrap()
}

fn owned(arguments: &[&str]) -> Vec<String> {
    arguments.iter().map(|text| (*text).to_owned()).collect()
}
