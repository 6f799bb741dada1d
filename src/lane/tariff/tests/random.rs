//! Any tariff of whole minutes, as the reader of tariff files would let through.

use proptest::prelude::*;

use super::*;

/// A tariff without classes.
pub(super) fn tariffs() -> impl Strategy<Value = Tariff> {
    (any_prices(), totals(), calendars()).prop_map(|(prices, total, calendar)| Tariff {
        total,
        calendar,
        ..of(prices)
    })
}

/// A tariff in which every vehicle is of a class with a discount.
pub(super) fn discounted() -> impl Strategy<Value = Tariff> {
    let discount = (1..=100_u64, prop::option::of(1..=1440_u64), any::<bool>());
    (tariffs(), discount).prop_map(|(tariff, (percent_off, minutes, after_cap))| {
        let goes_on = tariff.prices.after_window == AfterWindow::GoOn;
        let has_days = tariff.prices.full_day_fen.is_some();
        let class = Class {
            name: "all".to_owned(),
            kinds: vec![VehicleKind::Unknown],
            plates: std::collections::BTreeSet::new(),
            prices: tariff.prices.clone(),
            discount: Some(Discount {
                percent_off,
                for_s: minutes
                    .map(|m| m * MINUTE_S)
                    .filter(|_| !goes_on && !has_days),
                after_cap,
            }),
        };
        Tariff {
            classes: vec![class],
            ..tariff
        }
    })
}

/// A tariff with one or two zones, with classes or without.
pub(super) fn zoned() -> impl Strategy<Value = Tariff> {
    let list = || prop_oneof![tariffs(), discounted()];
    let zone = (list(), any::<bool>(), prop_oneof![Just(0), 1..=60_u64]);
    (list(), prop::collection::vec(zone, 1..=2)).prop_map(|(tariff, zones)| Tariff {
        zones: (0..)
            .zip(zones)
            .map(|(number, (list, stops_clock, passing))| Zone {
                name: zone_name(number),
                stops_clock,
                passing_s: if stops_clock { passing * MINUTE_S } else { 0 },
                prices: list.prices,
                classes: list.classes,
            })
            .collect(),
        ..tariff
    })
}

/// Times in zones, one after the other; some of a zone that no price list knows, the last one perhaps
/// without an end.
pub(super) fn visits(tick_s: u64) -> impl Strategy<Value = Vec<Visit>> {
    let times = || {
        prop_oneof![
            2 => 0..=20 * MINUTE_S / tick_s,
            2 => 0..=10 * HOUR_S / tick_s,
            1 => (0..=60_u64).prop_map(move |hours| hours * HOUR_S / tick_s),
        ]
    };
    let visits = prop::collection::vec((times(), times(), 0..4_u64), 0..5);
    (visits, any::<bool>()).prop_map(move |(visits, is_open)| {
        let mut at_s = 0;
        let mut list: Vec<Visit> = visits
            .into_iter()
            .map(|(gap, length, zone)| {
                let from_s = at_s + gap * tick_s;
                at_s = from_s + length * tick_s;
                Visit {
                    zone: zone_name(if zone == 3 { 9 } else { zone % 2 }),
                    from_ms: from_s * 1000,
                    to_ms: Some(at_s * 1000),
                }
            })
            .collect();
        if let Some(last) = list.last_mut().filter(|_| is_open) {
            last.to_ms = None;
        }
        list
    })
}

fn zone_name(number: u64) -> String {
    format!("zone {number}")
}

/// The simple form: free time, one block, steps, a cap per 24 h.
pub(super) fn simple() -> impl Strategy<Value = Tariff> {
    (any_prices(), any_price(true)).prop_map(|(prices, price)| {
        of(Prices {
            price,
            bands: Vec::new(),
            window: Window::Hours24,
            after_window: AfterWindow::Anew,
            full_day_fen: None,
            ..prices
        })
    })
}

/// Stays of up to `days`, from any minute of some weeks with holidays in them.
pub(super) fn stays(days: u64, tick_s: u64) -> impl Strategy<Value = Stay> {
    let entry = (0..30 * 1440_i64).prop_map(|minutes| Wall(1_770_000_000_000 + minutes * 60_000));
    let ticks = prop_oneof![
        0..=days * DAY_S / tick_s,
        // Around an edge.
        (0..=days * 24, 0..=2_u64).prop_map(move |(hours, ticks)| {
            (hours * HOUR_S / tick_s + ticks).saturating_sub(1)
        }),
    ];
    (entry, ticks).prop_map(move |(entry, ticks)| Stay {
        entry,
        duration_ms: ticks * tick_s * 1000,
        ..Stay::default()
    })
}

