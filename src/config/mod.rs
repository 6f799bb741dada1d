//! `parkgate.toml`: read once, checked whole, every fault at once with its place and fix.
//!
//! Secrets stand in it as file names only and are read when they are needed ([`read_secret`]): a
//! missing one stops what needs it, not the lanes. docs/configure.md describes every key.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use self::document::{Document, Section};
use self::value::absolute_path;
use crate::clock::TrustRule;
use crate::lane::tariff::Tariff;

mod address;
mod barrier;
mod bills;
mod callbacks;
mod document;
pub mod duration;
mod entry;
mod exit;
mod fault;
mod guard;
mod key;
mod lane;
mod lists;
mod merchant;
mod mqtt;
mod nearest;
mod port;
mod retention;
mod secret;
mod section;
mod site;
mod syntax;
mod tariff;
#[cfg(test)]
mod tests;
mod text;
mod value;
mod wechat;

pub use self::address::Broker;
pub use self::barrier::{Barrier, Gpio, Modbus};
pub use self::bills::BillsSection;
pub use self::callbacks::Callbacks;
pub use self::entry::Entry;
pub use self::exit::{Exit, IfWechatSilent};
pub use self::fault::{Fault, Faults, Position};
pub use self::guard::Guard;
pub use self::key::{Key, Need, Takes};
pub use self::lane::{Camera, Dialect, Lane, LoopInput, Loops};
pub use self::lists::Lists;
pub use self::merchant::{Certificate, Merchant, SubMerchant};
pub use self::mqtt::{ClientCertificate, Mqtt};
pub use self::retention::Retention;
pub use self::secret::{
    FileMark, MissingSecret, file_mark, read_public, read_secret, readable_by_others,
};
pub use self::site::Site;
pub use self::tariff::{Example, TariffFile};
pub use self::text::TextCamera;
pub use self::wechat::{PublicKey, Wechat};

/// Everything that the operator decides, with the defaults filled in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Config {
    pub site: Site,
    pub merchant: Merchant,
    pub wechat: Wechat,
    #[serde(default)]
    pub callbacks: Callbacks,
    pub store: Store,
    pub retention: Retention,
    #[serde(default)]
    pub bills: BillsSection,
    pub mqtt: Mqtt,
    pub clock: ClockSection,
    pub entry: Entry,
    pub exit: Exit,
    pub guard: Guard,
    /// At least one.
    pub lanes: Vec<Lane>,
    pub tariff: TariffSection,
    pub lists: Lists,
    pub control: Control,
}

/// `[store]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Store {
    /// Folder of ledger and index.
    pub path: PathBuf,
    /// With less room on its disk, in MiB, there is an alarm; 0 for never.
    pub low_disk_mb: u64,
}

/// `[clock]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockSection {
    /// When the wall clock is believed.
    pub trust: TrustRule,
}

/// `[tariff]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TariffSection {
    /// See [`Tariff::from_toml`].
    pub file: PathBuf,
    /// Price lists that follow it, by their beginning.
    #[serde(default)]
    pub later_files: Vec<PathBuf>,
}

/// `[control]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Control {
    /// Unix socket of the command line.
    pub socket: PathBuf,
}

/// Lanes of zones that a price list says nothing of.
fn unknown_zones(config: &Config, tariff: &Tariff, file: &str, text: &str) -> Vec<Fault> {
    let files = [&config.tariff.file]
        .into_iter()
        .chain(&config.tariff.later_files);
    let lists: Vec<_> = files
        .zip([tariff].into_iter().chain(&tariff.later))
        .collect();
    let mut faults = Vec::new();
    for lane in &config.lanes {
        let Some(zone) = &lane.zone else { continue };
        let has_it = |list: &Tariff| list.zones.iter().any(|known| known.name == *zone);
        let Some((without, _)) = lists.iter().find(|(_, list)| !has_it(list)) else {
            continue;
        };
        let says_so = |line: &str| line.trim_start().starts_with("zone") && line.contains(zone);
        let line = text.lines().position(says_so);
        faults.push(Fault {
            file: file.to_owned(),
            position: line.map(|line| Position {
                line: line + 1,
                column: 1,
            }),
            place: "[[lane]] zone".to_owned(),
            text: format!(
                "lane {:?} belongs to {zone:?}, of which {} says nothing; add [[zone]] with name = {zone:?} there",
                lane.id,
                without.display()
            ),
        });
    }
    faults
}

/// Price lists that may follow one another.
const LISTS_MAX: usize = 12;

impl Config {
    /// Reads and checks a config file.
    ///
    /// # Errors
    /// All faults of the file.
    pub fn load(file: &Path) -> Result<Self, Faults> {
        let file_name = file.display().to_string();
        Self::parse(&read_file(file, &file_name)?, &file_name)
    }

