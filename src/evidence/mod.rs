//! Everything about one stay in one archive that anybody can open: for an accountant, a driver's
//! complaint, a court. The part of the ledger in it keeps its hashes, and nobody else's data.

mod archive;
mod readme;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::store::sha256;
use serde::Serialize;
use serde_json::{Value, json};

use crate::lane::number::SessionId;
use crate::lane::time::Wall;
use crate::park::disk::kind_name;
use crate::store::audit::{self, Report, Watcher};
use crate::store::ledger::{Ledger, LedgerError};
use crate::store::record::Record as Stored;
use crate::story::happening::{self, Story};
use crate::story::steps;

pub use archive::write;

/// The number of the rules on disk.
const RULES: u16 = 2;

/// What belongs to a stay.
#[derive(Debug)]
pub struct Evidence {
    pub story: Story,
    pub records: Vec<Kept>,
    /// The rules in force from a record on, without other people's plates.
    pub rules: Vec<Value>,
    /// Copies of the segments from the stay's first record to its last, by file name, without the
    /// contents of other records.
    pub segments: BTreeMap<String, Vec<u8>>,
    /// What a look at the whole ledger found; None where it could not be read by its description.
    pub ledger: Option<Report>,
}

/// One record, as it is on disk.
#[derive(Debug)]
pub struct Kept {
    pub seq: u64,
    pub at: Wall,
    pub stored: Stored,
}

/// A record in the list of the archive.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Line {
    seq: u64,
    at: String,
    class: String,
    kind: u16,
    name: Option<&'static str>,
    version: u16,
    /// Of the contents, as in the ledger's chain.
    sha256: String,
    /// Where in the archive the contents are, byte for byte.
    file: String,
}

impl Kept {
    fn line(&self) -> Line {
        let name = kind_name(self.stored.class, self.stored.kind);
        let shown = name.unwrap_or("unknown");
        Line {
            seq: self.seq,
            at: self.at.to_rfc3339(),
            class: self.stored.class.name(),
            kind: self.stored.kind,
            name,
            version: self.stored.version,
            sha256: hexadecimal(&sha256::of(&self.stored.payload)),
            file: format!("records/{:010}-{shown}.json", self.seq),
        }
    }
}

/// Gathers it; None if the ledger does not know the stay.
///
/// # Errors
/// When the ledger cannot be read.
pub fn gather(dir: &Path, session: &SessionId) -> Result<Option<Evidence>, LedgerError> {
    let Some(story) = happening::of(dir, session)? else {
        return Ok(None);
    };
    let wanted: BTreeSet<u64> = story.happenings.iter().map(|what| what.seq).collect();
    let plate = story.session.as_ref().map(|session| session.plate.as_str());
    let Found { records, rules } = find(dir, &wanted, plate.unwrap_or_default())?;
    // Rules that name no one else are kept in the ledger's part too.
    let nobodys = rules.iter().filter(|rules| rules.names_nobody);
    let keep: BTreeSet<u64> = nobodys.map(|rules| rules.seq).chain(wanted).collect();
    let segments = Ledger::excerpt(dir, &keep)?;
    Ok(Some(Evidence {
        story,
        records,
        rules: rules.into_iter().map(|rules| rules.told).collect(),
        segments,
        ledger: audit::read(dir, &mut Nobody).ok(),
    }))
}

struct Nobody;

impl Watcher for Nobody {}

struct Found {
    records: Vec<Kept>,
    rules: Vec<InForce>,
}

/// Rules and the record that has them.
struct InForce {
    seq: u64,
    names_nobody: bool,
    told: Value,
}

fn find(dir: &Path, wanted: &BTreeSet<u64>, plate: &str) -> Result<Found, LedgerError> {
    let (mut records, mut rules) = (Vec::new(), Vec::new());
    let mut newest: Option<(u64, Vec<u8>)> = None;
    let mut told: Option<Vec<u8>> = None;
    steps::read(dir, None, |record| {
        if record.stored.kind == RULES {
            newest = Some((record.seq, record.stored.payload.clone()));
        }
        if !wanted.contains(&record.seq) {
            return;
        }
        if let Some((seq, payload)) = newest
            .as_ref()
            .filter(|(_, rules)| told.as_ref() != Some(rules))
        {
            rules.extend(in_force(*seq, payload, plate));
            told = Some(payload.clone());
        }
        records.push(Kept {
            seq: record.seq,
            at: record.at,
            stored: record.stored.clone(),
        });
    })?;
    Ok(Found { records, rules })
}

fn in_force(seq: u64, payload: &[u8], plate: &str) -> Option<InForce> {
    let mut rules: Value = serde_json::from_slice(payload).ok()?;
    let names_nobody = !hide_others(&mut rules, plate);
    let told = json!({ "from_record": seq, "rules": rules });
    Some(InForce {
        seq,
        names_nobody,
        told,
    })
}

/// Leaves other people's plates out of lists; tells whether there were any.
fn hide_others(rules: &mut Value, plate: &str) -> bool {
    let mut hidden = false;
    for lists in ["/lists", "/config/lists"] {
        let lists = rules.pointer_mut(lists).and_then(Value::as_object_mut);
        for list in lists.into_iter().flat_map(|lists| lists.values_mut()) {
            let Value::Array(plates) = list else { continue };
            let before = plates.len();
            plates.retain(|listed| listed.as_str() == Some(plate));
            hidden |= plates.len() < before;
        }
    }
    hidden
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_keep_the_plate_in_question_and_nobody_elses() {
        let mut rules = json!({
            "lists": { "permits": ["粤B10001", "粤B10002"], "free_special_vehicles": true },
            "config": { "lists": { "blocked": ["粤B10003"] } },
        });
        assert!(hide_others(&mut rules, "粤B10001"));
        assert_eq!(rules["lists"]["permits"], json!(["粤B10001"]));
        assert_eq!(rules["config"]["lists"]["blocked"], json!([]));
        assert!(
            !hide_others(&mut rules, "粤B10001"),
            "nothing is left to hide"
        );
    }
}
