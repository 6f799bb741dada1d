use std::fs::File;
use std::io::{BufWriter, Write};

use flate2::Compression;
use flate2::write::GzEncoder;
use tempfile::TempDir;

use super::*;
use crate::bills::money;
use crate::charges::answer::Paid;
use crate::charges::charge::{Claim, Opening};
use crate::charges::record::MoneyRecord;
use crate::charges::refund::{RefundClaim, RefundTold};
use crate::charges::spot::{SpotClaim, SpotTold};
use crate::lane::number::SessionId;
use crate::lane::plate::PlateNumber;
use crate::lane::session::LaneId;
use crate::lane::tariff::Quote;
use crate::lane::time::{BootId, Moment, Now, Stamp};
use crate::park::event::Event;
use crate::park::record::{Record, StepTaken};
use crate::store::ledger::{Identity, Options};
use crate::store::record::Record as Stored;

const SECOND: i64 = 1000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const LEDGER: LedgerId = LedgerId(7);
const FEE: u64 = 500;

fn day() -> Day {
    Day::read("2026-03-01").unwrap()
}

/// A box: its ledger, and WeChat's bills.
struct Desk {
    store: TempDir,
    ledger: Ledger,
}

impl Desk {
    fn new() -> Self {
        let store = tempfile::tempdir().unwrap();
        let identity = Identity {
            site: "s".into(),
            box_id: "b".into(),
        };
        let options = Options {
            inline_upkeep: true,
            ..Options::default()
        };
        let dir = store.path().join("ledger");
        let (ledger, _) = Ledger::open(&dir, &identity, &options, LEDGER.0).unwrap();
        Self { store, ledger }
    }

    fn bills(&self) -> Bills {
        Bills::of(self.store.path())
    }

    fn commit(&mut self, at: Wall, facts: impl IntoIterator<Item = MoneyRecord>) {
        let step = Record::StepTaken(StepTaken {
            now: now(at),
            event: Event::Tick,
            waited_ms: None,
        });
        let facts = facts.into_iter().map(Record::Money);
        let stored: Vec<Stored> = std::iter::once(step)
            .chain(facts)
            .map(|record| record.to_stored())
            .collect();
        self.ledger.commit(&stored).unwrap();
    }

    /// A charge that is sent at one time, and of whose payment the ledger hears at another.
    fn charge(&mut self, counter: u64, sent: Wall, heard: Wall, paid: Paid) -> String {
        let session = session(counter);
        let trade_no = session.trade_no(0);
        self.commit(sent, opened(&session));
        let settled = MoneyRecord::ChargeSettled {
            trade_no: trade_no.clone(),
            transaction_id: None,
            bank_type: None,
            paid,
        };
        self.commit(heard, [settled]);
        trade_no
    }

    /// A code of the same stay that was scanned and paid.
    fn code(&mut self, counter: u64, sent: Wall, told: SpotTold) -> String {
        let session = session(counter);
        let number = session.spot_no(0);
        let asked = MoneyRecord::SpotAsked {
            spot: SpotClaim {
                number: number.clone(),
                session,
                plate: plate(),
                lane: LaneId("out-1".into()),
                entered: stamp(sent.plus_ms(-HOUR)),
                fen: FEE,
                at: stamp(sent),
            },
        };
        let is_sent = MoneyRecord::SpotSent {
            number: number.clone(),
            body: None,
        };
        self.commit(sent, [asked, is_sent]);
        let told = MoneyRecord::SpotTold {
            number: number.clone(),
            told,
        };
        self.commit(sent.plus_ms(SECOND), [told]);
        number
    }

    fn refund(&mut self, counter: u64, sent: Wall) -> String {
        let session = session(counter);
        let refund_no = session.refund_no(0);
        let claim = RefundClaim {
            refund_no: refund_no.clone(),
            trade_no: session.trade_no(0),
            session,
            plate: plate(),
            charged_fen: FEE,
            fen: 200,
            reason: String::new(),
            sent_for: None,
            corrects: false,
            by: "Li".into(),
            why: "x".into(),
            at: stamp(sent),
        };
        let asked = MoneyRecord::RefundAsked { refund: claim };
        let is_sent = MoneyRecord::RefundSent {
            refund_no: refund_no.clone(),
            body: None,
            at: stamp(sent),
        };
        let told = MoneyRecord::RefundTold {
            refund_no: refund_no.clone(),
            told: RefundTold::Processing { refund_id: None },
        };
        self.commit(sent, [asked, is_sent]);
        self.commit(sent.plus_ms(SECOND), [told]);
        refund_no
    }

