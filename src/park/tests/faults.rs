//! What a seed makes of the rules and of WeChat.

use super::world::*;
use crate::lane::exit::{NearMatch, NoEntry};
use crate::lane::guard::WhenGuarded;
use crate::park::rules::Rules;
use crate::sim::random::SplitMix64;
use crate::sim::wechat::{Outcome, Plate};

/// Of all the cars.
pub const PLATES: [&str; 9] = [
    "粤B10001",
    "苏E6P398",
    "京A7K2M5",
    "沪C88888",
    "川AD12345",
    "浙F3L9Q1",
    "湘D55T66",
    "赣K2Z7W4",
    "闽C9X8Y7",
];

/// The site decides like this.
pub fn drawn_rules(draw: &mut SplitMix64) -> Rules {
    let mut rules = rules();
    rules.exit.advance = draw.chance(750);
    rules.exit.try_when_blocked = draw.chance(700);
    rules.exit.near_match = match draw.chance(300) {
        true => NearMatch::Auto,
        false => NearMatch::Ask,
    };
    rules.exit.no_entry =
        [NoEntry::Ask, NoEntry::Open, NoEntry::Hold][usize::try_from(draw.below(3)).unwrap()];
    rules.exit.exposure_limit_fen = [500, 2_000, 200_000][usize::try_from(draw.below(3)).unwrap()];
    rules.exit.silent_normal_up_to_fen = [500, 5_000][usize::try_from(draw.below(2)).unwrap()];
    rules.entry.wait_for_wechat_ms = [0, 1_500][usize::try_from(draw.below(2)).unwrap()];
    if draw.chance(300) {
        rules.guard.at_exit = WhenGuarded::Open;
    }
    if draw.chance(300) {
        rules.guard.max_fee_fen = 500;
    }
    if draw.chance(300) {
        rules.tariff.prices.free_s = 300;
    }
    rules
}

/// WeChat answers like this, and fails like that.
pub fn draw_wechat(world: &mut World, random: &mut SplitMix64) {
    let settings = world.simulator.settings_mut();
    settings.latency_ms = 20 + random.below(600);
    settings.settle_after_ms = 1_000 + random.below(20_000);
    settings.switches.strict_duplicate_entry = random.chance(400);
    settings.switches.accept_spelling = random.chance(300);
    settings.switches.unknown_state_permille =
        [0, 0, 100][usize::try_from(random.below(3)).unwrap()];
    for plate in PLATES {
        let drawn = match random.below(10) {
            0 => Plate::not_enrolled(),
            1 => Plate::blocked("OVERDUE"),
            2 => Plate::ending(Outcome::PayFail),
            3 => Plate::ending(Outcome::Advanced),
            _ => continue,
        };
        settings.plates.insert(plate.into(), drawn);
    }
    let rates = &mut world.simulator.faults_mut().rates;
    for rate in [
        &mut rates.silence,
        &mut rates.slow,
        &mut rates.answer_lost,
        &mut rates.error_before,
        &mut rates.error_after,
        &mut rates.throttled,
        &mut rates.wrong_signature,
        &mut rates.probe_signature,
        &mut rates.unsigned,
        &mut rates.proxy_page,
        &mut rates.wrong_echo,
    ] {
        if random.chance(400) {
            *rate = u16::try_from(random.below(80)).unwrap();
        }
    }
    for rate in [&mut rates.sign_error, &mut rates.no_auth] {
        if random.chance(200) {
            *rate = u16::try_from(random.below(20)).unwrap();
        }
    }
    world.simulator.settings_mut().switches.sign_errors = !random.chance(200);
}
