//! Which cars are here, and calling them out.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::sleep;

use super::Shared;
use crate::lane::plate::PlateNumber;
use crate::park::rules::Direction;

/// Where a car is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Not here.
    Outside,
    /// At an entry.
    ComingIn,
    /// Between the barriers.
    Inside,
    /// At an exit.
    GoingOut,
}

/// The cars that are here.
#[derive(Default)]
pub(super) struct Presences(Mutex<BTreeMap<PlateNumber, Row>>);

struct Row {
    place: Place,
    called: Arc<Notify>,
}

/// One car's being here, until it is dropped.
pub(super) struct Presence {
    shared: Arc<Shared>,
    plate: PlateNumber,
    called: Arc<Notify>,
}

impl Presences {
    /// A car comes. None: it is here already. `shared` is what holds this.
    pub fn enter(&self, shared: Arc<Shared>, plate: PlateNumber) -> Option<Presence> {
        let mut rows = self.rows();
        if rows.contains_key(&plate) {
            return None;
        }
        let called = Arc::new(Notify::new());
        let row = Row {
            place: Place::ComingIn,
            called: called.clone(),
        };
        rows.insert(plate.clone(), row);
        Some(Presence {
            shared,
            plate,
            called,
        })
    }

    pub fn place(&self, plate: &PlateNumber) -> Place {
        let rows = self.rows();
        rows.get(plate).map_or(Place::Outside, |row| row.place)
    }

    pub fn standing(&self) -> Vec<PlateNumber> {
        let rows = self.rows();
        let inside = rows.iter().filter(|(_, row)| row.place == Place::Inside);
        inside.map(|(plate, _)| plate.clone()).collect()
    }

    /// The call counts once: from now on the car is on its way out.
    pub fn call_out(&self, plate: &PlateNumber) -> bool {
        match self.rows().get_mut(plate) {
            Some(row) if row.place == Place::Inside => {
                row.place = Place::GoingOut;
                row.called.notify_one();
                true
            }
            _ => false,
        }
    }

    fn set(&self, plate: &PlateNumber, place: Place) {
        if let Some(row) = self.rows().get_mut(plate) {
            row.place = place;
        }
    }

    /// The rows are whole at any moment.
    fn rows(&self) -> MutexGuard<'_, BTreeMap<PlateNumber, Row>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Presence {
    /// It is past the arm of the entry, or of the exit.
    pub fn passed(&self, direction: Direction) {
        match direction {
            Direction::Entry => self.shared.present.set(&self.plate, Place::Inside),
            Direction::Exit => self.leave(),
        }
    }

    /// Stays inside for that long, or until it is called out, which it may have been already.
    pub async fn stand(&self, stay_ms: Option<u64>) {
        let over = async {
            match stay_ms {
                Some(ms) => sleep(Duration::from_millis(ms)).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = over => {}
            () = self.called.notified() => {}
        }
        self.shared.present.set(&self.plate, Place::GoingOut);
    }

    /// The plate may be here again already, with another visit.
    fn leave(&self) {
        let mut rows = self.shared.present.rows();
        let row = rows.get(&self.plate);
        if row.is_some_and(|row| Arc::ptr_eq(&row.called, &self.called)) {
            rows.remove(&self.plate);
        }
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        self.leave();
    }
}