    fn compare(&self, day: Day) -> Report {
        compare(&self.bills(), day, &self.store.path().join("ledger")).unwrap()
    }
}

fn session(counter: u64) -> SessionId {
    SessionId::new(LEDGER, counter)
}

fn opened(session: &SessionId) -> [MoneyRecord; 2] {
    let claim = Claim {
        trade_no: session.trade_no(0),
        session: session.clone(),
        plate: plate(),
        lane: LaneId("out-1".into()),
        entered: stamp(day().begins()),
        exited: stamp(day().begins()),
        stay_ms: 0,
        quote: Quote {
            fee_fen: FEE,
            lines: Vec::new(),
        },
        opening: Opening::ToFile {
            despite_block: false,
        },
    };
    [
        MoneyRecord::ChargeOpened { claim },
        MoneyRecord::ChargeSent {
            trade_no: session.trade_no(0),
            body: None,
        },
    ]
}

fn plate() -> PlateNumber {
    PlateNumber::parse("粤B6K7H2").unwrap().plate
}

fn now(wall: Wall) -> Now {
    Now {
        moment: Moment(u64::try_from(wall.0).unwrap()),
        wall,
        trusted: true,
        boot: BootId(1),
    }
}

fn stamp(wall: Wall) -> Stamp {
    Stamp {
        now: now(wall),
        box_id: "b".into(),
    }
}

fn paid_at(at: Wall) -> Paid {
    Paid {
        at: Some(at),
        ..Paid::default()
    }
}

/// A line of a trade bill, and those of the fund flow that follow from it.
#[derive(Clone)]
struct Line {
    at: Wall,
    trade_no: String,
    refund_no: String,
    sub_mchid: &'static str,
    coupon_fen: u64,
}

impl Line {
    fn of(trade_no: &str, at: Wall) -> Self {
        Self {
            at,
            trade_no: trade_no.to_owned(),
            refund_no: "0".into(),
            sub_mchid: "0",
            coupon_fen: 0,
        }
    }

    fn refund(counter: u64, at: Wall) -> Self {
        Self {
            refund_no: session(counter).refund_no(0),
            ..Self::of(&session(counter).trade_no(0), at)
        }
    }

    fn is_refund(&self) -> bool {
        self.refund_no != "0"
    }
}

const FEE_OF_ONE: i64 = 3_000;

fn yuan(fen: u64) -> String {
    format!("{}.{:02}", fen / 100, fen % 100)
}

fn written(at: Wall) -> String {
    at.to_rfc3339().replace('T', " ").replace("+08:00", "")
}

fn keep(bills: &Bills, kind: Kind, day: Day, write: impl FnOnce(&mut dyn Write)) {
    let path = bills.path(kind, day);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut packed = BufWriter::new(GzEncoder::new(
        File::create(path).unwrap(),
        Compression::fast(),
    ));
    write(&mut packed);
    packed.into_inner().unwrap().finish().unwrap();
}

fn trade_bill(desk: &Desk, day: Day, lines: impl IntoIterator<Item = Line>) {
    keep(&desk.bills(), Kind::Trade, day, |out| {
        let (mut rows, mut paid, mut back, mut fee) = (0_u64, 0, 0, 0);
        writeln!(out, "交易时间,特约商户号,微信订单号,商户订单号,交易状态,应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,退款状态,手续费,订单金额,申请退款金额").unwrap();
        for line in lines {
            rows += 1;
            let (state, stands, went) = match line.is_refund() {
                true => ("REFUND", "SUCCESS", 200),
                false => ("SUCCESS", "", 0),
            };
            let own_fee = if line.is_refund() { -1_200 } else { FEE_OF_ONE };
            (back, fee) = (back + went, fee + own_fee);
            paid += if line.is_refund() { 0 } else { FEE };
            let (at, sub, no, refund) = (
                written(line.at),
                line.sub_mchid,
                &line.trade_no,
                &line.refund_no,
            );
            let (coupon, total, went) = (yuan(line.coupon_fen), yuan(FEE), yuan(went));
            let own_fee = money::write(own_fee);
            writeln!(out, "`{at},`{sub},`42{rows},`{no},`{state},`{total},`{coupon},`0,`{refund},`{went},`{stands},`{own_fee},`{total},`{went}").unwrap();
        }
        let (paid, back, fee) = (yuan(paid), yuan(back), money::write(fee));
        writeln!(out, "总交易单数,应结订单总金额,退款总金额,手续费总金额,订单总金额,申请退款总金额\n`{rows},`{paid},`{back},`{fee},`{paid},`{back}").unwrap();
    });
}

