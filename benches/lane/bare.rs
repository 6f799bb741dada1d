//! A ledger of our own on the daemon's disk, which is given what the daemon's was given for a car.

use std::path::Path;
use std::time::Duration;

use parkgate::park;
use parkgate::park::record::LaneRecord;
use parkgate::store::ledger::{Identity, Ledger, Options};
use parkgate::store::record::{Checkpoint, Record};
use tokio::time::{Instant, sleep_until};

use crate::Outcome;
use crate::loads::Load;

/// Bare commits.
pub struct Commits {
    ledger: Ledger,
    step: Vec<Record>,
}

impl Commits {
    /// Of the records of a car in `ledger`, on `disk`.
    pub fn like(ledger: &Path, disk: &Path) -> Outcome<Self> {
        let mut commits = Ledger::read_all(ledger)?.filter_map(Result::ok);
        // Under load cars share commits.
        let commit = commits
            .find(|commit| commit.checkpoint == Checkpoint::No && cars_in(&commit.records) == 1);
        let step = commit.ok_or("the daemon's ledger holds no car")?.records;
        let identity = Identity {
            site: "bench".to_owned(),
            box_id: "bench".to_owned(),
        };
        let folder = disk.join("bare");
        let (ledger, _) = Ledger::open(&folder, &identity, &Options::default(), 1)?;
        ledger.settle();
        Ok(Self { ledger, step })
    }

    pub fn form(&self) -> String {
        let bytes: usize = self.step.iter().map(|record| record.payload.len()).sum();
        format!("{} records of {bytes} B", self.step.len())
    }

    /// At the readings' pace: a disk that rested is slower than one that is kept busy.
    pub async fn block(&mut self, load: &Load) -> Outcome<Vec<Duration>> {
        let period = Duration::from_secs(1) / load.per_second;
        let mut due = Instant::now() + period;
        let mut took = Vec::new();
        for _ in 0..load.block {
            sleep_until(due).await;
            let began = Instant::now();
            self.ledger.commit(&self.step)?;
            took.push(began.elapsed());
            if self.ledger.wants_checkpoint() {
                self.ledger.checkpoint(&self.step)?;
                self.ledger.settle();
            }
            due += period;
        }
        Ok(took)
    }
}

fn cars_in(records: &[Record]) -> usize {
    let came_in = |record: &&Record| {
        let read = park::record::Record::from_stored(record);
        matches!(
            read,
            Ok(park::record::Record::Lane(LaneRecord::SessionOpened { .. }))
        )
    };
    records.iter().filter(came_in).count()
}
