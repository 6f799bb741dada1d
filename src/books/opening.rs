//! The opening balance: a ledger whose oldest part has been archived begins with a whole state.

use std::collections::BTreeMap;

use serde_json::Value;

use super::charge::{Charge, Stands};
use super::refund::Refund;
use super::spot::Code;
use super::till::Tills;
use super::zone::Zones;

/// What a checkpoint says of open stays and charges.
#[derive(Debug, Default)]
pub(super) struct State {
    /// Open stays.
    pub(super) sessions: Vec<String>,
    /// The charge of an open stay, by its session: it may be finished while its car is still there.
    pub(super) claimed: BTreeMap<String, String>,
    /// Stays on the review list, with the charge that was made for them, if one was. Most have ended, and can
    /// be charged all the same.
    pub(super) reviewed: BTreeMap<String, Option<String>>,
    pub(super) charges: BTreeMap<String, Charge>,
    /// What was paid for open stays before a charge was made, fen.
    pub(super) paid: BTreeMap<String, u64>,
    /// Coupons, times on the charger, and money in store.
    pub(super) tills: Tills,
    pub(super) zones: Zones,
    /// Sums over the ledger's whole life, by name: count and fen.
    pub(super) totals: BTreeMap<String, (u64, u64)>,
    /// Refunds that are not done with.
    pub(super) refunds: BTreeMap<String, Refund>,
    /// Orders that are paid on the spot, and those that were.
    pub(super) codes: BTreeMap<String, Code>,
    /// What went back of charges, through WeChat or otherwise, fen.
    pub(super) refunded: BTreeMap<String, u64>,
}

impl State {
    /// Whether a state begins with this record: it is all of it, or its first part.
    pub(super) fn begins(checkpoint: &Value) -> bool {
        !checkpoint["site"].is_null() || checkpoint["first"] == true
    }

    /// Takes in a record of it; whether it is whole now.
    pub(super) fn read(&mut self, checkpoint: &Value) -> bool {
        let rest = match checkpoint["site"].is_null() {
            true => &checkpoint["rest"],
            false => checkpoint,
        };
        self.take(checkpoint);
        if rest.is_null() {
            return false;
        }
        self.take(&rest["site"]);
        self.take(&rest["book"]);
        let totals = entries(&rest["book"]["totals"]);
        self.totals.extend(totals.filter_map(|(name, sum)| {
            Some((name?, (sum["count"].as_u64()?, sum["fen"].as_u64()?)))
        }));
        self.tills = Tills::of_state(&rest["site"]);
        self.zones = Zones::of_state(&rest["site"]);
        let paid = entries(&rest["site"]["paid"]);
        self.paid
            .extend(paid.filter_map(|(stay, paid)| Some((stay?, paid["fen"].as_u64()?))));
        let reviewed = entries(&rest["site"]["reviews"]);
        self.reviewed.extend(reviewed.filter_map(|(stay, review)| {
            let charge = review["trade_no"].as_str().map(str::to_owned);
            Some((stay?, charge))
        }));
        let refunds = &rest["book"]["refunds"];
        let open = entries(&refunds["open"]);
        self.refunds
            .extend(open.filter_map(|(_, refund)| Refund::stood(&refund)));
        let spots = &rest["book"]["spots"];
        let open = entries(&spots["open"]);
        self.codes
            .extend(open.filter_map(|(_, spot)| Code::stood(&spot, None)));
        let over = entries(&spots["done"]);
        self.codes.extend(over.filter_map(|(_, done)| {
            let is = |word: &str| done[word] == true;
            let ended = ["paid", "given_back"].into_iter().find(|word| is(word));
            Code::stood(&done["spot"], Some(ended.unwrap_or("closed")))
        }));
        let done = entries(&refunds["charges"]);
        self.refunded.extend(done.filter_map(|(number, of)| {
            let otherwise_fen = of["otherwise_fen"].as_u64().unwrap_or_default();
            Some((number?, of["fen"].as_u64()? + otherwise_fen))
        }));
        let claimed = entries(&rest["site"]["claimed"]);
        self.claimed.extend(
            claimed.filter_map(|(stay, number)| Some((stay?, number.as_str()?.to_owned()))),
        );
        true
    }

    /// Stays and charges, which stand under their numbers or one after the other.
    fn take(&mut self, fields: &Value) {
        let sessions = entries(&fields["sessions"]);
        let ids = sessions.filter_map(|(_, session)| Some(session["id"].as_str()?.to_owned()));
        self.sessions.extend(ids);
        let queued = entries(&fields["charges"])
            .filter_map(|(_, charge)| numbered(queued(&charge)?, &charge));
        self.charges.extend(queued);
        let desk = entries(&fields["desk"]);
        let desk = desk
            .filter_map(|(_, charge)| numbered(charge_of(&charge, Stands::WithStaff)?, &charge));
        self.charges.extend(desk);
    }
}

fn entries(value: &Value) -> impl Iterator<Item = (Option<String>, Value)> {
    let named = value.as_object().cloned().unwrap_or_default();
    let listed = value.as_array().cloned().unwrap_or_default();
    let named = named.into_iter().map(|(name, value)| (Some(name), value));
    named.chain(listed.into_iter().map(|value| (None, value)))
}

fn numbered(of: Charge, charge: &Value) -> Option<(String, Charge)> {
    let number = charge["claim"]["trade_no"].as_str()?;
    Some((number.to_owned(), of))
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
        coupon_fen: 0,
    })
}
