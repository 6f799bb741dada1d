//! The morning after: WeChat's bills of the days that an evening touched, fetched as the box fetches them, with
//! other boxes of the merchant in them, and held against the box's disk by its own code.

use std::collections::BTreeMap;
use std::io::{self, Cursor};

use serde_json::{Value, json};

use super::disk::Disk;
use super::faults::{FAULTS_MS, Group};
use super::site::HOUR;
use super::world::World;
use crate::bills::day::Day;
use crate::bills::keep::{self, Bill};
use crate::bills::matching::{MatchFault, Sources, compare_in};
use crate::lane::number::{LedgerId, SessionId};
use crate::lane::time::Wall;
use crate::park::record::Record;
use crate::sim::random::SplitMix64;
use crate::sim::wechat::{Request as Http, Simulator};
use crate::store::ledger::LedgerError;
use crate::wechat::bill::{self, Kind};
use crate::wechat::{native, refund};

/// The box asks so long before a bill is made.
const TOO_EARLY_MS: i64 = 3_600_000;

/// What bills hold, and when.
#[derive(Default)]
pub struct BillFaults {
    /// So many orders are paid at other boxes of the merchant; something goes back of the first.
    others: u64,
    /// A bill is not made yet when it is asked for.
    late: bool,
}

pub struct Bills {
    faults: BillFaults,
    random: SplitMix64,
}

impl BillFaults {
    pub fn drawn(random: &mut SplitMix64) -> Self {
        Self {
            others: random.below(4),
            late: random.chance(300),
        }
    }
}

impl Bills {
    pub fn new(seed: u64, faults: BillFaults) -> Self {
        Self {
            faults,
            random: SplitMix64::new(seed, "bills"),
        }
    }
}

/// What the box has of each day, packed; nothing of a day on which nothing happened.
#[derive(Default)]
struct Kept {
    trade: BTreeMap<Day, Vec<u8>>,
    fund_flow: BTreeMap<Day, Vec<u8>>,
}

/// The box: its bills and its disk.
struct Desk<'a> {
    kept: &'a Kept,
    disk: &'a Disk,
}

impl Sources for Desk<'_> {
    fn bill(&self, kind: Kind, day: Day) -> io::Result<Option<Bill>> {
        let kept = match kind {
            Kind::Trade => self.kept.trade.get(&day),
            Kind::FundFlow => self.kept.fund_flow.get(&day),
        };
        let bill =
            |packed: &Vec<u8>| Bill::of_packed(Cursor::new(packed.clone()), packed.is_empty());
        Ok(kept.map(bill))
    }

    fn records(
        &self,
        since: Option<Wall>,
        hear: &mut dyn FnMut(&Record, Wall),
    ) -> Result<(), LedgerError> {
        self.disk.tell(since, hear);
        Ok(())
    }
}

impl World {
    /// Matches each day that has a bill by now.
    pub(super) fn match_bills(&mut self) {
        // Nothing is signed by a clock that is never set, and so nothing was paid.
        if self.clock.is_never_set() {
            return;
        }
        self.others_sell();
        let now = self.clock.true_wall();
        let first = Day::of(self.clock.wall_at(0));
        let days: Vec<Day> = first
            .through(Day::of(now))
            .filter(|day| day.has_bill_from() <= now)
            .collect();
        let bills = &mut self.network.bills;
        let late = bills.random.pick(&days).copied();
        let late = late.filter(|_| bills.faults.late);
        let mut kept = Kept::default();
        for day in days.iter().filter(|day| Some(**day) != late) {
            self.fetch(*day, now, &mut kept);
        }
        if let Some(late) = late {
            self.count(Group::Network, "bill not made yet");
            self.fetch(late, late.has_bill_from().plus_ms(-TOO_EARLY_MS), &mut kept);
            self.match_days(&days, &kept);
            self.fetch(late, now, &mut kept);
        }
        self.match_days(&days, &kept);
    }

