use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::cli::demo::audit::{Audit, Evidence, Sums};
use crate::cli::demo::timeline::{Followed, Standing};
use crate::lane::number::SessionId;
use crate::lane::plate::PlateNumber;
use crate::lane::time::Wall;
use crate::sim::site::{SiteReport, Visit};
use crate::sim::wechat::{Books, OrderRow, OrderState};

#[test]
fn the_line_is_the_one_that_was_promised() {
    let sums = Sums {
        passages: 20,
        charged_fen: 10_000,
        settled_fen: 9_500,
        handed_to_staff_fen: 500,
        p50_ms: 9,
        p99_ms: 20,
        ..Sums::default()
    };
    assert_eq!(
        sums.to_json(),
        "{\"passages\":20,\"charged_fen\":10000,\"settled_fen\":9500,\"handed_to_staff_fen\":500,\
         \"withdrawn_fen\":0,\"queued\":0,\"unknown\":0,\"lost\":0,\"doubled\":0,\"p50_ms\":9,\
         \"p99_ms\":20}"
    );
}

#[test]
fn settled_and_with_staff_and_nothing_else_is_sound() {
    let mut case = Case::new(&[Standing::Settled, Standing::WithStaff, Standing::Withdrawn]);
    case.books.orders.truncate(1);
    let audit = case.audit();
    assert_eq!(audit.faults, Vec::<String>::new());
    assert_eq!((audit.sums.passages, audit.sums.charged_fen), (3, 1_500));
}

#[test]
fn a_stay_that_is_in_no_book_is_lost() {
    let mut case = Case::new(&[Standing::Settled, Standing::Unfiled]);
    case.books.orders.truncate(1);
    let sums = case.audit().sums;
    assert_eq!((sums.lost, sums.queued), (1, 1));

    // The daemon has forgotten it, and so has WeChat.
    let mut case = Case::new(&[Standing::Settled, Standing::Settled]);
    case.books.orders.truncate(1);
    case.charges.pop_last();
    assert_eq!(case.audit().sums.lost, 1);
}

#[test]
fn money_that_only_the_daemon_believes_in_is_lost() {
    for change in [
        |order: &mut OrderRow| order.state = OrderState::PayFail,
        |order: &mut OrderRow| order.total_fen = 400,
        |order: &mut OrderRow| order.out_trade_no = "T9".into(),
    ] {
        let mut case = Case::new(&[Standing::Settled]);
        change(&mut case.books.orders[0]);
        let audit = case.audit();
        assert_eq!(audit.sums.lost, 1);
        assert!(!audit.faults.is_empty());
    }
}

#[test]
fn a_second_charge_of_a_stay_is_doubled() {
    let mut case = Case::new(&[Standing::Settled]);
    let mut second = case.books.orders[0].clone();
    second.out_trade_no = "T0-again".into();
    case.books.orders.push(second);
    // Beyond one for the plate, and of a number that nobody accounts for.
    assert_eq!(case.audit().sums.doubled, 2);
}

#[test]
fn a_charge_that_staff_collects_as_well_is_doubled() {
    for standing in [Standing::WithStaff, Standing::Withdrawn] {
        let case = Case::new(&[standing]);
        assert_eq!(case.audit().sums.doubled, 1);
        let mut case = Case::new(&[standing]);
        case.books.orders[0].state = OrderState::PayFail;
        assert_eq!(case.audit().sums.doubled, 0);
    }
}

#[test]
fn a_plate_that_comes_twice_owes_twice() {
    let twice = || {
        let mut case = Case::new(&[Standing::Settled, Standing::Settled]);
        let plate = case.site.visits[0].plate.clone();
        case.site.visits[1].plate = plate.clone();
        case.books.orders[1].plate = plate.as_str().to_owned();
        case.charges.get_mut("T1").unwrap().plate = plate;
        case
    };
    assert_eq!(twice().audit().faults, Vec::<String>::new());

    // One of the two stays is in no book.
    let mut case = twice();
    case.books.orders.pop();
    case.charges.pop_last();
    assert_eq!(case.audit().sums.lost, 1);

    // Two charges for the first, none for the second.
    let mut case = twice();
    let first = case.charges["T0"].session.clone();
    case.charges.get_mut("T1").unwrap().session = first;
    let sums = case.audit().sums;
    assert_eq!((sums.lost, sums.doubled), (1, 1));

    // Two stays, says the daemon; the car was here once.
    let mut case = twice();
    case.site.visits.pop();
    assert_eq!(case.audit().sums.doubled, 1);
}

#[test]
fn those_who_park_free_by_law_owe_nothing() {
    let mut case = Case::new(&[]);
    case.site.visits.push(Visit {
        plate: PlateNumber::parse("粤B1234警").unwrap().plate,
        let_in_after_ms: Some(3),
        let_out_after_ms: Some(4),
        gone: true,
        gave_up: false,
    });
    assert_eq!(case.audit().faults, Vec::<String>::new());
}

#[test]
fn a_daemon_that_does_not_answer_is_not_sound() {
    let case = Case {
        status: Value::Null,
        ..Case::new(&[Standing::Settled])
    };
    assert!(!case.audit().faults.is_empty());
}

#[test]
fn cars_that_wait_in_vain_are_a_fault() {
    let mut case = Case::new(&[Standing::Settled]);
    case.site.visits[0].gave_up = true;
    assert_eq!(case.audit().faults.len(), 1);
}

/// One car for each standing, each with an order at WeChat.
struct Case {
    status: Value,
    charges: BTreeMap<String, Followed>,
    site: SiteReport,
    books: Books,
}

impl Case {
    fn new(standings: &[Standing]) -> Self {
        let mut case = Self {
            status: Value::Null,
            charges: BTreeMap::new(),
            site: SiteReport::default(),
            books: Books::default(),
        };
        for (index, standing) in standings.iter().enumerate() {
            let plate = PlateNumber::parse(&format!("粤B1234{index}"))
                .unwrap()
                .plate;
            case.books.orders.push(order(index, plate.as_str()));
            case.site.visits.push(Visit {
                plate: plate.clone(),
                let_in_after_ms: Some(3),
                let_out_after_ms: Some(9),
                gone: true,
                gave_up: false,
            });
            let session = SessionId(format!("S{index}"));
            let followed = Followed::standing_at(session, plate, 500, *standing);
            case.charges.insert(format!("T{index}"), followed);
        }
        let sum = |wanted: &[Standing]| {
            let count = standings.iter().filter(|s| wanted.contains(s)).count();
            json!({ "count": count, "fen": count * 500 })
        };
        case.status = json!({
            "queue": { "unknown": 0 },
            "totals": {
                "opened": { "count": standings.len(), "fen": standings.len() * 500 },
                "settled": sum(&[Standing::Settled]),
                "handed_to_staff": sum(&[Standing::WithStaff]),
                "withdrawn": sum(&[Standing::Withdrawn]),
            },
        });
        case
    }

    fn audit(&self) -> Audit {
        Audit::of(&Evidence {
            status: &self.status,
            charges: &self.charges,
            site: &self.site,
            books: &self.books,
        })
    }
}

fn order(index: usize, plate: &str) -> OrderRow {
    OrderRow {
        out_trade_no: format!("T{index}"),
        parking_id: index.to_string(),
        plate: plate.to_owned(),
        total_fen: 500,
        state: OrderState::Success,
        asked: 1,
        accepted: 1,
        accepted_at: Wall(0),
        settled_at: None,
    }
}
