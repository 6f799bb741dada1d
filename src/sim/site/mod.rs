//! A virtual car park: cars that come, stay and leave, cameras that tell of them over a real MQTT
//! broker in the VZ dialect, and barriers behind the cameras' relays.
//!
//! It knows nothing of the daemon. Whoever answers the cameras, in this process or in another one,
//! works with it as with hardware.

mod barrier;
mod camera;
mod drive;
pub(crate) mod message;
mod presence;
mod report;
#[cfg(test)]
mod tests;
mod traffic;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, mpsc, watch};

pub use self::barrier::Position;
pub use self::camera::{CLOSING_INPUT, CameraError, Delivery};
pub use self::drive::{Happening, What};
pub use self::presence::Place;
pub use self::report::{SiteReport, Visit, percentile};
pub use self::traffic::{Car, Traffic};
use crate::clock::Clock;
use crate::lane::plate::PlateNumber;
use crate::lane::session::LaneId;
use crate::park::rules::Direction;

use self::barrier::Barrier;
use self::camera::Camera;
use self::presence::Presences;

/// What a car park is made of.
#[derive(Clone, Debug)]
pub struct SiteSettings {
    /// The cameras' broker.
    pub host: String,
    pub port: u16,
    /// Each with a camera and a barrier of its own.
    pub lanes: Vec<SiteLane>,
    /// How cameras hand messages to the broker.
    pub delivery: Delivery,
    pub pace: Pace,
}

/// One lane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SiteLane {
    /// As the daemon knows it.
    pub id: LaneId,
    /// The camera's serial; in topics it is spelt like this.
    pub serial: String,
    pub direction: Direction,
}

/// How fast everything goes, milliseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Between two cars: shortest, longest.
    pub gap: (u64, u64),
    /// Inside, between the two barriers: shortest, longest.
    pub stay: (u64, u64),
    /// The arm, from down to up and from up to down.
    pub arm: u64,
    /// A car on the loop under the arm.
    pub cross: u64,
    /// A car that stands in front of a barrier is read again this often.
    pub look_again: u64,
    /// So long in front of a barrier, and the driver calls the attendant.
    pub patience: u64,
    /// So long, and the car gives up: it turns back, or stays inside.
    pub gives_up: u64,
}

/// Why there is no car park.
#[derive(Debug, thiserror::Error)]
pub enum SiteError {
    /// Every car needs one of each.
    #[error("a car park needs an entry lane and an exit lane")]
    OneWay,
    /// One of the cameras.
    #[error("camera {serial} does not work")]
    Camera {
        serial: String,
        #[source]
        source: CameraError,
    },
}

/// A car park whose cameras are connected.
pub struct Site {
    shared: Arc<Shared>,
}

struct Shared {
    lanes: Vec<Lane>,
    pace: Pace,
    clock: Clock,
    report: Mutex<SiteReport>,
    present: Presences,
    /// No more cars of [`Site::run`] come for now.
    paused: watch::Sender<bool>,
}

struct Lane {
    settings: SiteLane,
    camera: Camera,
    barrier: Arc<Barrier>,
    /// Cars stand in line: fair, and one at a time.
    line: Semaphore,
}

impl Default for Pace {
    /// A busy car park with short stays.
    fn default() -> Self {
        Self {
            gap: (500, 2_500),
            stay: (3_000, 20_000),
            arm: 1_000,
            cross: 700,
            look_again: 5_000,
            patience: 20_000,
            gives_up: 60_000,
        }
    }
}

impl Pace {
    /// As fast as stays can be that cost something: for tests.
    pub fn brisk() -> Self {
        Self {
            gap: (50, 200),
            stay: (3_000, 3_500),
            arm: 100,
            cross: 50,
            look_again: 1_000,
            ..Self::default()
        }
    }
}

impl Site {
    /// Connects every camera to the broker and waits until all of them are.
    ///
    /// # Errors
    /// See [`SiteError`].
    pub async fn connect(settings: SiteSettings, clock: Clock) -> Result<Self, SiteError> {
        for direction in [Direction::Entry, Direction::Exit] {
            if !settings.lanes.iter().any(|l| l.direction == direction) {
                return Err(SiteError::OneWay);
            }
        }
        let mut lanes = Vec::new();
        for lane in settings.lanes {
            let barrier = Arc::new(Barrier::new(Duration::from_millis(settings.pace.arm)));
            let connection = camera::Settings {
                host: settings.host.clone(),
                port: settings.port,
                serial: lane.serial.clone(),
                delivery: settings.delivery,
            };
            let camera = Camera::connect(connection, barrier.clone(), clock.clone())
                .await
                .map_err(|source| SiteError::Camera {
                    serial: lane.serial.clone(),
                    source,
                })?;
            lanes.push(Lane {
                settings: lane,
                camera,
                barrier,
                line: Semaphore::new(1),
            });
        }
        let shared = Shared {
            lanes,
            pace: settings.pace,
            clock,
            report: Mutex::new(SiteReport::default()),
            present: Presences::default(),
            paused: watch::Sender::new(false),
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// Has every camera give a sign of life, besides those of every 10 s.
    pub fn beat(&self) {
        for lane in &self.shared.lanes {
            lane.camera.beat();
        }
    }

    /// Drives cars through the car park, each after its gap, and returns when none is on its way any
    /// more. `told` hears what happens on the ground.
    ///
    /// Dropped before its end, it leaves all cars where they are.
    pub async fn run(
        &self,
        cars: impl IntoIterator<Item = Car>,
        told: Option<mpsc::Sender<Happening>>,
    ) -> SiteReport {
        drive::run(&self.shared, cars, told).await;
        self.report()
    }

    /// One more car, beside those of [`Self::run`]. It is on its way as soon as this returns, and
    /// drives while the future is polled. None: its plate is here already.
    pub fn visit(
        &self,
        car: Car,
        told: Option<mpsc::Sender<Happening>>,
    ) -> Option<impl Future<Output = ()> + Send + use<>> {
        drive::visit(&self.shared, car, told)
    }

    /// Has a car inside drive to the exit now. False: there is none.
    pub fn call_out(&self, plate: &PlateNumber) -> bool {
        self.shared.present.call_out(plate)
    }

    /// Where a car is.
    pub fn place(&self, plate: &PlateNumber) -> Place {
        self.shared.present.place(plate)
    }

    /// Cars that stand inside and could be called out, by plate.
    pub fn standing(&self) -> Vec<PlateNumber> {
        self.shared.present.standing()
    }

    /// Keeps the cars of [`Self::run`] that have not come yet away, or lets them come again.
    pub fn pause(&self, paused: bool) {
        self.shared.paused.send_replace(paused);
    }

    /// Whether they are kept away.
    pub fn is_paused(&self) -> bool {
        *self.shared.paused.borrow()
    }

    /// Who came and went so far.
    pub fn report(&self) -> SiteReport {
        self.shared.report().clone()
    }
}

impl Shared {
    /// The report is whole at any moment.
    fn report(&self) -> MutexGuard<'_, SiteReport> {
        self.report.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One of the lanes of a direction, by any number.
    fn lane(&self, direction: Direction, choice: u64) -> &Lane {
        let lanes: Vec<&Lane> = self
            .lanes
            .iter()
            .filter(|lane| lane.settings.direction == direction)
            .collect();
        let count = u64::try_from(lanes.len()).unwrap_or(u64::MAX);
        let index = usize::try_from(choice % count).unwrap_or(0);
        lanes[index]
    }
}
