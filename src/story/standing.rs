//! How things stand: the durable part of it, the same from a running park and from its ledger.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};

use super::charge::ChargeRow;
use super::refund::RefundRow;
use super::{spot, steps};
use crate::charges::book::Book;
use crate::lane::number::LedgerId;
use crate::park::record::Record;
use crate::park::state::Site;
use crate::store::ledger::{Ledger, LedgerError};

/// The fold of a ledger, but for which readings were handled: that is for a park that goes on.
pub struct Standing {
    pub ledger: Option<LedgerId>,
    /// The last record.
    pub last_seq: u64,
    pub site: Site,
    pub book: Book,
}

impl Standing {
    /// Folds the ledger in `dir` from its newest checkpoint on.
    ///
    /// # Errors
    /// When the folder or a segment in it cannot be read.
    pub fn read(dir: &Path) -> Result<Self, LedgerError> {
        let ledger = Ledger::read_all(dir)?.ledger_id();
        let (mut site, mut book) = (Site::default(), Book::default());
        let last_seq = steps::read_newest(dir, |told| match told.record() {
            Some(Record::Checkpoint(snapshot)) => {
                site = snapshot.site;
                book = snapshot.book;
                site.reindex();
                book.reindex();
            }
            Some(Record::PartOfState(part)) => part.put_into(&mut site, &mut book),
            Some(Record::Lane(record)) => site.apply(&record),
            Some(Record::Money(record)) => {
                site.note_money(&record);
                book.apply(&record);
            }
            Some(
                Record::StepTaken(_)
                | Record::RulesChanged(_)
                | Record::PayloadsErased(_)
                | Record::Meanwhile(_)
                | Record::Mind(_)
                | Record::PartOfMind(_)
                | Record::Unknown { .. },
            )
            | None => {}
        })?;
        Ok(Self {
            ledger,
            last_seq,
            site,
            book,
        })
    }
}

/// How things stand, with the version and the ledger's id.
pub fn status(ledger: LedgerId, site: &Site, book: &Book) -> Value {
    let mut status = figures(site, book);
    status["version"] = env!("CARGO_PKG_VERSION").into();
    status["ledger"] = ledger.to_string().into();
    status["lists"] = json!({
        "plates": site.listing.len(),
        "version": site.listing.version,
        "changed": site.listing.changed.as_ref().map(|at| at.now.wall.to_rfc3339()),
    });
    status["merchant_stopped"] = json!(book.stop().map(|stop| stop.code.clone()));
    status
}

/// Cars, queue and money, in numbers alone.
pub fn figures(site: &Site, book: &Book) -> Value {
    let standing = book.standing();
    json!({
        "cars_inside": site.counted_inside(),
        "queue": {
            "entries": standing.entries,
            "waiting_for_entry": standing.waiting_for_entry,
            "due": standing.due,
            "sent": standing.sent,
            "unknown": standing.unknown,
            "accepted": standing.accepted,
        },
        "with_staff": standing.with_staff,
        "arrears_fen": book.arrears_fen(),
        "held": site.holds.len(),
        "reviews": site.open_reviews().count(),
        "exposure_fen": book.exposure_fen(),
        "totals": book.totals(),
    })
}

/// The lists of plates that are kept beside the configuration's.
pub fn lists(site: &Site) -> Value {
    let listing = &site.listing;
    json!({
        "version": listing.version,
        "changed": listing.changed.as_ref().map(|at| at.now.wall.to_rfc3339()),
        "changed_trusted": listing.changed.as_ref().map(|at| at.now.trusted),
        "listed": listing.all().collect::<Vec<_>>(),
        "balances_fen": listing.balances(),
    })
}

/// What waits for a person. `is_heard`: a code that is paid now would be heard of.
pub fn review(site: &Site, book: &Book, is_heard: bool) -> Value {
    let held = site.holds.values().map(|hold| {
        let mut held = json!(hold);
        if let Some(code) = spot::shown_at(site, book, &hold.lane, is_heard) {
            held["code"] = code;
        }
        held
    });
    json!({
        "held": held.collect::<Vec<_>>(),
        "stays": site.open_reviews().collect::<Vec<_>>(),
        "with_staff": book.desk().collect::<Vec<_>>(),
        "corrections": book.corrections().collect::<Vec<_>>(),
        "refunds": refunds(book).filter(|row| row.state.needs_a_person()).collect::<Vec<_>>(),
    })
}

/// Every refund that is not done with.
pub fn refunds(book: &Book) -> impl Iterator<Item = RefundRow> {
    book.refunds().open().map(RefundRow::of)
}

/// What is owed, by plate and then by age: all that the staff has, or that of plates with this in them.
pub fn arrears(book: &Book, plate: Option<&str>) -> Value {
    let wanted = plate.map(str::to_uppercase);
    let fits = |row: &ChargeRow| {
        wanted
            .as_ref()
            .is_none_or(|wanted| row.plate.contains(wanted))
    };
    let mut rows: Vec<ChargeRow> = book
        .desk()
        .map(|charge| ChargeRow::of(&charge))
        .filter(fits)
        .collect();
    rows.sort_by(|a, b| (&a.plate, a.exited, &a.trade_no).cmp(&(&b.plate, b.exited, &b.trade_no)));
    let fen: u64 = rows.iter().map(|row| row.fee_fen).sum();
    let plates: BTreeSet<&str> = rows.iter().map(|row| row.plate.as_str()).collect();
    json!({ "plates": plates.len(), "total_fen": fen, "arrears": rows })
}

/// Every charge that is not finished.
pub fn open_charges(book: &Book) -> impl Iterator<Item = ChargeRow> {
    let charges = book.charges().chain(book.desk());
    charges.map(|charge| ChargeRow::of(&charge))
}
