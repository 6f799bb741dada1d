//! A virtual arm: a pulse raises it, a car passes under it, it falls by itself.

use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::lane::time::Moment;

/// Where the arm is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    Down,
    Rising,
    Up,
    Falling,
}

/// The pulses so far and when the last one came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pulses {
    pub count: u64,
    pub last: Moment,
}

/// An arm, its relay input, and the loop under it.
pub struct Barrier {
    pulses: watch::Sender<Pulses>,
    occupied: watch::Sender<bool>,
    position: watch::Receiver<Position>,
    arm: JoinHandle<()>,
}

/// An arm that nobody drives under falls after it has been up for so many times its travel.
const TRAVELS_UP_MAX: u32 = 10;

impl Barrier {
    /// An arm that is down and takes `travel` each way.
    pub fn new(travel: Duration) -> Self {
        let pulses = watch::Sender::new(Pulses::default());
        let occupied = watch::Sender::new(false);
        let (told, position) = watch::channel(Position::Down);
        let arm = tokio::spawn(move_arm(
            travel,
            pulses.subscribe(),
            occupied.subscribe(),
            told,
        ));
        Self {
            pulses,
            occupied,
            position,
            arm,
        }
    }

    /// The relay closes for a moment.
    pub fn pulse(&self, now: Moment) {
        self.pulses.send_modify(|pulses| {
            pulses.count += 1;
            pulses.last = now;
        });
    }

    /// The pulses, from now on.
    pub fn pulses(&self) -> watch::Receiver<Pulses> {
        self.pulses.subscribe()
    }

    /// A car stands on the loop, or does not any more.
    pub fn set_occupied(&self, occupied: bool) {
        self.occupied.send_replace(occupied);
    }

    /// Waits until the arm is up.
    pub async fn until_up(&self) {
        let mut position = self.position.clone();
        // An error means that the arm is gone, and nothing keeps a car any more.
        let _ = position.wait_for(|at| *at == Position::Up).await;
    }
}

impl Drop for Barrier {
    fn drop(&mut self) {
        self.arm.abort();
    }
}

async fn move_arm(
    travel: Duration,
    mut pulses: watch::Receiver<Pulses>,
    mut occupied: watch::Receiver<bool>,
    position: watch::Sender<Position>,
) {
    while pulses.changed().await.is_ok() {
        position.send_replace(Position::Rising);
        sleep(travel).await;
        position.send_replace(Position::Up);
        stay_up(travel * TRAVELS_UP_MAX, &mut pulses, &mut occupied).await;
        position.send_replace(Position::Falling);
        tokio::select! {
            () = sleep(travel) => {
                position.send_replace(Position::Down);
            }
            // A pulse turns it round, as a car under it would.
            turned = pulses.changed() => match turned {
                Ok(()) => pulses.mark_changed(),
                Err(_) => return,
            },
        }
    }
}

/// Until a car has passed, or nobody came for `at_most` since the last pulse.
async fn stay_up(
    at_most: Duration,
    pulses: &mut watch::Receiver<Pulses>,
    occupied: &mut watch::Receiver<bool>,
) {
    loop {
        tokio::select! {
            () = passed(at_most, occupied) => return,
            pulsed = pulses.changed() => if pulsed.is_err() {
                return;
            },
        }
    }
}

async fn passed(at_most: Duration, occupied: &mut watch::Receiver<bool>) {
    let came = timeout(at_most, occupied.wait_for(|occupied| *occupied))
        .await
        .is_ok_and(|came| came.is_ok());
    if came {
        // It never falls onto a car. An error means that nobody is left who could be under it.
        let _ = occupied.wait_for(|occupied| !occupied).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRAVEL: Duration = Duration::from_millis(20);
    const DEADLINE: Duration = Duration::from_secs(10);

    #[tokio::test]
    async fn it_stays_up_while_a_car_is_under_it() {
        let barrier = Barrier::new(TRAVEL);
        barrier.pulse(Moment(5));
        assert_eq!(barrier.pulses().borrow().last, Moment(5));
        barrier.until_up().await;
        barrier.set_occupied(true);
        sleep(TRAVEL * (TRAVELS_UP_MAX + 5)).await;
        assert_eq!(*barrier.position.borrow(), Position::Up);
        barrier.set_occupied(false);
        until(&barrier, Position::Falling).await;
        until(&barrier, Position::Down).await;
    }

    #[tokio::test]
    async fn it_falls_if_nobody_comes_and_rises_again_for_a_pulse() {
        let barrier = Barrier::new(TRAVEL);
        for pulse in 1..=2 {
            barrier.pulse(Moment(pulse));
            until(&barrier, Position::Up).await;
            until(&barrier, Position::Falling).await;
        }
        until(&barrier, Position::Down).await;
    }

    async fn until(barrier: &Barrier, wanted: Position) {
        let mut position = barrier.position.clone();
        let reached = position.wait_for(|at| *at == wanted);
        timeout(DEADLINE, reached).await.unwrap().unwrap();
    }
}
