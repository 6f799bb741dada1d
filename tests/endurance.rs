//! Years of cars through the real decisions and the real ledger, with simulated time: how large the store
//! grows, how much is written for each passage, and whether what is left holds.
//!
//! A few hundred passages in `cargo test`; a million with
//! `PARKGATE_PASSAGES=1000000 cargo test --release --test endurance -- --nocapture`. `TMPDIR=/dev/shm`
//! spares the disk; what is written is counted at the ledger's own seam in any case.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::collections::VecDeque;
use std::path::Path;

use parkgate::charges::answer::{
    Answer, Heard, ParkingEntry, Parties, ServiceState, TradeState, Transaction,
};
use parkgate::charges::queue::{Extras, MerchantRules, Request};
use parkgate::config::Config;
use parkgate::gate::turn::{Journal, Turner};
use parkgate::lane::entry::{EntryRules, Unreadable};
use parkgate::lane::exit::{ExitRules, NearMatch, NoEntry};
use parkgate::lane::guard::{GuardRules, WhenGuarded};
use parkgate::lane::number::LedgerId;
use parkgate::lane::plate::{PlateColor, PlateNumber};
use parkgate::lane::reading::PlateRead;
use parkgate::lane::session::LaneId;
use parkgate::lane::tariff::Tariff;
use parkgate::lane::time::{BootId, Moment, Now, Wall};
use parkgate::park::Park;
use parkgate::park::erasure::{Erasure, Payloads};
use parkgate::park::event::Event;
use parkgate::park::record::Record;
use parkgate::park::rules::{Direction, LaneRules, Lists, Rules};
use parkgate::park::step::Command;
use parkgate::retention::{Days, Desk, Retention, Round, Stays};
use parkgate::store::audit::{self, Verdict, Watcher};
use parkgate::store::ledger::{Identity, Ledger, LedgerError, Options, Replay};
use parkgate::store::record::{Commit, Record as Stored};
use serde_json::Value;

const BEGINNING: Wall = Wall(1_772_409_600_000);
const DAY: u64 = 86_400_000;
const HOUR: u64 = 3_600_000;

/// As many as a middling car park has, in a long run.
const CARS_A_DAY: u64 = 800;
/// Bytes written for each passage; a little above what was measured.
const WRITTEN_MAX: u64 = 120_000;

#[test]
fn the_store_stays_bounded_over_years_of_cars() {
    let passages = match std::env::var("PARKGATE_PASSAGES") {
        Ok(text) => text.parse().unwrap(),
        Err(_) => 500,
    };
    // A short run gets short times, so that it comes to its ends as the long one does.
    let cars_a_day = (passages / 100).clamp(1, CARS_A_DAY);
    let days_in_all = passages / cars_a_day + 1;
    let scale = |days: u64| (days * days_in_all / 1_251).clamp(1, days);
    let days = Days {
        readings: scale(30),
        sessions: scale(180),
        money: scale(1_095),
        events: scale(180),
    };
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("ledger");
    let mut site = Site::open(&dir, days, small_if(passages < 20_000));
    let mut sizes = Vec::new();
    println!("day  passages  store_mb  written_mb  kb_a_passage  erased");
    let report_every = (days_in_all / 25).max(1);
    for day in 1..=days_in_all {
        let cars = cars_a_day.min(passages - site.passages);
        for car in 0..cars {
            site.passage((day - 1) * DAY + car * DAY / cars_a_day);
        }
        site.round(day * DAY);
        let bytes = bytes_in(&dir);
        sizes.push(bytes);
        if day % report_every == 0 || day == days_in_all {
            let written = site.desk.written();
            println!(
                "{day:4} {:9} {:9} {:11} {:13} {:?}",
                site.passages,
                bytes >> 20,
                written >> 20,
                written / site.passages.max(1) / 1024,
                site.erased
            );
        }
    }
    let written = site.desk.written() / site.passages;
    assert!(written < WRITTEN_MAX, "{written} bytes a passage");
    assert!(site.erased.reading > 0 && site.erased.session > 0 && site.erased.event > 0);
    if days_in_all > days.money + 3 {
        // Once the oldest money goes, the store grows no more.
        let full = usize::try_from(days.money + 3).unwrap();
        let at_full = sizes[full.min(sizes.len() - 1)];
        let largest = sizes.iter().copied().max().unwrap();
        assert!(
            largest <= at_full + at_full / 10 + (16 << 20),
            "{largest} after {at_full}"
        );
        assert!(site.erased.money > 0, "{:?}", site.erased);
    }
    let state = site.desk.turner.park().snapshot();
    drop(site);
    let report = audit::read(&dir, &mut Nobody).unwrap();
    assert_eq!(report.verdict(), Verdict::Sound, "{:?}", report.findings);
    println!(
        "{} records in {} segments, {} erased, from {} to {}",
        report.records, report.segments, report.erased, report.first_seq, report.last_seq
    );
    let again = Site::open(&dir, days, small_if(passages < 20_000));
    assert_eq!(again.desk.turner.park().snapshot(), state);
}

