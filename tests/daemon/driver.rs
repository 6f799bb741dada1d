//! A driver in front of a barrier, who calls the attendant after a while.

use std::time::Duration;

use serde_json::Value;

use crate::bench::Bench;
use crate::camera::Camera;
use crate::wait::soon;

/// A driver who waited so long calls the attendant.
const PATIENCE: Duration = Duration::from_secs(5);

/// Drives up, waits, and passes. Returns how often the attendant was called.
pub async fn drive(camera: &Camera, plate: &str, bench: &Bench) -> usize {
    let mut car = camera.drive_up(plate).await;
    let raised = async {
        let mut calls = 0;
        while car.raised_within(PATIENCE).await.is_none() {
            if is_held(camera.lane(), bench).await {
                calls += 1;
                let lane = camera.lane();
                let arguments = ["lane", "raise", lane, "--by", "Wang", "--reason", "waits"];
                // While the box is without power nobody can; the driver calls again.
                let _ = bench.place.ask(&arguments).await;
            }
        }
        calls
    };
    let calls = soon("a barrier to rise", raised).await;
    car.pass().await;
    calls
}

/// Whether the box waits for a person too. An attendant who raised without looking would raise for
/// the next car.
async fn is_held(lane: &str, bench: &Bench) -> bool {
    let output = bench.place.ask(&["review", "list", "--json"]).await;
    let review: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let mut held = review["held"].as_array().into_iter().flatten();
    held.any(|hold| hold["lane"] == lane)
}
