//! Who has confirmed what, kept in the store's folder: `preparation.json`.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::step::Step;
use crate::bilingual::Pair;
use crate::config::Config;
use crate::doctor::{Finding, Step as Look};
use crate::lane::time::Wall;
use crate::store::whole_file;

/// What people have said of the preparation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checklist {
    /// Of the format.
    version: u32,
    #[serde(default)]
    confirmed: BTreeMap<Step, Confirmation>,
}

/// One person's word on one step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirmation {
    /// Who.
    pub by: String,
    /// When, by the box's clock.
    pub at: Wall,
    /// What they added.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// For which merchant: it says nothing about another one.
    pub merchant: String,
}

/// Why the checklist is not there, or not kept.
#[derive(Debug, thiserror::Error)]
pub enum SaveFault {
    /// The file is not one of these.
    #[error("{} cannot be read as a checklist ({why}); move it away, and confirm the steps anew", .file.display())]
    Unreadable { file: PathBuf, why: String },
    /// The disk or its rights.
    #[error("{} cannot be kept; run this as root or as the user that runs parkgate", .file.display())]
    Failed {
        file: PathBuf,
        #[source]
        source: io::Error,
    },
}

const FILE: &str = "preparation.json";
const VERSION: u32 = 1;
const LARGEST: usize = 256 * 1024;

impl Checklist {
    /// Reads it; one that is not there yet is empty.
    ///
    /// # Errors
    /// See [`SaveFault`].
    pub fn load(store: &Path) -> Result<Self, SaveFault> {
        let file = store.join(FILE);
        let text = match fs::read(&file) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(source) => return Err(SaveFault::Failed { file, source }),
        };
        let unreadable = |why: String| SaveFault::Unreadable {
            file: file.clone(),
            why,
        };
        if text.len() > LARGEST {
            return Err(unreadable("it is too large".to_owned()));
        }
        let read: Self = serde_json::from_slice(&text).map_err(|it| unreadable(it.to_string()))?;
        match read.version > VERSION {
            true => Err(unreadable(
                "a later version of parkgate wrote it".to_owned(),
            )),
            false => Ok(read),
        }
    }

    /// Keeps it: the old one stands until the new one is on disk.
    ///
    /// # Errors
    /// See [`SaveFault`].
    pub fn save(&self, store: &Path) -> Result<(), SaveFault> {
        let file = store.join(FILE);
        let written = Self {
            version: VERSION,
            ..self.clone()
        };
        let save = || {
            let owner = fs::metadata(store)?;
            let is_root = rustix::process::geteuid().is_root();
            let owner = is_root.then(|| (owner.uid(), owner.gid()));
            let text = format!("{:#}\n", serde_json::json!(written));
            whole_file::write_for(&file, text.as_bytes(), owner)
        };
        save().map_err(|source| SaveFault::Failed {
            file: file.clone(),
            source,
        })
    }

    /// Who has confirmed the step for the merchant of this config.
    pub fn confirmation(&self, step: Step, config: &Config) -> Option<&Confirmation> {
        let confirmed = self.confirmed.get(&step)?;
        (confirmed.merchant == merchant(config)).then_some(confirmed)
    }

    /// A person confirms a step.
    pub fn confirm(&mut self, step: Step, config: &Config, by: &str, note: Option<&str>, at: Wall) {
        let confirmation = Confirmation {
            by: by.to_owned(),
            at,
            note: note.map(str::to_owned),
            merchant: merchant(config),
        };
        self.confirmed.insert(step, confirmation);
    }

    /// A person takes it back; false if nobody had confirmed it.
    pub fn reopen(&mut self, step: Step) -> bool {
        self.confirmed.remove(&step).is_some()
    }

    /// What of it `parkgate doctor` tells.
    pub fn findings(&self, config: &Config) -> Vec<Finding> {
        let to_confirm = Step::of(config.merchant.sub.is_some())
            .filter_map(|step| Some((step, step.to_confirm()?)));
        let finding = |(step, what): (Step, Pair)| {
            let id = step.id();
            match self.confirmation(step, config) {
                Some(Confirmation { by, at, .. }) => {
                    let day = crate::doctor::merchant::day(*at);
                    let found = both!("confirmed by {by} on {day}", "{by} 于 {day} 确认");
                    Finding::passed(Look::Checklist, found).of(id)
                }
                None => {
                    let Pair { en, zh } = what;
                    let found = both!("nobody has confirmed {en}", "尚未确认：{zh}");
                    let fix = both!(
                        "parkgate prepare show {id} tells how; then parkgate prepare confirm {id} --by NAME",
                        "详见 parkgate prepare show {id}；完成后 parkgate prepare confirm {id} --by 姓名"
                    );
                    Finding::cannot_tell(Look::Checklist, found, fix).of(id)
                }
            }
        };
        to_confirm.map(finding).collect()
    }
}

/// The merchant in mode and ids: with another one, all is open again.
fn merchant(config: &Config) -> String {
    let merchant = &config.merchant;
    match &merchant.sub {
        None => format!("{} {}", merchant.mchid, merchant.appid),
        Some(sub) => format!(
            "{} {} {} {}",
            merchant.mchid, merchant.appid, sub.mchid, sub.appid
        ),
    }
}