/// Segments of a short run are small, so that there are enough of them.
fn small_if(short: bool) -> Options {
    let inline = Options {
        inline_upkeep: true,
        ..Options::default()
    };
    match short {
        true => Options {
            segment_bytes: 1 << 20,
            ..inline
        },
        false => inline,
    }
}

struct Site {
    desk: Gate,
    retention: Retention,
    passages: u64,
    erased: Payloads,
}

/// Park and ledger.
struct Gate {
    turner: Turner<Book>,
    now: Now,
}

/// The state, as the ledger hands it on.
struct Folding(Park);

impl Replay for Folding {
    fn begin(&mut self, ledger: LedgerId) {
        self.0 = Park::new(ledger, rules());
    }

    fn commit(&mut self, commit: Commit) {
        for stored in &commit.records {
            self.0.replay_owned(Record::from_stored(stored).unwrap());
        }
    }
}

struct Book(Ledger);

impl Journal for Book {
    type Error = LedgerError;

    fn commit(&mut self, records: &[Stored]) -> Result<u64, LedgerError> {
        self.0.commit(records)
    }

    fn wants_checkpoint(&self) -> bool {
        self.0.wants_checkpoint()
    }

    fn checkpoint(&mut self, state: &[Stored]) -> Result<u64, LedgerError> {
        self.0.checkpoint(state)
    }
}

impl Gate {
    fn written(&self) -> u64 {
        self.turner.journal().0.bytes_written()
    }

    /// Decides an event, and everything that the world answers to it.
    fn tell(&mut self, event: Event) {
        let mut events = VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            let outcome = self.turner.turn(vec![event], self.now);
            assert!(outcome.store.is_none());
            let steps = outcome.taken.into_iter();
            for command in steps.flat_map(|taken| taken.step.commands) {
                self.now = after(self.now, 40);
                events.extend(answers(command));
            }
        }
    }
}

impl Desk for Gate {
    fn record(&mut self, erasure: &Erasure) -> bool {
        let erasure = Box::new(erasure.clone());
        self.tell(Event::ErasureDue { erasure });
        true
    }

    fn rotate(&mut self) -> bool {
        self.turner.want_checkpoint();
        self.turner.turn(Vec::new(), self.now);
        true
    }

    fn breathe(&mut self) -> bool {
        true
    }

    fn taken(&mut self, _: u64, _: u64) {}
}

impl Site {
    fn open(dir: &Path, days: Days, options: Options) -> Self {
        let identity = Identity {
            site: "sz-oct-bay".into(),
            box_id: "south-1".into(),
        };
        let mut folding = Folding(Park::new(LedgerId::default(), rules()));
        let (ledger, opening) = Ledger::replay(dir, &identity, &options, 7, &mut folding).unwrap();
        assert_eq!(opening.findings, []);
        let Folding(park) = folding;
        let mut desk = Gate {
            turner: Turner::new(park, Book(ledger)),
            now: at(0),
        };
        if opening.created {
            desk.tell(Event::Started {
                version: "test".into(),
                rules_changed: true,
                possibly_lost: 0,
                skip: 0,
            });
        }
        Self {
            desk,
            retention: Retention::new(days, None),
            passages: 0,
            erased: Payloads::default(),
        }
    }

