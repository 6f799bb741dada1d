//! What ledger, status and WeChat's books say, compared with each other.

use std::collections::{BTreeMap, BTreeSet};

use parkgate::charges::record::MoneyRecord;
use parkgate::park::record::{LaneRecord, Record};
use parkgate::sim::wechat::Books;
use parkgate::store::ledger::Ledger;
use serde_json::Value;

use crate::bench::Bench;

/// Every record of the bench's ledger, oldest first.
pub fn records(bench: &Bench) -> Vec<Record> {
    Ledger::read_all(&bench.store().join("ledger"))
        .unwrap()
        .flat_map(|commit| commit.unwrap().records)
        .map(|stored| Record::from_stored(&stored).unwrap())
        .collect()
}

/// Nothing was lost and nothing was doubled. To be called when everything is filed.
pub fn assert_balanced(bench: &Bench, status: &Value) {
    assert_books_balanced(bench, status);
    let report = Ledger::verify(&bench.store().join("ledger")).unwrap();
    assert!(report.is_sound(), "{report:?}");
}

/// As [`assert_balanced`], for a ledger in which commits were cut short.
pub fn assert_books_balanced(bench: &Bench, status: &Value) {
    let books = bench.wechat.books();
    assert_eq!(
        books.violations,
        [],
        "a correct client sends nothing like it"
    );
    let records = records(bench);
    let claims = assert_claimed_once(&records);
    assert_queried_before_repeated(&records);
    assert_charged_once(&books, &claims);
    assert_sums(&books, &claims, status);
}

/// One claim for each stay. Returns the claims: number → fen.
fn assert_claimed_once(records: &[Record]) -> BTreeMap<String, u64> {
    let (mut claims, mut claimed, mut closed) = (BTreeMap::new(), BTreeSet::new(), BTreeSet::new());
    for record in records {
        match record {
            Record::Money(MoneyRecord::ChargeOpened { claim }) => {
                claims.insert(claim.trade_no.clone(), claim.quote.fee_fen);
                assert!(claimed.insert(&claim.session), "{} twice", claim.session);
            }
            Record::Lane(LaneRecord::SessionClosed { session, .. }) => {
                assert!(closed.insert(session), "{session} closed twice");
            }
            _ => {}
        }
    }
    claims
}

/// Whose answer was lost is sent again only when WeChat has said that there is no such order.
fn assert_queried_before_repeated(records: &[Record]) {
    let mut unknown = BTreeSet::new();
    for record in records {
        match record {
            Record::Money(MoneyRecord::ChargeUnknown { trade_no, .. }) => {
                unknown.insert(trade_no);
            }
            Record::Money(
                MoneyRecord::ChargeDueAgain { trade_no, .. }
                | MoneyRecord::ChargeToRepeat { trade_no, .. },
            ) => {
                unknown.remove(trade_no);
            }
            Record::Money(MoneyRecord::ChargeSent { trade_no, .. }) => {
                assert!(!unknown.contains(trade_no), "{trade_no} repeated blindly");
            }
            _ => {}
        }
    }
}

/// WeChat has no order but ours, each once, over the sum that was claimed.
fn assert_charged_once(books: &Books, claims: &BTreeMap<String, u64>) {
    let mut charged = BTreeSet::new();
    for order in &books.orders {
        let number = &order.out_trade_no;
        assert!(charged.insert(number), "{number} has two orders");
        assert_eq!(order.accepted, 1, "{order:?}");
        assert_eq!(order.asked, 1, "repeated without a query: {order:?}");
        assert_eq!(claims.get(number), Some(&order.total_fen), "{order:?}");
    }
    for entry in &books.entries {
        assert!(entry.accepted <= 1, "{entry:?}");
    }
}

/// What was claimed is at WeChat, with the staff, or withdrawn.
fn assert_sums(books: &Books, claims: &BTreeMap<String, u64>, status: &Value) {
    let sum = |name: &str, part: &str| status["totals"][name][part].as_u64().unwrap();
    assert_eq!(sum("opened", "fen"), claims.values().sum::<u64>());
    let elsewhere = sum("handed_to_staff", "fen") + sum("withdrawn", "fen");
    let at_wechat = books.accepted_fen();
    assert_eq!(sum("opened", "fen"), at_wechat + elsewhere, "{status}");
    let accepted = status["queue"]["accepted"].as_u64().unwrap();
    let orders = u64::try_from(books.orders.len()).unwrap();
    assert_eq!(sum("settled", "count") + accepted, orders, "{status}");
    if accepted == 0 {
        assert_eq!(sum("settled", "fen"), at_wechat, "{status}");
    }
}