    /// Reads and checks a config file and the tariff that it names.
    ///
    /// # Errors
    /// All faults of both files.
    pub fn load_with_tariff(file: &Path) -> Result<(Self, Tariff), Faults> {
        let file_name = file.display().to_string();
        let text = read_file(file, &file_name)?;
        let (config, mut faults, _) = Document::read_all(&file_name, &text, Self::read);
        let tariff = match &config {
            Some(config) => config.tariff.load(),
            None => return Err(Faults::of(faults).expect("no config comes only of a syntax error")),
        };
        if let (Some(config), Ok(tariff)) = (&config, &tariff) {
            faults.extend(unknown_zones(config, tariff, &file_name, &text));
        }
        match (config, tariff) {
            (Some(config), Ok(tariff)) if faults.is_empty() => return Ok((config, tariff)),
            (_, Ok(_)) => {}
            (_, Err(more)) => faults.extend(more.into_list()),
        }
        Err(Faults::of(faults).expect("without a fault, both files were returned above"))
    }

    /// Checks the text of a config file; `file_name` stands in the faults.
    ///
    /// # Errors
    /// All faults of the text.
    pub fn parse(text: &str, file_name: &str) -> Result<Self, Faults> {
        Document::read(file_name, text, Self::read)
    }

    /// Every key that a config file may have, in the order of `docs/configure.md`.
    pub fn keys() -> Vec<Key> {
        let (_, _, keys) = Document::read_all("", "[[lane]]\n", Self::read);
        keys
    }

    /// The effective config as it is recorded in the ledger when it changes. It names secrets by
    /// file only.
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::to_value(self).expect("strings, numbers and UTF-8 paths always serialise")
    }

    fn read(root: &mut Section<'_>) -> Self {
        root.not_yet("console");
        let site = root.section("site", Site::read);
        let merchant = root.section("merchant", Merchant::read);
        let wechat = root.section("wechat", Wechat::read);
        let callbacks = root.section("callbacks", Callbacks::read);
        let store = root.section("store", Store::read);
        let retention = root.section("retention", Retention::read);
        let bills = root.section("bills", BillsSection::read);
        let mqtt = root.section("mqtt", |section| Mqtt::read(section, &site));
        Self {
            site,
            merchant,
            wechat,
            callbacks,
            store,
            retention,
            bills,
            mqtt,
            clock: root.section("clock", ClockSection::read),
            entry: root.section("entry", Entry::read),
            exit: root.section("exit", Exit::read),
            guard: root.section("guard", Guard::read),
            lanes: lane::read_all(root),
            tariff: root.section("tariff", TariffSection::read),
            lists: root.section("lists", Lists::read),
            control: root.section("control", Control::read),
        }
    }
}

impl Store {
    fn read(section: &mut Section<'_>) -> Self {
        let path = section.path("path", Need::Default("\"/var/lib/parkgate\"".into()));
        let low_disk_mb = section.integer("low_disk_mb", Need::Default("64".into()), 0..=1_000_000);
        Self {
            path: path.unwrap_or_default(),
            low_disk_mb: low_disk_mb.unwrap_or_default(),
        }
    }
}

impl ClockSection {
    fn read(section: &mut Section<'_>) -> Self {
        let trust = section.choice(
            "trust",
            Some("ntp"),
            &[("ntp", TrustRule::Ntp), ("rtc", TrustRule::Rtc)],
            &[],
        );
        Self {
            trust: trust.unwrap_or_default(),
        }
    }
}

impl TariffSection {
    fn read(section: &mut Section<'_>) -> Self {
        let file = section.path(
            "file",
            Need::Default("\"/etc/parkgate/tariff.toml\"".into()),
        );
        let later_files = section
            .texts(
                "later_files",
                Need::Default("[]".into()),
                "absolute paths",
                0..=LISTS_MAX,
            )
            .into_iter()
            .filter_map(|(text, span)| match absolute_path(text) {
                Ok(path) => Some(path),
                Err(fault) => {
                    section.note("later_files", &span, fault);
                    None
                }
            })
            .collect();
        Self {
            file: file.unwrap_or_default(),
            later_files,
        }
    }

    /// Reads the price lists.
    ///
    /// # Errors
    /// All faults of all files.
    pub fn load(&self) -> Result<Tariff, Faults> {
        let later = self.later_files.iter().map(PathBuf::as_path);
        Tariff::load_all(&self.file, later)
    }
}

impl Control {
    fn read(section: &mut Section<'_>) -> Self {
        let socket = section.path(
            "socket",
            Need::Default("\"/run/parkgate/parkgate.sock\"".into()),
        );
        Self {
            socket: socket.unwrap_or_default(),
        }
    }
}

/// The text of a file; the largest that is read has 1 MiB.
fn read_file(file: &Path, file_name: &str) -> Result<String, Faults> {
    const LARGEST: u64 = 1 << 20;
    let fault = |text: String| Faults::of_file(file_name, text);
    let unreadable = |error: std::io::Error| {
        fault(format!(
            "cannot be read ({error}); check the name and the rights"
        ))
    };
    let length = std::fs::metadata(file).map_err(unreadable)?.len();
    if length > LARGEST {
        return Err(fault(format!("{length} bytes; this is no config file")));
    }
    let bytes = std::fs::read(file).map_err(unreadable)?;
    String::from_utf8(bytes).map_err(|error| {
        let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = valid.iter().filter(|byte| **byte == b'\n').count() + 1;
        fault(format!("line {line} is not UTF-8; save the file as UTF-8"))
    })
}