    fn match_days(&mut self, days: &[Day], kept: &Kept) {
        let ledger = self.machine.park().ledger();
        for &day in days {
            let desk = Desk {
                kept,
                disk: &self.machine.disk,
            };
            let verdict = match compare_in(&desk, day, ledger) {
                Ok(report) => self.oracle.judge_bill(day, &report, &self.view()),
                Err(MatchFault::NotFetched(_)) if !kept.trade.contains_key(&day) => Ok(()),
                Err(fault) => self.oracle.judge_unmatched(day, &fault),
            };
            self.note(verdict);
        }
    }

    /// What WeChat has of a day, at that time.
    fn fetch(&mut self, day: Day, at: Wall, kept: &mut Kept) {
        let merchant = &self.machine.rules.merchant;
        let sub_mchid = merchant.sub.as_ref().map(|sub| sub.mchid.as_str());
        let simulator = &mut self.network.simulator;
        kept.trade
            .extend(fetched(simulator, Kind::Trade, day, sub_mchid, at));
        kept.fund_flow
            .extend(fetched(simulator, Kind::FundFlow, day, sub_mchid, at));
    }

    /// Drivers pay at other boxes meanwhile, and one gets something back.
    fn others_sell(&mut self) {
        let bills = &mut self.network.bills;
        let ledger = LedgerId::from_random(bills.random.next_u64());
        let sold: Vec<(u64, u64)> = (0..bills.faults.others)
            .map(|_| {
                (
                    bills.random.below(FAULTS_MS),
                    100 * (1 + bills.random.below(9)),
                )
            })
            .collect();
        let merchant = &self.machine.rules.merchant;
        let payee = native::Payee {
            mchid: merchant.mchid.clone(),
            appid: merchant.appid.clone(),
            sub_mchid: merchant.sub.as_ref().map(|sub| sub.mchid.clone()),
        };
        let simulator = &mut self.network.simulator;
        for (counter, (time, total_fen)) in (1..).zip(&sold) {
            let at = self.clock.wall_at(*time);
            let session = SessionId::new(ledger, counter);
            let order = native::Order {
                payee: &payee,
                out_trade_no: &session.spot_no(0),
                description: "停车费",
                total_fen: *total_fen,
                expires: at.plus_ms(i64::try_from(HOUR).expect("an hour")),
                notify_url: "https://pay.example.com/another/box",
            };
            let made = Http::post(payee.create(), order.body());
            simulator.handle(&made, at);
            simulator.pay_native(order.out_trade_no, at);
            if counter == 1 {
                let back = Http::post(refund::REFUNDS, back_of(&order, &session).to_string());
                simulator.handle(&back, at.plus_ms(1_000));
            }
        }
        for _ in sold {
            self.count(Group::Network, "another box in a bill");
        }
    }
}

fn back_of(order: &native::Order<'_>, session: &SessionId) -> Value {
    let mut body = json!({
        "out_trade_no": order.out_trade_no,
        "out_refund_no": session.refund_no(0),
        "amount": { "refund": 1, "total": order.total_fen, "currency": "CNY" },
    });
    if let Some(sub_mchid) = &order.payee.sub_mchid {
        body["sub_mchid"] = json!(sub_mchid);
    }
    body
}

/// A bill as it comes; None while WeChat is making it.
fn fetched(
    simulator: &mut Simulator,
    kind: Kind,
    day: Day,
    sub_mchid: Option<&str>,
    at: Wall,
) -> Option<(Day, Vec<u8>)> {
    let target = bill::target(kind, &day.to_string(), sub_mchid).expect("a day has a bill");
    let answer = simulator.handle(&Http::get(target), at).answer;
    let answer = answer.expect("nothing is lost any more");
    if answer.status == 200 {
        let place = bill::place(&answer.body).expect("the place of a bill");
        let target = place.target(&[]).expect("one of WeChat's hosts");
        let file = simulator.handle(&Http::get(target), at).answer;
        let packed = file.expect("nothing is lost any more").body;
        keep::check(&packed, &place.sha1).expect("the bill whose hash was told");
        return Some((day, packed));
    }
    let said: Value = serde_json::from_slice(&answer.body).expect("JSON");
    match said["code"].as_str() {
        Some("NO_STATEMENT_EXIST") => Some((day, Vec::new())),
        Some("STATEMENT_CREATING") => None,
        _ => panic!("no bill of {day}: {said}"),
    }
}
