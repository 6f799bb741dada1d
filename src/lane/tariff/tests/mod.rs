use std::num::NonZeroU64;

use super::*;

mod benefits;
mod edges;
mod forms;
mod properties;
mod random;
mod vehicles;
mod zones;

const MINUTE_S: u64 = 60;
const HOUR_S: u64 = 60 * MINUTE_S;

/// A price list of these prices alone.
fn of(prices: Prices) -> Tariff {
    Tariff {
        name: "test".to_owned(),
        version: "1".to_owned(),
        prices,
        ..Tariff::default()
    }
}

fn hourly(prices: Prices) -> Prices {
    Prices {
        price: price(None, steps(HOUR_S, 500)),
        ..prices
    }
}

fn free_for(free_s: u64) -> Prices {
    Prices {
        free_s,
        ..Prices::default()
    }
}

fn price(first: Option<Block>, then: Steps) -> Price {
    Price {
        first: first.into_iter().collect(),
        then: Some(then),
        ..Price::default()
    }
}

fn first_block(for_s: u64, every_s: u64, fen: u64) -> Block {
    Block {
        for_s,
        every_s: NonZeroU64::new(every_s).unwrap(),
        fen,
        tail_s: 0,
    }
}

fn steps(every_s: u64, fen: u64) -> Steps {
    Steps {
        every_s: NonZeroU64::new(every_s).unwrap(),
        fen,
        tail_s: 0,
    }
}

fn band(name: &str, from_hour: u64, to_hour: u64, price: Price) -> Band {
    Band {
        name: name.to_owned(),
        days: Vec::new(),
        from_s: from_hour * HOUR_S,
        to_s: to_hour * HOUR_S,
        price,
        cap_fen: None,
    }
}

fn fee(tariff: &Tariff, stay_s: u64) -> u64 {
    tariff.quote(&stay(stay_s)).fee_fen
}

/// A stay from a Monday, 2026-03-02T09:00:00+08:00.
fn stay(stay_s: u64) -> Stay {
    Stay {
        entry: entry(),
        duration_ms: stay_s * 1000,
        ..Stay::default()
    }
}

fn entry() -> Wall {
    Wall(1_772_413_200_000)
}

/// A stay between two local times, `2026-03-02T08:10:00`.
fn between(entry: &str, exit: &str) -> Stay {
    let wall = |text: &str| Wall::from_rfc3339(&format!("{text}+08:00")).unwrap();
    Stay {
        entry: wall(entry),
        duration_ms: u64::try_from(wall(exit).0 - wall(entry).0).unwrap(),
        ..Stay::default()
    }
}

fn fee_between(tariff: &Tariff, entry: &str, exit: &str) -> u64 {
    tariff.quote(&between(entry, exit)).fee_fen
}

fn day(text: &str) -> Day {
    Day::parse(text).unwrap()
}
