//! Charges, codes and refunds against the trade bill.

use super::desk::{Desk, HOUR, SECOND, day, line, opened, paid_at, refund_line, session, whats};
use super::written::{FEE_FEN, Line};
use crate::bills::report::What;
use crate::charges::answer::Paid;
use crate::charges::record::MoneyRecord;
use crate::charges::spot::SpotTold;
use crate::lane::number::{LedgerId, SessionId};
use crate::wechat::bill::Kind;

/// Whenever around midnight a charge is paid, whenever the ledger hears of it, and in whichever of both days'
/// bills WeChat puts it: it is found once, and missing on neither day.
#[test]
fn a_charge_around_midnight_is_matched_once_and_missing_on_neither_day() {
    let midnight = day().ends();
    let mut desk = Desk::new();
    let (mut today, mut tomorrow, mut counter) = (Vec::new(), Vec::new(), 0);
    for paid_s in [-3600, -700, -599, -60, -2, -1, 0, 1, 2, 60, 599, 700, 3600] {
        let paid = midnight.plus_ms(paid_s * SECOND);
        for heard_s in [0, 3, 61, 5_000] {
            for knows_when in [true, false] {
                for is_late in [true, false] {
                    // Far from midnight there is no doubt.
                    let is_edge = paid_s.abs() < 600;
                    let is_tomorrows = if is_edge { is_late } else { paid_s >= 0 };
                    counter += 1;
                    let heard = paid.plus_ms(heard_s * SECOND);
                    let told = if knows_when {
                        paid_at(paid)
                    } else {
                        Paid::default()
                    };
                    let number = desk.charge(counter, paid.plus_ms(-SECOND), heard, told);
                    let line = line(&number, paid);
                    match is_tomorrows {
                        true => tomorrow.push(line),
                        false => today.push(line),
                    }
                }
            }
        }
    }
    desk.trade_bill(day(), today);
    desk.trade_bill(day().plus(1), tomorrow);
    for other in [-1, 2] {
        desk.bills()
            .keep_nothing(Kind::Trade, day().plus(other))
            .unwrap();
    }
    let (first, second) = (desk.compare(day()), desk.compare(day().plus(1)));
    assert!(first.matches(), "{first:?}");
    assert!(second.matches(), "{second:?}");
    assert_eq!(first.ok.count + second.ok.count, counter);
    assert!(first.at_midnight.count > 0 && second.at_midnight.count > 0);
    for other in [-1, 2] {
        let report = desk.compare(day().plus(other));
        assert!(report.matches() && report.ok.count == 0, "{report:?}");
    }
}

/// The same, but WeChat has none of them: each is missing on exactly one day.
#[test]
fn a_charge_around_midnight_that_no_bill_has_is_missing_once() {
    let midnight = day().ends();
    let mut desk = Desk::new();
    let mut counter = 0;
    for paid_s in [-700, -599, -1, 0, 1, 599, 700] {
        let paid = midnight.plus_ms(paid_s * SECOND);
        for heard_s in [0, 3, 5_000] {
            for told in [paid_at(paid), Paid::default()] {
                counter += 1;
                desk.charge(
                    counter,
                    paid.plus_ms(-SECOND),
                    paid.plus_ms(heard_s * SECOND),
                    told,
                );
            }
        }
    }
    let refund = desk.refund(1, midnight.plus_ms(-SECOND));
    for of in -1..=2 {
        desk.bills()
            .keep_nothing(Kind::Trade, day().plus(of))
            .unwrap();
    }
    let mut missing = Vec::new();
    for of in -1..=2 {
        let report = desk.compare(day().plus(of));
        missing.extend(report.differences.into_iter().map(|it| it.number));
    }
    missing.sort();
    let mut expected: Vec<String> = (1..=counter).map(|it| session(it).trade_no(0)).collect();
    expected.push(refund);
    expected.sort();
    assert_eq!(missing, expected);
}

