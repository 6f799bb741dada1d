//! Opening the store: whatever can be read is taken up, and the lanes start in any case.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::journal::LedgerJournal;
use super::mark::{self, Mark};
use crate::causes;
use crate::config::Config;
use crate::lane::alarm::{Alarm, AlarmKind};
use crate::lane::number::LedgerId;
use crate::lane::time::Wall;
use crate::park::Park;
use crate::park::disk::is_for_a_rerun;
use crate::park::event::Event;
use crate::park::record::Record;
use crate::park::rules::Rules;
use crate::store::ledger::{Identity, Ledger, LedgerError, Opening, Options, Replay};
use crate::store::record::{Commit, Record as Stored};

/// Everything that a start gets from the disk.
pub struct Store {
    pub park: Park,
    pub journal: LedgerJournal,
    /// The last wall time that was trusted when it was written. Not the newest: a clock that ran ahead
    /// and was corrected is right now.
    pub last_trusted: Wall,
    pub alarms: Vec<Alarm>,
    /// The first event.
    pub started: Event,
    pub restart_wanted: Arc<AtomicBool>,
    /// To be kept when the first event is on disk.
    pub mark: Option<Mark>,
}

/// Where the ledger lies.
pub fn ledger_dir(config: &Config) -> PathBuf {
    config.store.path.join("ledger")
}

impl Store {
    /// Opens the ledger and folds it.
    ///
    /// # Errors
    /// Only where going on would harm: another daemon has it, it is another box's, or a newer
    /// version wrote it. A disk that cannot be written starts with an alarm.
    pub fn open(config: &Config, rules: Rules) -> Result<Self, LedgerError> {
        let dir = ledger_dir(config);
        let identity = Identity {
            site: config.site.id.clone(),
            box_id: config.site.box_id.clone(),
        };
        let fresh = LedgerId::from_random(random());
        let options = Options::default();
        let mut folding = Folding::new(rules.clone());
        match Ledger::replay(&dir, &identity, &options, fresh.0, &mut folding) {
            Ok((ledger, opening)) => {
                let mark = new_mark(&dir, &config.store.path, &opening);
                let journal = LedgerJournal::open(dir, identity, ledger);
                Ok(Self::replayed(journal, opening, folding, mark))
            }
            Err(
                error @ (LedgerError::InUse { .. }
                | LedgerError::WrongBox { .. }
                | LedgerError::NewerFormat { .. }
                | LedgerError::LongIdentity),
            ) => Err(error),
            Err(error) => {
                let journal = LedgerJournal::closed(dir, identity, fresh);
                Ok(Self::without_ledger(journal, fresh, rules, &error))
            }
        }
    }

    fn replayed(
        journal: LedgerJournal,
        opening: Opening,
        folding: Folding,
        mark: Option<Mark>,
    ) -> Self {
        let Opening {
            created,
            findings,
            possibly_lost,
            ..
        } = opening;
        let Folding {
            park,
            recorded_rules,
            last_trusted,
            unreadable,
        } = folding;
        let mut alarms: Vec<Alarm> = findings
            .iter()
            .map(|finding| damaged(finding.to_string()))
            .collect();
        if unreadable > 0 {
            alarms.push(damaged(format!(
                "{unreadable} records have a form that this version cannot read; they are kept"
            )));
        }
        let rules_changed = recorded_rules.as_ref() != Some(park.rules());
        // A new ledger has given out no number.
        let is_a_copy = mark.is_some() && !created;
        let skip = match is_a_copy {
            true => mark::skipped(park.site().sessions_opened, random()),
            false => 0,
        };
        if is_a_copy {
            tracing::warn!(
                skip,
                "this ledger's folder was made anew or stands on another machine: if it is a copy that was \
                 put back, what happened after the copy is not in it. Numbers go on far ahead"
            );
        }
        Self {
            park,
            last_trusted,
            alarms,
            started: started(rules_changed, possibly_lost, skip),
            restart_wanted: journal.restart_wanted(),
            journal,
            mark,
        }
    }

    /// Cars come and go; what is recorded meanwhile waits in memory until there is a ledger.
    fn without_ledger(
        journal: LedgerJournal,
        id: LedgerId,
        rules: Rules,
        error: &LedgerError,
    ) -> Self {
        let text = format!(
            "{}. The lanes run; records are kept in memory, nothing is charged",
            causes::told(error)
        );
        Self {
            park: Park::new(id, rules),
            last_trusted: Wall::default(),
            alarms: vec![Alarm {
                kind: AlarmKind::StoreFailed,
                subject: "store".to_owned(),
                raised: true,
                text,
            }],
            started: started(true, 0, 0),
            restart_wanted: journal.restart_wanted(),
            journal,
            mark: None,
        }
    }
}

/// The state, as it is read commit by commit.
struct Folding {
    park: Park,
    recorded_rules: Option<Rules>,
    last_trusted: Wall,
    unreadable: u64,
}

impl Folding {
    fn new(rules: Rules) -> Self {
        Self {
            park: Park::new(LedgerId::default(), rules),
            recorded_rules: None,
            last_trusted: Wall::default(),
            unreadable: 0,
        }
    }

    fn fold(&mut self, stored: &Stored) {
        if is_for_a_rerun(stored) {
            return;
        }
        let record = match Record::from_stored(stored) {
            Ok(record) => record,
            Err(error) => {
                self.unreadable += 1;
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "a record was left out"
                );
                return;
            }
        };
        match &record {
            Record::StepTaken(step) if step.now.trusted => {
                self.last_trusted = step.now.wall;
            }
            Record::RulesChanged(rules) => self.recorded_rules = Some((**rules).clone()),
            _ => {}
        }
        self.park.replay_owned(record);
    }
}

impl Replay for Folding {
    fn begin(&mut self, ledger: LedgerId) {
        let rules = self.park.rules().clone();
        *self = Self::new(rules.clone());
        self.park = Park::new(ledger, rules);
    }

    /// Each is let go of once it is folded.
    fn commit(&mut self, commit: Commit) {
        commit.records.iter().for_each(|stored| self.fold(stored));
    }
}

fn started(rules_changed: bool, possibly_lost: u64, skip: u64) -> Event {
    let version = env!("CARGO_PKG_VERSION").to_owned();
    Event::Started {
        version,
        rules_changed,
        possibly_lost,
        skip,
    }
}

/// The folder's mark, if it is another one than that of the last start.
fn new_mark(dir: &Path, store: &Path, opening: &Opening) -> Option<Mark> {
    match Mark::of(dir, opening.ledger_id) {
        Ok(mark) => Some(mark).filter(|mark| !mark.is_kept_in(store)),
        Err(error) => {
            tracing::warn!(%error, "nobody can tell whether the ledger is a copy");
            None
        }
    }
}

fn damaged(text: String) -> Alarm {
    let subject = text.chars().take(80).collect();
    Alarm {
        kind: AlarmKind::StoreDamaged,
        subject,
        raised: true,
        text,
    }
}

/// Bits for a new ledger's id, or another name that nobody can guess.
pub(super) fn random() -> u64 {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).expect("the kernel always has random bytes");
    u64::from_le_bytes(bytes)
}
