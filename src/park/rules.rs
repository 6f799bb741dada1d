//! Everything that decides besides state and event. Recorded whole whenever it changes, so that an
//! incident can be re-run.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::charges::queue::MerchantRules;
use crate::lane::entry::EntryRules;
use crate::lane::exit::ExitRules;
use crate::lane::guard::GuardRules;
use crate::lane::plate::PlateNumber;
use crate::lane::session::LaneId;
use crate::lane::tariff::Tariff;

/// The site's rules as the core needs them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rules {
    /// This box.
    pub box_id: String,
    /// Its lanes. Events of others lead to nothing.
    pub lanes: BTreeMap<LaneId, LaneRules>,
    /// `[entry]`.
    pub entry: EntryRules,
    /// `[exit]`.
    pub exit: ExitRules,
    /// `[guard]`.
    pub guard: GuardRules,
    /// Plates with a treatment of their own.
    pub lists: Lists,
    /// What a stay costs.
    pub tariff: Tariff,
    /// What goes into every body.
    pub merchant: MerchantRules,
    /// The whole configuration that these rules were made from, for whoever explains an incident.
    /// It names secrets by file only; nothing is decided from it.
    #[serde(default)]
    pub config: serde_json::Value,
}

/// One lane.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LaneRules {
    /// Which way it leads.
    pub direction: Direction,
    /// The zone within the car park that it leads into or out of; None: the car park itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// The same plate again within this time is the same car, milliseconds.
    pub duplicate_window_ms: u64,
    /// A reading below this is never charged automatically, 0–1000.
    pub min_confidence_permille: Option<u16>,
}

/// Which way a lane leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// In.
    Entry,
    /// Out.
    Exit,
}

/// Plates with a treatment of their own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lists {
    /// Not let in.
    pub blocked: BTreeSet<PlateNumber>,
    /// Season tickets.
    pub permits: BTreeSet<PlateNumber>,
    /// Police, fire, ambulance, military leave free (E22).
    pub free_special_vehicles: bool,
}