#[test]
fn a_refund_that_was_filed_over_midnight_stands_in_either_bill() {
    let midnight = day().ends();
    for filed_s in [-1, 1] {
        let mut desk = Desk::new();
        let paid = midnight.plus_ms(-3 * HOUR);
        let number = desk.charge(1, paid, paid, paid_at(paid));
        desk.refund(1, midnight.plus_ms(-SECOND));
        let refund = refund_line(1, midnight.plus_ms(filed_s * SECOND));
        let charge = line(&number, paid);
        let (today, tomorrow) = match filed_s < 0 {
            true => (vec![charge, refund], vec![]),
            false => (vec![charge], vec![refund]),
        };
        desk.trade_bill(day(), today);
        desk.trade_bill(day().plus(1), tomorrow);
        let (first, second) = (desk.compare(day()), desk.compare(day().plus(1)));
        assert!(first.matches() && second.matches(), "{first:?} {second:?}");
        assert_eq!(first.refunded.count + second.refunded.count, 1);
    }
}

/// Charge and code of one stay differ by a letter.
#[test]
fn a_code_that_was_scanned_is_matched_beside_the_charge_of_its_stay() {
    let mut desk = Desk::new();
    let noon = day().begins().plus_ms(12 * HOUR);
    let charge = desk.charge(1, noon, noon, paid_at(noon));
    let paid = |fen| SpotTold::Paid {
        transaction_id: Some("4200000001202603020000000001".into()),
        payer_fen: Some(fen),
    };
    let code = desk.code(1, noon, paid(FEE_FEN));
    let closed = SpotTold::Closed { why: "x".into() };
    desk.code(2, noon, closed);
    let line = |number: &str| line(number, noon);
    desk.trade_bill(day(), [line(&charge), line(&code)]);
    let report = desk.compare(day());
    assert!(report.matches(), "{report:?}");
    assert_eq!((report.ok.count, report.others.count), (2, 0));

    desk.trade_bill(day(), [line(&charge)]);
    let report = desk.compare(day());
    assert_eq!(whats(&report), [What::MissingThere]);
    assert_eq!(report.differences[0].number, code);

    let unknown = session(3).spot_no(0);
    desk.trade_bill(day(), [line(&charge), line(&code), line(&unknown)]);
    let report = desk.compare(day());
    assert_eq!(whats(&report), [What::MissingHere]);
}

#[test]
fn a_refund_of_a_code_that_was_scanned_is_matched() {
    let mut desk = Desk::new();
    let noon = day().begins().plus_ms(12 * HOUR);
    let code = desk.code(
        1,
        noon,
        SpotTold::Paid {
            transaction_id: None,
            payer_fen: None,
        },
    );
    desk.refund(1, noon);
    let refund = Line {
        refund_no: session(1).refund_no(0),
        ..line(&code, noon)
    };
    desk.trade_bill(day(), [line(&code, noon), refund]);
    let report = desk.compare(day());
    assert!(report.matches(), "{report:?}");
    assert_eq!((report.ok.count, report.refunded.count), (1, 1));
}

/// A day of a large merchant: most lines are others'. Read as it is unpacked, nothing of theirs is kept.
#[test]
fn a_bill_of_two_hundred_thousand_lines_is_matched() {
    const OWN: u64 = 2_000;
    const ALL: u64 = 200_000;
    let noon = day().begins().plus_ms(12 * HOUR);
    let mut desk = Desk::new();
    for many in (1..=OWN).collect::<Vec<_>>().chunks(250) {
        let facts = many.iter().flat_map(|counter| {
            let session = session(*counter);
            let settled = MoneyRecord::ChargeSettled {
                trade_no: session.trade_no(0),
                transaction_id: None,
                bank_type: None,
                paid: paid_at(noon),
            };
            opened(&session).into_iter().chain([settled])
        });
        desk.commit(noon, facts.collect::<Vec<_>>());
    }
    let others = SessionId::new(LedgerId(8), 1).trade_no(0);
    let lines = (1..=ALL).map(|row| match row.is_multiple_of(ALL / OWN) {
        true => line(&session(row / (ALL / OWN)).trade_no(0), noon),
        false => line(&others, noon),
    });
    desk.trade_bill(day(), lines);
    let report = desk.compare(day());
    assert!(report.matches(), "{report:?}");
    assert_eq!(
        (report.rows, report.ok.count, report.others.count),
        (ALL, OWN, ALL - OWN)
    );
}
