//! A barrier on a relay board of the box's own, in a pseudo-terminal's place.

use std::fs;

use serde_json::Value;

use crate::bench::{Bench, Setup};
use crate::board::{Asked, Board};
use crate::wait::{seen, until};

const COIL: (u8, u16) = (1, 0);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_pulses_for_a_car_and_is_let_go_of_after_a_power_cut() {
    let bench = Bench::prepare(Setup::default()).await;
    let mut board = Board::at(&bench.path("usb-relays"), &[COIL]);
    give_the_entry_a_relay(&bench);
    let mut daemon = bench.daemon().await;
    ready(&bench).await;

    bench.entry().read("粤B40001").await;
    seen("the coil to go on", || board.is_on(COIL).then_some(())).await;
    seen("the coil to go off", || (!board.is_on(COIL)).then_some(())).await;
    assert_eq!((board.pulses(COIL), board.asked(Asked::WriteOn)), (1, 1));
    assert_eq!(bench.entry().pulses(), 0, "through the camera");
    bench.entry().cross().await;
    let status = bench.filed(1).await;
    assert_eq!(status["cars_inside"], 1, "{status}");
    assert_eq!(status["alarms"], serde_json::json!([]));

    bench.entry().read("粤B40002").await;
    seen("the coil to go on", || board.is_on(COIL).then_some(())).await;
    daemon.kill();
    assert!(board.is_on(COIL), "nobody is there to switch it off");
    daemon = bench.daemon().await;
    seen("the coil to go off", || (!board.is_on(COIL)).then_some(())).await;
    assert_eq!(board.pulses(COIL), 2);

    board.unplug();
    until("an alarm", async || {
        let status = bench.place.status().await?;
        let failed = alarms(&status).any(|kind| kind == "barrier_failed");
        (failed && status["barriers"][0]["health"] == "failed").then_some(())
    })
    .await;
    board.plug();
    let status = ready(&bench).await;
    assert!(
        alarms(&status).all(|kind| kind != "barrier_failed"),
        "{status}"
    );
    daemon.stop().await;
    assert!(!board.is_on(COIL));
}

/// Its pulse is long enough for a power cut.
fn give_the_entry_a_relay(bench: &Bench) {
    let text = fs::read_to_string(&bench.place.config).unwrap();
    let port = bench.path("usb-relays");
    let relay = format!(
        "{{ driver = \"modbus\", port = \"{}\", pulse = \"5s\" }}",
        port.display()
    );
    let text = text.replacen("{ driver = \"camera\" }", &relay, 1);
    fs::write(&bench.place.config, text).unwrap();
}

async fn ready(bench: &Bench) -> Value {
    let is_ready = |status: &Value| {
        let barrier = &status["barriers"][0];
        barrier["lane"] == "in-1" && barrier["driver"] == "modbus" && barrier["health"] == "ready"
    };
    bench
        .place
        .status_with("the relay to be ready", is_ready)
        .await
}

fn alarms(status: &Value) -> impl Iterator<Item = &Value> {
    let alarms = status["alarms"].as_array().into_iter().flatten();
    alarms.map(|alarm| &alarm["kind"])
}
