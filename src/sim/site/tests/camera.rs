use std::sync::Arc;
use std::time::Duration;

use super::Bench;
use crate::camera::Report;
use crate::camera::vz_mqtt::VzCommand;
use crate::clock::{Clock, TrustRule};
use crate::lane::time::Wall;
use crate::sim::site::barrier::Barrier;
use crate::sim::site::camera::{Camera, CameraError, Delivery, Settings};
use crate::sim::site::message::Trigger;
use crate::sim::site::{Pace, Traffic};

const SERIAL: &str = "265e1040-85e01fb7";

#[tokio::test]
async fn a_car_is_read_and_the_relay_raises_the_arm() {
    let bench = Bench::start().await;
    let (camera, barrier) = connect(bench.port(), bench.clock.clone()).await;
    let camera = camera.unwrap();
    let car = Traffic::new(1, &Pace::brisk()).next().unwrap();
    let mut pulses = barrier.pulses();

    let (_preview, read, sent) = tokio::join!(
        bench.next(|report| matches!(report, Report::Preview(_))),
        bench.next(|report| matches!(report, Report::Read(_))),
        camera.see(&car, Trigger::VirtualLoop),
    );
    let Report::Read(read) = read.report else {
        panic!("{read:?}");
    };
    assert_eq!(read.plate, Some(car.plate));

    let (reply, ()) = tokio::join!(
        bench.next(|report| matches!(report, Report::CommandReply { .. })),
        bench.raise(SERIAL),
    );
    let expected = Report::CommandReply {
        command_id: "c-1".into(),
        ok: true,
        code: 200,
    };
    assert_eq!(reply.report, expected);
    let pulse = *pulses.wait_for(|pulses| pulses.count == 1).await.unwrap();
    assert!(pulse.last >= sent.unwrap());
}

#[tokio::test]
async fn commands_of_newer_cameras_are_refused_as_older_ones_do() {
    let bench = Bench::start().await;
    let (camera, barrier) = connect(bench.port(), bench.clock.clone()).await;
    let _camera = camera.unwrap();
    let (reply, ()) = tokio::join!(
        bench.next(|report| matches!(report, Report::CommandReply { .. })),
        bench.send(SERIAL, &VzCommand::GateDirectOpen),
    );
    assert!(matches!(
        reply.report,
        Report::CommandReply {
            ok: false,
            code: 405,
            ..
        }
    ));
    assert_eq!(barrier.pulses().borrow().count, 0);
}

#[tokio::test]
async fn a_broker_that_is_not_there_is_named() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = closed.local_addr().unwrap().port();
    drop(closed);
    let (camera, _) = connect(port, Clock::system(TrustRule::Rtc, Wall(0))).await;
    let error = camera.err().unwrap();
    assert!(error.to_string().contains(&port.to_string()), "{error}");
}

async fn connect(port: u16, clock: Clock) -> (Result<Camera, CameraError>, Arc<Barrier>) {
    let barrier = Arc::new(Barrier::new(Duration::from_millis(10)));
    let settings = Settings {
        host: "127.0.0.1".into(),
        port,
        serial: SERIAL.into(),
        delivery: Delivery::AtMostOnce,
    };
    let camera = Camera::connect(settings, barrier.clone(), clock).await;
    (camera, barrier)
}
