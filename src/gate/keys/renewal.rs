//! The merchant's own keys, taken up anew when their files change. The new ones sign only once WeChat has
//! answered a call that they signed; until then the old ones do.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::charges::answer::Answer;
use crate::clock::Clock;
use crate::config::{Certificate, Config, FileMark, file_mark};
use crate::gate::account::Account;
use crate::gate::{secrets, secrets_missing};
use crate::lane::alarm::{Alarm, AlarmKind};
use crate::lane::time::Moment;
use crate::wechat::{Client, Patience};

/// WeChat did not answer, or not in a way that proves anything.
const UNPROVEN_AGAIN_MS: u64 = 60_000;
/// WeChat does not know the new certificate. It may take a while until it does.
const REFUSED_AGAIN_MS: u64 = 600_000;
const PATIENCE: Patience = Patience::Lane {
    total: Duration::from_secs(10),
};

/// What became of a look at the files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Renewed {
    /// They are in force now.
    TakenUp { serial: String },
    /// They are the ones in force.
    Unchanged { serial: String },
    /// The ones before stay in force, and why.
    No(String),
}

/// See the module.
pub struct Renewal {
    config: Config,
    account: Account,
    clock: Clock,
    /// The files as they were when they were last read.
    seen: Vec<(PathBuf, Option<FileMark>)>,
    again_at: Option<Moment>,
    /// Why the new ones are not in force.
    standing: Option<String>,
    /// There was no client at the start, and now there is one.
    begun: bool,
}

impl Renewal {
    pub fn new(config: &Config, account: Account, clock: Clock) -> Self {
        Self {
            seen: marks(config),
            config: config.clone(),
            account,
            clock,
            again_at: None,
            standing: None,
            begun: false,
        }
    }

    /// Looks whether the files have changed, and takes them up.
    pub async fn look(&mut self) {
        let now = self.clock.now().moment;
        let is_time = self.again_at.is_some_and(|at| at <= now);
        if is_time || marks(&self.config) != self.seen {
            self.reload().await;
        }
    }

    /// Reads the files, changed or not.
    pub async fn reload(&mut self) -> Renewed {
        self.seen = marks(&self.config);
        self.again_at = None;
        let renewed = match secrets::client(&self.config, &self.clock) {
            Ok(candidate) => self.try_out(candidate).await,
            Err(why) => self.unusable(why),
        };
        self.standing = match &renewed {
            Renewed::No(why) => Some(why.clone()),
            Renewed::TakenUp { .. } | Renewed::Unchanged { .. } => None,
        };
        renewed
    }

    /// The new ones are not in force, and somebody should know.
    pub fn alarm(&self) -> Option<Alarm> {
        let text = self.standing.clone()?;
        Some(match self.account.client() {
            Err(why) => secrets_missing(&why),
            Ok(_) => Alarm {
                kind: AlarmKind::KeysNotRenewed,
                subject: "merchant".to_owned(),
                raised: true,
                text,
            },
        })
    }

    /// True once after keys came that had been missing from the start.
    pub fn has_begun_to_serve(&mut self) -> bool {
        std::mem::take(&mut self.begun)
    }

    async fn try_out(&mut self, candidate: Client) -> Renewed {
        let serial = candidate.serial().to_owned();
        let Ok(current) = self.account.client() else {
            self.begun = true;
            return self.take_up(candidate);
        };
        candidate
            .key_ring()
            .import(&current.key_ring().export(), self.clock.now().wall);
        if candidate.has_keys_of(&current) {
            return Renewed::Unchanged { serial };
        }
        match proof(&self.config, &candidate).await {
            Proof::Accepted => self.take_up(candidate),
            Proof::Refused(why) => {
                self.again_in(REFUSED_AGAIN_MS);
                Renewed::No(format!(
                    "the new key with certificate {serial} is not in force: WeChat refuses it ({why}); see in the \
                     merchant platform, API security, whether this certificate is listed. The key before it signs on"
                ))
            }
            Proof::None(why) => {
                self.again_in(UNPROVEN_AGAIN_MS);
                Renewed::No(format!(
                    "the new key with certificate {serial} is not in force yet: WeChat gave no answer to believe ({why}). \
                     It is tried again every minute; the key before it signs on"
                ))
            }
        }
    }

    fn take_up(&self, candidate: Client) -> Renewed {
        let serial = candidate.serial().to_owned();
        tracing::info!(%serial, "the merchant's new keys are in force");
        self.account.renew(Ok(candidate));
        Renewed::TakenUp { serial }
    }

    fn unusable(&self, why: String) -> Renewed {
        match self.account.client() {
            Ok(_) => Renewed::No(format!(
                "the merchant's new key files cannot be used, and the keys before them stay in force: {why}"
            )),
            Err(_) => {
                self.account.renew(Err(why.clone()));
                Renewed::No(why)
            }
        }
    }

    fn again_in(&mut self, ms: u64) {
        self.again_at = Some(self.clock.now().moment.after_ms(ms));
    }
}

/// What WeChat says to a call that the new key signed.
enum Proof {
    Accepted,
    Refused(String),
    None(String),
}

/// Asks for an order that nobody ever made, which changes nothing.
async fn proof(config: &Config, candidate: &Client) -> Proof {
    let random = getrandom::u64().unwrap_or_default();
    // No number that is given: theirs have no I and no L.
    let number = format!("TRIAL{random:016X}");
    let sub = config.merchant.sub.as_ref().map(|sub| sub.mchid.as_str());
    match candidate.query(&number, sub, PATIENCE).await.answer {
        Answer::Refused(refusal) if refusal.status == 401 => {
            Proof::Refused(format!("{}: {}", refusal.code, refusal.message))
        }
        // WeChat listens to this caller, whatever it says.
        Answer::Verified(_) | Answer::Refused(_) | Answer::Throttled { .. } => Proof::Accepted,
        Answer::NotSent(why) | Answer::Lost(why) => Proof::None(why),
    }
}

fn marks(config: &Config) -> Vec<(PathBuf, Option<FileMark>)> {
    let merchant = &config.merchant;
    let certificate = match &merchant.certificate {
        Certificate::File(file) => Some(file),
        Certificate::Serial(_) => None,
    };
    let public_key = config.wechat.public_key.as_ref().map(|key| &key.file);
    let files = [Some(&merchant.private_key_file), certificate, public_key];
    let files = files
        .into_iter()
        .flatten()
        .chain(&merchant.api_v3_key_files);
    let mark = |file: &PathBuf| (file.clone(), file_mark(Path::new(file)));
    files.map(mark).collect()
}

#[cfg(test)]
#[cfg(feature = "demo")]
#[path = "tests/renewal.rs"]
mod tests;