    /// A car comes then or when the one before is done with, stays a minute, is charged for an hour, leaves,
    /// and the money moves.
    fn passage(&mut self, at_least: u64) {
        self.passages += 1;
        let plate = format!("粤B{:05}", self.passages * 7_919 % 100_000);
        self.come_to(at_least);
        self.desk
            .tell(read("in-1", &plate, self.passages, self.desk.now));
        self.through("in-1");
        self.desk.now = after(self.desk.now, 60_000);
        self.desk
            .tell(read("out-1", &plate, self.passages, self.desk.now));
        self.through("out-1");
        // Until WeChat has been asked what became of it.
        let mut ticks = 0;
        while self
            .desk
            .turner
            .park()
            .queue()
            .book()
            .charges()
            .next()
            .is_some()
        {
            let wake_at = self
                .desk
                .turner
                .wake_at()
                .expect("a charge is looked after");
            let wait = wake_at.since_ms(self.desk.now.moment).max(1);
            self.desk.now = after(self.desk.now, wait);
            self.desk.tell(Event::Tick);
            ticks += 1;
            assert!(ticks < 50, "it never settles");
        }
        assert!(self.desk.turner.park().site().cars_inside() == 0);
    }

    fn through(&mut self, lane: &str) {
        for occupied in [true, false] {
            self.desk.now = after(self.desk.now, 1_500);
            let lane = LaneId(lane.into());
            self.desk.tell(Event::ClosingLoop { lane, occupied });
        }
    }

    /// Time never goes back.
    fn come_to(&mut self, time: u64) {
        if at(time).moment > self.desk.now.moment {
            self.desk.now = at(time);
        }
    }

    fn round(&mut self, time: u64) {
        self.come_to(time);
        let round = Round {
            closed: self.desk.turner.journal().0.closed(),
            now: self.desk.now.wall,
            even_for_ms: DAY,
            unfinished: Stays::unfinished(self.desk.turner.park()),
        };
        let erased = self.retention.round(&round, &mut self.desk).unwrap();
        self.erased.add(erased);
    }
}

struct Nobody;

impl Watcher for Nobody {}

fn at(time: u64) -> Now {
    Now {
        moment: Moment(time + 100_000),
        wall: BEGINNING.plus_ms(i64::try_from(time).unwrap()),
        trusted: true,
        boot: BootId(1),
    }
}

fn after(now: Now, ms: u64) -> Now {
    Now {
        moment: now.moment.after_ms(ms),
        wall: now.wall.plus_ms(i64::try_from(ms).unwrap()),
        ..now
    }
}

fn read(lane: &str, plate: &str, id: u64, now: Now) -> Event {
    let plate = PlateNumber::parse(plate).unwrap().plate;
    let seen_at = now.wall;
    let mut read = PlateRead::by_hand(plate, Some(PlateColor::Blue));
    read.record_id = Some(id.to_string());
    read.confidence_permille = Some(980);
    read.captured_at = Some(seen_at);
    read.sent_at = Some(seen_at);
    Event::PlateRead {
        lane: LaneId(lane.into()),
        camera: "265e1040-85e01fb7".into(),
        read,
    }
}

/// What barriers and WeChat say to a command.
fn answers(command: Command) -> Option<Event> {
    let call = match command {
        Command::RaiseBarrier { lane, raise, .. } => {
            let driven = true;
            return Some(Event::RaiseAnswered {
                lane,
                raise,
                driven,
            });
        }
        Command::Call(call) => call,
    };
    Some(match call.request {
        Request::Refund { .. }
        | Request::QueryRefund { .. }
        | Request::Spot { .. }
        | Request::QuerySpot { .. }
        | Request::CloseSpot { .. } => return None,
        Request::NotifyEntry { session, body } => {
            let body: Value = serde_json::from_str(&body).unwrap();
            let entry = ParkingEntry {
                parking_id: format!("5K8264ILTKCH16CQ250{}", session.0),
                out_parking_no: text(&body["out_parking_no"]),
                plate_number: text(&body["plate_number"]),
                sub_mchid: None,
                state: ServiceState::Normal,
            };
            let heard = verified(entry);
            Event::EntryAnswered { session, heard }
        }
        Request::Charge { trade_no, body } => {
            let body: Value = serde_json::from_str(&body).unwrap();
            let info = &body["parking_info"];
            let mut order = order(&trade_no, TradeState::Accepted);
            order.total_fen = body["amount"]["total"].as_u64();
            order.parking_id = Some(text(&info["parking_id"]));
            order.plate_number = Some(text(&info["plate_number"]));
            order.plate_color = Some(PlateColor::Blue);
            PAID.with(|paid| paid.replace(Some(order.clone())));
            let heard = verified(order);
            Event::ChargeAnswered { trade_no, heard }
        }
        Request::Query { trade_no, .. } => {
            let mut order = PAID.with(|paid| paid.take()).expect("charged before");
            assert_eq!(order.out_trade_no, trade_no);
            order.state = TradeState::Success;
            order.transaction_id = Some("4200000000202603021234567890".into());
            order.bank_type = Some("BPA".into());
            let heard = verified(order);
            Event::QueryAnswered { trade_no, heard }
        }
    })
}

