//! The site: its rules, its lanes, its plates.

use std::collections::BTreeMap;

use crate::charges::queue::{Extras, MerchantRules, SubMerchant};
use crate::lane::entry::{EntryRules, Unreadable};
use crate::lane::exit::{ExitRules, NearMatch, NoEntry};
use crate::lane::guard::{GuardRules, WhenGuarded};
use crate::lane::plate::{PlateColor, PlateNumber};
use crate::lane::reading::PlateRead;
use crate::lane::session::LaneId;
use crate::lane::tariff::{Price, Prices, Steps, Tariff, Zone};
use crate::lane::time::Wall;
use crate::park::event::Event;
use crate::park::rules::{Direction, LaneRules, Lists, Rules};
use crate::sim::material;
use crate::sim::random::SplitMix64;

/// 2026-03-02T08:00:00+08:00, when most worlds begin.
pub const BEGINNING: Wall = Wall(1_772_409_600_000);
pub const IN: &str = "in-1";
pub const OUT: &str = "out-1";
/// The lanes of the car park that a seed plays in; those of the tower are there in some seeds only.
pub const LANES: [&str; 6] = ["in-1", "in-2", "out-1", "out-2", INTO_TOWER, OUT_OF_TOWER];
/// The gates of a zone within the car park.
pub const INTO_TOWER: &str = "in-tower";
pub const OUT_OF_TOWER: &str = "out-tower";
const TOWER: &str = "tower";
/// Of all the cars. Two of them are easily taken for one another.
pub const PLATES: [&str; 10] = [
    "粤B10001",
    "粤B10007",
    "苏E6P398",
    "京A7K2M5",
    "沪C88888",
    "川AD12345",
    "浙F3L9Q1",
    "湘D55T66",
    "赣K2Z7W4",
    "闽C9X8Y7",
];
pub const MINUTE: u64 = 60_000;
pub const HOUR: u64 = 60 * MINUTE;
pub const DAY: u64 = 24 * HOUR;

/// Two lanes, 5 yuan for each started hour, WeChat asked within 1.5 s.
pub fn rules() -> Rules {
    Rules {
        box_id: "south-1".into(),
        lanes: BTreeMap::from([
            (lane_id(IN), lane_rules(IN)),
            (lane_id(OUT), lane_rules(OUT)),
        ]),
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
            held_at_most_ms: 10 * MINUTE,
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
        tariff: tariff(),
        config: serde_json::Value::Null,
        merchant: MerchantRules {
            mchid: material::MCHID.into(),
            sub: None,
            appid: material::APPID.into(),
            parking_name: "测试停车场".into(),
            description: "停车费".into(),
            extras: Extras::default(),
            entry_notify_url: "https://pay.example.com/entry".into(),
            charge_notify_url: "https://pay.example.com/charge".into(),
            refund_notify_url: Some("https://pay.example.com/refund".into()),
            native_notify_url: None,
            free_duration_s: 0,
            free_times: Vec::new(),
        },
    }
}

/// When a seed's world begins: some see midnight, at which WeChat's bills part.
pub fn beginning(seed: u64) -> Wall {
    let draw = &mut SplitMix64::new(seed, "beginning");
    let later_ms = match draw.chance(400) {
        true => 14 * HOUR + draw.below(2 * HOUR),
        false => 0,
    };
    BEGINNING.plus_ms(i64::try_from(later_ms).unwrap())
}

/// What the operator of a seed's car park has chosen.
pub fn drawn_rules(seed: u64) -> Rules {
    let draw = &mut SplitMix64::new(seed, "rules");
    let mut rules = rules();
    rules.lanes = LANES.map(|lane| (lane_id(lane), lane_rules(lane))).into();
    draw_tower(seed, &mut rules);
    rules.exit.advance = draw.chance(750);
    rules.exit.try_when_blocked = draw.chance(700);
    rules.exit.near_match = match draw.chance(300) {
        true => NearMatch::Auto,
        false => NearMatch::Ask,
    };
    rules.exit.no_entry = pick(draw, [NoEntry::Ask, NoEntry::Open, NoEntry::Hold]);
    rules.exit.exposure_limit_fen = pick(draw, [500, 2_000, 200_000]);
    rules.exit.silent_normal_up_to_fen = pick(draw, [500, 5_000]);
    rules.entry.wait_for_wechat_ms = pick(draw, [0, 1_500]);
    rules.entry.unreadable = pick(draw, [Unreadable::Hold, Unreadable::Hold, Unreadable::Open]);
    if draw.chance(300) {
        rules.guard.at_exit = WhenGuarded::Open;
    }
    if draw.chance(300) {
        rules.guard.max_fee_fen = 500;
    }
    if draw.chance(300) {
        rules.tariff.prices.free_s = 300;
    }
    if draw.chance(200) {
        rules.lists.permits.insert(number(PLATES[8]));
    }
    if draw.chance(200) {
        rules.lists.blocked.insert(number(PLATES[9]));
    }
    if draw.chance(250) {
        rules.merchant.sub = Some(SubMerchant {
            mchid: material::SUB_MCHID.into(),
            appid: material::SUB_APPID.into(),
        });
    }
    super::codes::draw(seed, &mut rules);
    rules
}

/// Whether there is a tower, with prices of its own, within a seed's car park.
fn draw_tower(seed: u64, rules: &mut Rules) {
    let draw = &mut SplitMix64::new(seed, "tower");
    if draw.chance(250) {
        let prices = steps(600, 100);
        rules.tariff.zones.push(Zone {
            name: TOWER.into(),
            stops_clock: draw.chance(500),
            passing_s: 0,
            prices,
            classes: Vec::new(),
        });
    } else {
        rules.lanes.retain(|_, lane| lane.zone.is_none());
    }
}

fn pick<T: Copy, const N: usize>(draw: &mut SplitMix64, choices: [T; N]) -> T {
    *draw.pick(&choices).expect("something to choose from")
}

fn lane_rules(lane: &str) -> LaneRules {
    LaneRules {
        direction: match lane.starts_with("in") {
            true => Direction::Entry,
            false => Direction::Exit,
        },
        zone: lane.ends_with(TOWER).then(|| TOWER.into()),
        duplicate_window_ms: 30_000,
        min_confidence_permille: Some(800),
    }
}

fn tariff() -> Tariff {
    Tariff {
        name: "test".into(),
        version: "1".into(),
        prices: steps(3_600, 500),
        ..Tariff::default()
    }
}

fn steps(every_s: u64, fen: u64) -> Prices {
    Prices {
        free_counts_once_exceeded: false,
        price: Price {
            then: Some(Steps {
                every_s: every_s.try_into().unwrap(),
                fen,
                tail_s: 0,
            }),
            ..Price::default()
        },
        ..Prices::default()
    }
}

pub fn plate_read(lane: &str, read: PlateRead) -> Event {
    Event::PlateRead {
        lane: lane_id(lane),
        camera: format!("camera of {lane}"),
        read,
    }
}

pub fn started() -> Event {
    Event::Started {
        version: "test".into(),
        rules_changed: false,
        possibly_lost: 0,
        skip: 0,
    }
}

pub fn lane_id(lane: &str) -> LaneId {
    LaneId(lane.into())
}

pub fn number(plate: &str) -> PlateNumber {
    PlateNumber::parse(plate).expect("a plate").plate
}

pub fn color_of(plate: &str) -> PlateColor {
    match plate.chars().count() {
        8 => PlateColor::Green,
        _ => PlateColor::Blue,
    }
}