/// Lines: number, words, fen.
fn flow_bill(desk: &Desk, day: Day, lines: &[(&str, &str, i64)]) {
    keep(&desk.bills(), Kind::FundFlow, day, |out| {
        writeln!(
            out,
            "记账时间,微信支付业务单号,业务名称,收支类型,收支金额(元),业务凭证号"
        )
        .unwrap();
        let at = written(day.begins().plus_ms(12 * HOUR));
        let (mut came, mut went) = ((0, 0), (0, 0));
        for (number, name, fen) in lines {
            let (side, sum) = match *fen < 0 {
                true => ("支出", &mut went),
                false => ("收入", &mut came),
            };
            *sum = (sum.0 + 1, sum.1 + fen.unsigned_abs());
            writeln!(
                out,
                "`{at},`9,`{name},`{side},`{},`{number}",
                yuan(fen.unsigned_abs())
            )
            .unwrap();
        }
        let (all, income, outgo) = (came.0 + went.0, yuan(came.1), yuan(went.1));
        writeln!(
            out,
            "资金流水总笔数,收入笔数,收入金额,支出笔数,支出金额\n`{all},`{},`{income},`{},`{outgo}",
            came.0, went.0
        )
        .unwrap();
    });
}

fn whats(report: &Report) -> Vec<What> {
    report.differences.iter().map(|it| it.what).collect()
}

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
                    let line = Line::of(&number, paid);
                    match is_tomorrows {
                        true => tomorrow.push(line),
                        false => today.push(line),
                    }
                }
            }
        }
    }
    trade_bill(&desk, day(), today);
    trade_bill(&desk, day().plus(1), tomorrow);
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
        let refund = Line::refund(1, midnight.plus_ms(filed_s * SECOND));
        let charge = Line::of(&number, paid);
        let (today, tomorrow) = match filed_s < 0 {
            true => (vec![charge, refund], vec![]),
            false => (vec![charge], vec![refund]),
        };
        trade_bill(&desk, day(), today);
        trade_bill(&desk, day().plus(1), tomorrow);
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
    let code = desk.code(1, noon, paid(FEE));
    let closed = SpotTold::Closed { why: "x".into() };
    desk.code(2, noon, closed);
    let line = |number: &str| Line::of(number, noon);
    trade_bill(&desk, day(), [line(&charge), line(&code)]);
    let report = desk.compare(day());
    assert!(report.matches(), "{report:?}");
    assert_eq!((report.ok.count, report.others.count), (2, 0));

    trade_bill(&desk, day(), [line(&charge)]);
    let report = desk.compare(day());
    assert_eq!(whats(&report), [What::MissingThere]);
    assert_eq!(report.differences[0].number, code);

    let unknown = session(3).spot_no(0);
    trade_bill(&desk, day(), [line(&charge), line(&code), line(&unknown)]);
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
        ..Line::of(&code, noon)
    };
    trade_bill(&desk, day(), [Line::of(&code, noon), refund]);
    let report = desk.compare(day());
    assert!(report.matches(), "{report:?}");
    assert_eq!((report.ok.count, report.refunded.count), (1, 1));
}

/// A charge of noon, in full or by coupon, and a refund of another that was paid on the day before.
fn noon() -> (Desk, Vec<Line>) {
    let mut desk = Desk::new();
    let noon = day().begins().plus_ms(12 * HOUR);
    let paid = Paid {
        payer_fen: Some(300),
        coupon_fen: Some(200),
        ..paid_at(noon)
    };
    let number = desk.charge(1, noon, noon.plus_ms(SECOND), paid);
    let before = noon.plus_ms(-24 * HOUR);
    desk.charge(2, before, before, paid_at(before));
    desk.refund(2, noon);
    let line = Line {
        coupon_fen: 200,
        ..Line::of(&number, noon)
    };
    (desk, vec![line, Line::refund(2, noon)])
}

