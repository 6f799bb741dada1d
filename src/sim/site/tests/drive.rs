use tokio::sync::mpsc;
use tokio::time::timeout;

use super::{Bench, DEADLINE};
use crate::camera::Report;
use crate::lane::session::LaneId;
use crate::park::rules::Direction;
use crate::sim::site::{
    Car, Delivery, Happening, Pace, Place, Site, SiteError, SiteLane, SiteSettings, Traffic, What,
};

#[tokio::test]
async fn cars_come_and_go_where_every_reading_raises() {
    let bench = Bench::start().await;
    let pace = pace();
    let site = site(&bench, pace.clone()).await;
    raise_for_everybody(&bench);
    let (told, mut happenings) = mpsc::channel(256);
    let cars = Traffic::new(1, &pace).take(4);
    let report = timeout(DEADLINE, site.run(cars, Some(told))).await.unwrap();

    assert_eq!((report.passages(), report.not_raised()), (4, 0));
    assert_eq!((report.inside(), report.latencies_ms().len()), (0, 8));
    let mut passed = 0;
    while let Some(Happening { what, .. }) = happenings.recv().await {
        passed += usize::from(matches!(what, What::Passed(_)));
    }
    assert_eq!(passed, 8);
}

#[tokio::test]
async fn a_car_that_is_not_let_in_calls_and_gives_up() {
    let bench = Bench::start().await;
    let pace = Pace {
        look_again: 20,
        patience: 100,
        gives_up: 500,
        ..pace()
    };
    let site = site(&bench, pace.clone()).await;
    let (told, mut happenings) = mpsc::channel(256);
    let cars = Traffic::new(1, &pace).take(1);
    let report = timeout(DEADLINE, site.run(cars, Some(told))).await.unwrap();

    assert_eq!((report.passages(), report.not_raised()), (0, 1));
    let mut heard = Vec::new();
    while let Some(Happening { what, .. }) = happenings.recv().await {
        heard.push(what);
    }
    assert!(
        matches!(
            heard[..],
            [What::Arrived, What::CallsAttendant { .. }, What::GaveUp]
        ),
        "{heard:?}"
    );
}

#[tokio::test]
async fn a_car_stays_until_it_is_called_out_while_others_are_kept_away() {
    let bench = Bench::start().await;
    let site = site(&bench, pace()).await;
    raise_for_everybody(&bench);
    site.pause(true);
    let mut cars = Traffic::new(1, &pace());
    let car = Car {
        stay_ms: None,
        ..cars.next().unwrap()
    };
    let plate = car.plate.clone();
    let (told, mut happenings) = mpsc::channel(256);
    let driven = site.visit(car.clone(), Some(told)).unwrap();
    assert_eq!(site.place(&plate), Place::ComingIn);
    assert!(site.visit(car, None).is_none());
    assert!(!site.call_out(&plate));

    let called = async {
        let mut passed = 0;
        while let Some(Happening { what, .. }) = happenings.recv().await {
            if what == What::Passed(Direction::Entry) {
                assert_eq!(site.standing(), std::slice::from_ref(&plate));
                assert!(site.call_out(&plate));
                assert_eq!(site.place(&plate), Place::GoingOut);
                assert!(site.standing().is_empty() && !site.call_out(&plate));
            }
            if what == What::Passed(Direction::Exit) {
                assert_eq!(site.place(&plate), Place::Outside);
            }
            passed += usize::from(matches!(what, What::Passed(_)));
        }
        assert_eq!((passed, site.place(&plate)), (2, Place::Outside));
        assert!(site.is_paused());
        assert_eq!(site.report().visits.len(), 1);
        site.pause(false);
    };
    let others = site.run(cars.take(1), None);
    let (report, (), ()) = timeout(DEADLINE, async { tokio::join!(others, driven, called) })
        .await
        .unwrap();
    assert_eq!((report.passages(), report.not_raised()), (2, 0));
}

#[tokio::test]
async fn a_car_park_has_a_way_in_and_a_way_out() {
    let bench = Bench::start().await;
    let settings = SiteSettings {
        lanes: vec![lane("in-1", Direction::Entry)],
        ..settings(&bench, pace())
    };
    let error = Site::connect(settings, bench.clock.clone()).await.err();
    assert!(matches!(error, Some(SiteError::OneWay)));
}

fn raise_for_everybody(bench: &Bench) {
    let raiser = bench.clone();
    tokio::spawn(async move {
        loop {
            let read = raiser
                .next(|report| matches!(report, Report::Read(_)))
                .await;
            raiser.raise(&read.camera_id).await;
        }
    });
}

/// Stays that cost nothing would do here.
fn pace() -> Pace {
    Pace {
        stay: (10, 50),
        ..Pace::brisk()
    }
}

async fn site(bench: &Bench, pace: Pace) -> Site {
    Site::connect(settings(bench, pace), bench.clock.clone())
        .await
        .unwrap()
}

fn settings(bench: &Bench, pace: Pace) -> SiteSettings {
    SiteSettings {
        host: "127.0.0.1".into(),
        port: bench.port(),
        lanes: vec![
            lane("in-1", Direction::Entry),
            lane("out-1", Direction::Exit),
        ],
        delivery: Delivery::AtLeastOnce,
        pace,
    }
}

fn lane(id: &str, direction: Direction) -> SiteLane {
    SiteLane {
        id: LaneId(id.into()),
        serial: format!("00000000-{id}"),
        direction,
    }
}