fn any_prices() -> impl Strategy<Value = Prices> {
    let free = (
        prop_oneof![Just(0), 1..=180_u64, Just(1440)],
        any::<bool>(),
        any::<bool>(),
        prop_oneof![
            3 => Just(FreeAgain::EachStay),
            1 => Just(FreeAgain::EachWindow),
            1 => Just(FreeAgain::FirstVisitOfDay),
        ],
    );
    let bands = prop::collection::vec(any_band(), 0..5);
    let edges = (any::<bool>(), any::<bool>(), any::<bool>());
    let window = prop_oneof![
        3 => Just(Window::Hours24),
        1 => Just(Window::Day),
        1 => Just(Window::Stay),
    ];
    let caps = (
        prop::option::of(0..10_000_u64),
        window,
        prop::bool::weighted(0.3),
        prop::option::weighted(0.2, 0..5_000_u64),
    );
    (free, any_price(true), bands, edges, caps).prop_map(
        |(free, price, mut bands, (goes_on_at_edge, first_once, drops_seconds), caps)| {
            let (free_minutes, counts, edge_costs, free_again) = free;
            let (cap_fen, window, goes_on, full_day_fen) = caps;
            bands.sort_by_key(|band| std::cmp::Reverse(band.rank()));
            let has_days = full_day_fen.is_some();
            let window = if has_days { Window::Hours24 } else { window };
            let goes_on = goes_on && window != Window::Stay && !has_days;
            let starts_anew = !goes_on && window != Window::Stay;
            Prices {
                free_s: free_minutes * MINUTE_S,
                free_counts_once_exceeded: counts,
                free_edge_costs: edge_costs,
                free_again: match free_again {
                    FreeAgain::EachWindow if !starts_anew => FreeAgain::EachStay,
                    again => again,
                },
                price,
                bands,
                at_edge: if goes_on_at_edge {
                    AtEdge::GoOn
                } else {
                    AtEdge::Split
                },
                first_once,
                cap_fen,
                cap_shared: false,
                window,
                after_window: if goes_on {
                    AfterWindow::GoOn
                } else {
                    AfterWindow::Anew
                },
                full_day_fen,
                drops_seconds,
            }
        },
    )
}

fn any_price(has_steps: bool) -> impl Strategy<Value = Price> {
    let blocks = prop::collection::vec(
        (1..=6_u64, minutes(), 0..2000_u64, 0..30_u64).prop_map(|(units, every, fen, tail)| {
            Block {
                tail_s: tail.min(every) * MINUTE_S,
                ..first_block(units * every * MINUTE_S, every * MINUTE_S, fen)
            }
        }),
        0..3,
    );
    let then = (minutes(), 0..2000_u64, prop_oneof![Just(0), 0..120_u64]).prop_map(
        |(every, fen, tail)| Steps {
            tail_s: tail.min(every) * MINUTE_S,
            ..steps(every * MINUTE_S, fen)
        },
    );
    let rows = prop::collection::vec((1..=600_u64, 0..800_u64), 1..5).prop_map(|rows| {
        let (mut up_to_s, mut fen) = (0, 0);
        let rows = rows.into_iter().map(|(minutes, more_fen)| {
            up_to_s += minutes * MINUTE_S;
            fen += more_fen;
            Row { up_to_s, fen }
        });
        rows.collect::<Vec<_>>()
    });
    let then = (0..10_u8, then)
        .prop_map(move |(of_ten, then)| (has_steps || of_ten < 7).then_some(then))
        .boxed();
    prop_oneof![
        4 => (blocks, then.clone()).prop_map(|(first, then)| Price {
            first,
            then,
            ..Price::default()
        }),
        1 => (rows, then).prop_map(|(table, then)| Price { table, then, ..Price::default() }),
        1 => (0..2000_u64).prop_map(|fen| Price {
            per_visit_fen: Some(fen),
            ..Price::default()
        }),
    ]
}

fn minutes() -> impl Strategy<Value = u64> {
    prop_oneof![
        3 => prop::sample::select(vec![15_u64, 30, 60, 120]),
        1 => 1..=600_u64,
    ]
}

fn any_band() -> impl Strategy<Value = Band> {
    let days = prop_oneof![
        3 => Just(Vec::new()),
        1 => Just(vec![Days::Workday]),
        1 => Just(vec![Days::Weekend, Days::Holiday]),
        1 => Just(vec![Days::MakeUpWorkday]),
        1 => (0..7_u8).prop_map(|day| vec![Days::OfWeek(day)]),
        1 => Just(vec![Days::Named("fair".to_owned())]),
        1 => Just(vec![Days::Date(day("2026-02-14"))]),
    ];
    let hours = (0..24_u64, prop_oneof![Just(24), 1..=24_u64], any::<bool>());
    (
        days,
        hours,
        any_price(false),
        prop::option::weighted(0.3, 0..3000_u64),
    )
        .prop_map(|(days, (from, to, half), price, cap_fen)| {
            let from_s = from * HOUR_S + if half { 1800 } else { 0 };
            let to_s = to * HOUR_S;
            Band {
                days,
                from_s,
                to_s: if from_s == to_s { to_s - 1800 } else { to_s },
                cap_fen,
                ..band("b", 0, 0, price)
            }
        })
}

fn totals() -> impl Strategy<Value = Total> {
    let rounding = prop_oneof![
        Just(Rounding::HalfUp),
        Just(Rounding::Down),
        Just(Rounding::Up),
    ];
    let unit = prop_oneof![4 => Just(0), 1 => Just(10), 1 => Just(100)];
    let limit = |most: u64| prop::option::weighted(0.2, 1..most);
    (limit(20_000), unit, rounding, limit(500)).prop_map(
        |(at_most_fen, round_to_fen, rounding, at_least_fen)| Total {
            at_most_fen,
            round_to_fen,
            rounding,
            at_least_fen,
        },
    )
}

/// Holidays, a made-up working day and a fair within the weeks of [`stays`].
fn calendars() -> impl Strategy<Value = Calendar> {
    any::<bool>().prop_map(|given| match given {
        false => Calendar::default(),
        true => Calendar {
            holidays: (15..=23).map(|of| day(&format!("2026-02-{of}"))).collect(),
            workdays: vec![day("2026-02-14"), day("2026-02-28")],
            named: vec![(
                "fair".to_owned(),
                vec![day("2026-02-10"), day("2026-02-11")],
            )],
        },
    })
}
