mod audit;
mod foot;
mod keys;
mod page;
mod timeline;

use std::time::Duration;

use super::audit::Sums;
use super::duration;
use super::scene::{Plan, play};
use super::screen::{Screen, Stream};
use crate::sim::material;
use crate::sim::site::Pace;
use crate::sim::wechat::Plate;

const DEADLINE: Duration = Duration::from_secs(120);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn six_cars_come_and_every_fen_is_accounted_for() {
    let sums = sums_of(plan(6)).await;
    assert_eq!((sums.passages, sums.charged_fen), (6, 3_000));
    assert_eq!((sums.settled_fen, sums.queued), (3_000, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_provider_collects_for_its_sub_merchant() {
    let plan = Plan {
        wechat: material::partner_settings(1),
        partner: true,
        ..plan(3)
    };
    let sums = sums_of(plan).await;
    assert_eq!((sums.passages, sums.settled_fen), (3, 1_500));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn charges_of_an_outage_are_settled_after_it() {
    let plan = Plan {
        offline: Some((Duration::from_secs(1), Duration::from_secs(5))),
        ..plan(4)
    };
    let sums = sums_of(plan).await;
    assert_eq!((sums.passages, sums.settled_fen), (4, 2_000));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn drivers_whom_wechat_does_not_know_are_let_out_by_the_attendant() {
    let mut plan = plan(2);
    plan.wechat.default_plate = Plate::not_enrolled();
    plan.pace.patience = 1_000;
    let sums = sums_of(plan).await;
    assert_eq!((sums.passages, sums.charged_fen), (2, 1_000));
    assert_eq!((sums.handed_to_staff_fen, sums.settled_fen), (1_000, 0));
}

#[test]
fn durations_are_written_as_in_the_configuration() {
    assert_eq!(duration("30s"), Ok(Duration::from_secs(30)));
    assert_eq!(duration("1500ms"), Ok(Duration::from_millis(1500)));
    assert!(duration("30").unwrap_err().contains("30s"));
}

/// Plays without a screen; the account must be sound.
async fn sums_of(plan: Plan) -> Sums {
    let screen = Screen::open(Stream::Nowhere);
    let played = tokio::time::timeout(DEADLINE, play(plan, &screen, None));
    let audit = played.await.unwrap().unwrap().audit;
    assert_eq!(audit.faults, Vec::<String>::new());
    audit.sums
}

fn plan(cars: usize) -> Plan {
    Plan {
        cars: Some(cars),
        seed: 1,
        wechat: material::settings(1),
        partner: false,
        offline: None,
        keep: false,
        pace: Pace::brisk(),
    }
}