thread_local! {
    /// The order that WeChat took on last.
    static PAID: std::cell::RefCell<Option<Transaction>> = const { std::cell::RefCell::new(None) };
}

fn order(trade_no: &str, state: TradeState) -> Transaction {
    Transaction {
        paid: Default::default(),
        out_trade_no: trade_no.to_owned(),
        parties: Parties::default(),
        state,
        total_fen: None,
        parking_id: None,
        plate_number: None,
        plate_color: None,
        transaction_id: None,
        bank_type: None,
        description: None,
    }
}

fn verified<T>(answer: T) -> Heard<T> {
    Heard {
        answer: Answer::Verified(answer),
        request_id: Some("08F5A8BD0610DA0718E9D6DDA60120A5B40328F3D005-268578704".into()),
        skew_ms: Some(120),
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// The example's configuration, as it stands in every rules record.
fn rules() -> Rules {
    let config = include_str!("../firmware-config/parkgate.toml");
    let config = Config::parse(config, "parkgate.toml").unwrap();
    let tariff = "name = \"test\"\nversion = \"1\"\nthen = { every = \"1h\", fen = 500 }\n";
    let tariff = Tariff::from_toml(tariff, "tariff.toml").unwrap();
    let lane = |direction| LaneRules {
        direction,
        zone: None,
        duplicate_window_ms: 30_000,
        min_confidence_permille: Some(800),
    };
    Rules {
        box_id: "south-1".into(),
        lanes: [
            (LaneId("in-1".into()), lane(Direction::Entry)),
            (LaneId("out-1".into()), lane(Direction::Exit)),
        ]
        .into(),
        entry: EntryRules {
            wait_for_wechat_ms: 0,
            unreadable: Unreadable::Hold,
            places: None,
        },
        exit: ExitRules {
            budget_ms: 1_500,
            success_budget_ms: 8_000,
            try_when_blocked: true,
            no_entry: NoEntry::Ask,
            near_match: NearMatch::Ask,
            home_province: None,
            held_at_most_ms: 600_000,
            silent_normal_up_to_fen: 5_000,
            silent_unknown_up_to_fen: 2_000,
            exposure_limit_fen: 200_000,
            time_to_leave_ms: Some(900_000),
            advance: true,
            pay_by_code: false,
        },
        guard: GuardRules {
            max_stay_ms: 72 * HOUR,
            max_fee_fen: 10_000,
            at_exit: WhenGuarded::Hold,
        },
        lists: Lists::default(),
        merchant: MerchantRules {
            mchid: "1900000109".into(),
            appid: "wxd678efa567b16787".into(),
            sub: None,
            parking_name: "欢乐海岸停车场".into(),
            description: "停车费".into(),
            extras: Extras::default(),
            entry_notify_url: "https://parkgate.invalid".into(),
            charge_notify_url: "https://parkgate.invalid".into(),
            refund_notify_url: None,
            native_notify_url: None,
            free_duration_s: 0,
            free_times: Vec::new(),
        },
        tariff,
        config: config.to_json(),
    }
}

fn bytes_in(dir: &Path) -> u64 {
    let entries = std::fs::read_dir(dir).unwrap();
    entries
        .map(|entry| entry.unwrap().metadata().unwrap().len())
        .sum()
}
