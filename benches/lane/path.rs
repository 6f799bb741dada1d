//! The commits that a car waits for, counted in the ledger of a daemon: from the one with its reading to
//! the one with the reason to raise.

use std::collections::BTreeMap;
use std::path::Path;

use parkgate::lane::raise::RaiseReason;
use parkgate::lane::session::LaneId;
use parkgate::park::event::Event;
use parkgate::park::record::{LaneRecord, Record};
use parkgate::store::ledger::Ledger;
use parkgate::store::record::Checkpoint;
use tokio::time::sleep;

use crate::Outcome;
use crate::figure::put;
use crate::figures::fact;
use crate::loads::PLAIN;
use crate::place::{Place, STAY};

const CARS: usize = 6;
const PER_SECOND: u32 = 100;

/// One car at a time, so that no car's commits stand between another's.
pub async fn measure(place: &mut Place) -> Outcome<()> {
    let daemon = place.daemon("path")?;
    let cameras = &mut place.cameras;
    let (entry, exit) = (&daemon.entries()[..1], &daemon.exits()[..1]);
    cameras.until_served(&entry[0]).await?;
    daemon.quiet().await?;
    let plates = cameras.fresh_plates(2 * CARS, false);
    let (at_once, later) = plates.split_at(CARS);
    let form = PLAIN.with_qos_1();
    for plate in at_once.chunks(1) {
        for lane in [entry, exit] {
            cameras.read(lane, plate, form, PER_SECOND).await?;
            daemon.quiet().await?;
        }
    }
    for lane in [entry, exit] {
        for plate in later.chunks(1) {
            cameras.read(lane, plate, form, PER_SECOND).await?;
            daemon.quiet().await?;
        }
        sleep(STAY).await;
    }
    println!();
    println!("Commits from a reading to the command to raise");
    let waited = waited_for(&daemon.ledger())?;
    for (kind, what) in [
        (Kind::Entry, "entry"),
        (Kind::FreeExit, "free_exit"),
        (Kind::ChargedExit, "charged_exit"),
    ] {
        let counts = waited.get(&kind).map_or(&[][..], Vec::as_slice);
        let most = counts
            .iter()
            .max()
            .ok_or_else(|| format!("no {what} in the ledger"))?;
        let name = format!("{}, the most of {}", what.replace('_', " "), counts.len());
        fact(&name, *most as f64, "");
        put(&format!("commits_{what}"), *most as f64)?;
    }
    Ok(())
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Entry,
    FreeExit,
    ChargedExit,
}

fn waited_for(ledger: &Path) -> Outcome<BTreeMap<Kind, Vec<usize>>> {
    let mut waited: BTreeMap<Kind, Vec<usize>> = BTreeMap::new();
    let mut read_in: BTreeMap<LaneId, usize> = BTreeMap::new();
    let commits = Ledger::read_all(ledger)?.filter_map(Result::ok);
    for (number, commit) in commits
        .filter(|commit| commit.checkpoint == Checkpoint::No)
        .enumerate()
    {
        for stored in &commit.records {
            match Record::from_stored(stored)? {
                Record::StepTaken(step) => {
                    if let Event::PlateRead { lane, .. } = step.event {
                        read_in.insert(lane, number);
                    }
                }
                Record::Lane(LaneRecord::RaiseDecided { lane, reason, .. }) => {
                    let kind = match reason {
                        RaiseReason::Entry => Kind::Entry,
                        RaiseReason::Free => Kind::FreeExit,
                        RaiseReason::Accepted { .. } => Kind::ChargedExit,
                        _ => continue,
                    };
                    let read = read_in.get(&lane).ok_or("a raise without a reading")?;
                    waited.entry(kind).or_default().push(number - read + 1);
                }
                _ => {}
            }
        }
    }
    Ok(waited)
}
