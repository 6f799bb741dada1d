//! How a gate ends. What it does meanwhile is tested in `park/` and on the daemon.

use std::time::Duration;

use tokio::time::timeout;

use super::{Ended, Gate, Observer, Parts};
use crate::config::Config;
use crate::health::systemd::Notifier;
use crate::lane::tariff::Tariff;

const AT_MOST: Duration = Duration::from_secs(30);

#[tokio::test]
async fn a_gate_that_is_told_to_stop_stops() {
    let folder = tempfile::tempdir().unwrap();
    let gate = gate(&folder, None).await;
    let ended = timeout(AT_MOST, gate.stop()).await;
    assert_eq!(ended.unwrap(), Ended::Stopped);
    // Nothing of it is left that would be in the way of the next.
    let again = self::gate(&folder, None).await;
    assert_eq!(again.stop().await, Ended::Stopped);
}

#[tokio::test]
async fn a_loop_that_panics_is_noticed_and_told() {
    let folder = tempfile::tempdir().unwrap();
    let mut gate = gate(&folder, Some(Box::new(|_| panic!("in the loop")))).await;
    timeout(AT_MOST, gate.ended()).await.unwrap();
    let ended = timeout(AT_MOST, gate.stop()).await;
    assert_eq!(ended.unwrap(), Ended::Broken);
}

#[tokio::test]
async fn a_gate_that_is_dropped_lets_go_of_its_store() {
    let folder = tempfile::tempdir().unwrap();
    drop(gate(&folder, None).await);
    let again = timeout(AT_MOST, async {
        loop {
            match Gate::start(parts(&folder, None)).await {
                Ok(gate) => break gate,
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    });
    assert_eq!(again.await.unwrap().stop().await, Ended::Stopped);
}

async fn gate(folder: &tempfile::TempDir, observer: Option<Observer>) -> Gate {
    Gate::start(parts(folder, observer)).await.unwrap()
}

/// The configuration that boxes begin with, without a broker.
fn parts(folder: &tempfile::TempDir, observer: Option<Observer>) -> Parts {
    let text = include_str!("../../firmware-config/parkgate.toml");
    let mut config = Config::parse(text, "parkgate.toml").unwrap();
    config.store.path = folder.path().join("store");
    config.control.socket = folder.path().join("parkgate.sock");
    // Nobody listens there.
    config.mqtt.broker.port = 1;
    let tariff = include_str!("../../firmware-config/tariff.toml");
    Parts {
        config,
        tariff: Tariff::from_toml(tariff, "tariff.toml").unwrap(),
        observer,
        notifier: Notifier::default(),
    }
}
