//! The opening balance: a ledger whose oldest part has been archived begins with a whole state.

use std::collections::BTreeMap;

use serde_json::Value;

use super::charge::{Charge, Stands};

/// What a checkpoint says of open stays and charges.
#[derive(Debug, Default)]
pub(super) struct State {
    /// Open stays.
    pub(super) sessions: Vec<String>,
    /// The charge of an open stay, by its session: it may be finished while its car is still there.
    pub(super) claimed: BTreeMap<String, String>,
    pub(super) charges: BTreeMap<String, Charge>,
    /// Sums over the ledger's whole life, by name: count and fen.
    pub(super) totals: BTreeMap<String, (u64, u64)>,
}

impl State {
    pub(super) fn read(checkpoint: &Value) -> Self {
        let object = |value: &'_ Value| value.as_object().cloned().unwrap_or_default();
        let book = &checkpoint["book"];
        let sessions = object(&checkpoint["site"]["sessions"])
            .into_iter()
            .map(|(session, _)| session);
        let charges = object(&book["charges"]).into_iter();
        let charges = charges.filter_map(|(number, charge)| Some((number, queued(&charge)?)));
        let desk = object(&book["desk"]).into_iter();
        let desk = desk
            .filter_map(|(number, charge)| Some((number, charge_of(&charge, Stands::WithStaff)?)));
        let totals = object(&book["totals"]).into_iter();
        let totals = totals
            .filter_map(|(name, sum)| Some((name, (sum["count"].as_u64()?, sum["fen"].as_u64()?))));
        let claimed = object(&checkpoint["site"]["claimed"]).into_iter();
        let claimed =
            claimed.filter_map(|(stay, number)| Some((stay, number.as_str()?.to_owned())));
        Self {
            sessions: sessions.collect(),
            claimed: claimed.collect(),
            charges: charges.chain(desk).collect(),
            totals: totals.collect(),
        }
    }
}

fn queued(charge: &Value) -> Option<Charge> {
    // A state without contents is its name, one with contents an object with one field.
    let state = &charge["state"];
    let name = state.as_str().map(str::to_owned);
    let name = name.or_else(|| state.as_object()?.keys().next().cloned())?;
    let stands = match name.as_str() {
        "sent" | "unknown" => Stands::MayBeTaken,
        "to_repeat" => Stands::ToRepeat,
        "accepted" => Stands::Accepted,
        "refused" | "failed" => Stands::Refused,
        _ => Stands::Due,
    };
    charge_of(charge, stands)
}

fn charge_of(charge: &Value, stands: Stands) -> Option<Charge> {
    let claim = &charge["claim"];
    Some(Charge {
        session: claim["session"].as_str()?.into(),
        fee_fen: claim["quote"]["fee_fen"].as_u64()?,
        stands,
        plate: claim["plate"].as_str()?.into(),
        counts: false,
        was_sent: !charge["body"].is_null(),
        is_fixed: !charge["body"].is_null(),
        to_refund: false,
    })
}