#[test]
fn what_the_driver_paid_is_compared_where_both_tell_it() {
    let (desk, mut lines) = noon();
    trade_bill(&desk, day(), lines.clone());
    let report = desk.compare(day());
    assert!(report.matches(), "{report:?}");
    assert_eq!(
        (report.ok.fen, report.coupons.fen, report.refunded.fen),
        (500, 200, 200)
    );
    lines[0].coupon_fen = 100;
    trade_bill(&desk, day(), lines);
    let report = desk.compare(day());
    assert_eq!(whats(&report), [What::PayerDiffers]);
    let difference = &report.differences[0];
    assert_eq!(
        (difference.bill_fen, difference.ledger_fen),
        (Some(400), Some(300))
    );
}

#[test]
fn the_fund_flow_is_held_against_the_trade_bill_line_by_line() {
    let (desk, lines) = noon();
    trade_bill(&desk, day(), lines);
    let (charge, refund) = (session(1).trade_no(0), session(2).refund_no(0));
    let another = session(9).trade_no(0);
    let (charge, refund, another) = (&*charge, &*refund, &*another);
    let report = |lines: &[(&str, &str, i64)]| {
        flow_bill(&desk, day(), lines);
        desk.compare(day())
    };
    let whole = [
        (charge, "交易", 500),
        (charge, "扣除交易手续费", -3),
        (refund, "退款", -200),
        (refund, "返还手续费", 1),
        ("other", "交易", 700),
        ("", "提现", -880),
        (charge, "分账", -20),
    ];
    let fits = report(&whole);
    assert!(fits.matches(), "{fits:?}");
    let flow = fits.flow.unwrap();
    assert_eq!(
        (flow.rows, flow.income.fen, flow.refunded.fen),
        (7, 500, 200)
    );
    assert_eq!((flow.others_in.fen, flow.others_out.fen), (700, 900));
    assert_eq!((flow.ok.count, flow.fee_yuan.as_str()), (2, "0.02000"));
    // Some merchants' fees go from elsewhere, and a refund's fee may be taken off it.
    for also in [
        &[whole[0], whole[2]][..],
        &[whole[0], whole[1], (refund, "退款", -199)],
    ] {
        let report = report(also);
        assert!(report.matches(), "{report:?}");
    }
    for (lines, what) in [
        (&whole[2..4], What::NotInFlow),
        (&whole[..2], What::NotInFlow),
        (
            &[(charge, "交易", 499), whole[1], whole[2], whole[3]][..],
            What::FlowDiffers,
        ),
        (
            &[whole[0], whole[1], (refund, "退款", -150)],
            What::FlowDiffers,
        ),
        (
            &[whole[0], (charge, "扣除交易手续费", -5), whole[2]],
            What::FeeDiffers,
        ),
        (
            &[whole[0], whole[1], whole[2], (another, "交易", 500)],
            What::OnlyInFlow,
        ),
    ] {
        let report = report(lines);
        assert_eq!(whats(&report), [what], "{report:?}");
        assert!(!report.matches() && report.csv().contains(what.code()));
    }
    desk.bills().keep_nothing(Kind::FundFlow, day()).unwrap();
    assert_eq!(
        whats(&desk.compare(day())),
        [What::NotInFlow, What::NotInFlow]
    );
}

#[test]
fn a_sub_merchants_money_is_not_looked_for_in_the_providers_account() {
    let (desk, mut lines) = noon();
    lines
        .iter_mut()
        .for_each(|line| line.sub_mchid = "1900000109");
    trade_bill(&desk, day(), lines);
    desk.bills().keep_nothing(Kind::FundFlow, day()).unwrap();
    let report = desk.compare(day());
    assert!(report.matches(), "{report:?}");
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
    let lines = (1..=ALL).map(|line| match line.is_multiple_of(ALL / OWN) {
        true => Line::of(&session(line / (ALL / OWN)).trade_no(0), noon),
        false => Line::of(&others, noon),
    });
    trade_bill(&desk, day(), lines);
    let report = desk.compare(day());
    assert!(report.matches(), "{report:?}");
    assert_eq!(
        (report.rows, report.ok.count, report.others.count),
        (ALL, OWN, ALL - OWN)
    );
}
