//! A lane's camera that says its readings as text over a serial line.

use serde::{Deserialize, Serialize};

use super::document::{Need, Section};
use super::port;
use super::value::shortened;
use crate::camera::serial::Settings;
use crate::camera::text::{Ask, Pattern};
use crate::serial::PortSettings;

/// Keys that belong to no other dialect.
const KEYS: [&str; 11] = [
    "port",
    "baud",
    "parity",
    "stop_bits",
    "rs485",
    "pattern",
    "confidence_max",
    "address",
    "query",
    "query_every",
    "silent_after",
];

/// The camera and its line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TextCamera {
    pub line: Settings,
    /// None: the sentence of docs/devices.md.
    pub pattern: Option<Pattern>,
    /// The confidence that means *certain*.
    pub confidence_max: u32,
    /// What the camera calls itself where several share a port.
    pub address: Option<String>,
    /// None: it speaks by itself.
    pub query: Option<Ask>,
    /// None: an open port is as good as a camera that speaks.
    pub silent_after_ms: Option<u64>,
}

impl TextCamera {
    /// Reads the keys. Called for every camera, so that they are documented, and those of another
    /// dialect are told that they have none of them.
    pub(super) fn read(section: &mut Section<'_>, is_text: Option<bool>) -> Option<Self> {
        let before = section.faults();
        let path = section.path("port", Need::Optional);
        let baud = section.integer("baud", Need::Default("9600".into()), 300..=4_000_000);
        let parity = port::parity(section);
        let stop_bits = port::stop_bits(section);
        let rs485 = section.flag("rs485", false);
        let pattern = section.parsed(
            "pattern",
            Need::Optional,
            "regular expression with (?<plate>…)",
            |text| Pattern::new(text).map_err(|fault| fault.to_string()),
        );
        let confidence_max =
            section.integer("confidence_max", Need::Default("100".into()), 1..=10_000);
        let address = section.parsed(
            "address",
            Need::Optional,
            "1 to 16 of 0-9 A-Z a-z - _",
            address,
        );
        let query = section.parsed("query", Need::Optional, "1 to 64 characters", query);
        let query_every_ms = section.duration_ms("query_every", Need::Optional, 1000, 100..=60_000);
        let silent_after_ms =
            section.duration_ms("silent_after", Need::Optional, 60_000, 5_000..=86_400_000);
        if is_text != Some(true) {
            // What an unknown dialect may have is not known either.
            if is_text == Some(false) {
                refuse_all(section);
            }
            return None;
        }
        if !section.has("port") {
            let text = "missing; write port = \"/dev/serial/by-id/…\"";
            section.fault("port", text.to_owned());
        }
        if section.faults() == before {
            refuse_contradictions(section, pattern.as_ref());
        }
        Some(Self {
            line: Settings {
                port: PortSettings {
                    path: path.unwrap_or_default(),
                    baud: baud.and_then(|baud| u32::try_from(baud).ok())?,
                    parity: parity?,
                    stop_bits: stop_bits?,
                },
                rs485,
            },
            pattern,
            confidence_max: confidence_max.and_then(|max| u32::try_from(max).ok())?,
            address,
            query: query_every_ms.map(|every_ms| Ask {
                text: query,
                every_ms,
            }),
            silent_after_ms,
        })
    }

    /// The camera's name in events and in the ledger.
    pub fn camera_id(&self) -> String {
        let path = self.line.port.path.display();
        match &self.address {
            Some(address) => format!("{path}#{address}"),
            None => path.to_string(),
        }
    }

    /// Whether both may be on one port as far as the port is concerned.
    pub(super) fn shares_line_with(&self, other: &Self) -> bool {
        self.line == other.line
            && self.pattern == other.pattern
            && self.confidence_max == other.confidence_max
    }
}

fn refuse_all(section: &Section<'_>) {
    for key in KEYS.into_iter().filter(|key| section.has(key)) {
        let text = "belongs to dialect = \"text\"; leave it out";
        section.fault(key, text.to_owned());
    }
}

fn refuse_contradictions(section: &Section<'_>, pattern: Option<&Pattern>) {
    let refuse = |key: &str, text: &str| section.fault(key, text.to_owned());
    match pattern {
        None if section.has("query") => refuse(
            "query",
            "the sentence without a pattern has its own question; leave query out, query_every suffices",
        ),
        Some(_) if section.has("query_every") && !section.has("query") => {
            refuse("query_every", "asks nothing; add query = \"…\"");
        }
        _ => {}
    }
    if section.has("query") && !section.has("query_every") && pattern.is_some() {
        refuse("query", "is never sent; add query_every = \"1s\"");
    }
    if section.has("address") && pattern.is_some_and(|pattern| !pattern.names("lane")) {
        refuse(
            "address",
            "the pattern does not say where an address stands; add (?<lane>…) to it, or leave address out",
        );
    }
}

fn address(text: &str) -> Result<String, String> {
    let fits = (1..=16).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    match fits {
        true => Ok(text.to_owned()),
        false => Err(format!(
            "{:?} is no address; write 1 to 16 of 0-9 A-Z a-z - _",
            shortened(text)
        )),
    }
}

fn query(text: &str) -> Result<String, String> {
    match (1..=64).contains(&text.len()) {
        true => Ok(text.to_owned()),
        false => Err("empty or too long; write 1 to 64 characters".to_owned()),
    }
}
