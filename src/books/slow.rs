//! What a stay costs, worked out slowly and obviously: each part of it is walked through ([`walk`]), and what
//! is taken off is taken off step by step. Shares nothing with the code that quotes (`lane/tariff`) but the
//! data, and that a plate is of a kind; so it is what proves a fee, in the books and in that code's own tests.
//!
//! [`walk`]: super::walk

use super::walk::{Walk, class_of};
use crate::lane::tariff::{Benefit, DAY_S, Rounding, Spanning, Stay, Tariff, Zone};

/// Longer stays take too long to walk through.
const LONGEST_S: u64 = 400 * DAY_S;

/// What a stay costs, fen, as its plate's first visit, after `more_fen` were paid that give no time to leave.
/// None where it is longer than anybody would walk through.
pub(crate) fn fee_fen(tariff: &Tariff, stay: &Stay, more_fen: u64) -> Option<u64> {
    by_list(in_force(tariff, stay), stay, more_fen)
}

fn by_list(tariff: &Tariff, stay: &Stay, more_fen: u64) -> Option<u64> {
    let class = class_of(&tariff.classes, stay);
    let prices = class.map_or(&tariff.prices, |class| &class.prices);
    let mut stay_s = stay.duration_ms / 1000;
    if prices.drops_seconds {
        stay_s -= stay_s % 60;
    }
    if stay_s > LONGEST_S {
        return None;
    }
    let most_fen = tariff.total.at_most_fen.unwrap_or(u64::MAX);
    let costs = |stay_s: u64| {
        let visits = visits(tariff, stay, stay_s);
        let stands = stands(&visits, stay_s);
        let stood_s: u64 = stands.iter().map(|(from_s, to_s)| to_s - from_s).sum();
        let outside = Walk::of(tariff, &tariff.prices, &tariff.classes, stay, 0, stands);
        let mut fee_fen = outside.fee_fen(stay_s - stood_s);
        for (zone, from_s, to_s) in visits {
            let none = Vec::new();
            let there = Walk::of(tariff, &zone.prices, &zone.classes, stay, from_s, none);
            let mut lasts_s = to_s - from_s;
            if there.prices.drops_seconds {
                lasts_s -= lasts_s % 60;
            }
            fee_fen += there.fee_fen(lasts_s);
        }
        fee_fen.min(most_fen)
    };
    let owed_fen = less(&stay.benefits, costs(stay_s), stay_s, &costs);
    let mut payments = Vec::new();
    for benefit in &stay.benefits {
        if let Benefit::Prepaid { fen, at_s } = benefit {
            payments.push((*at_s, *fen));
        }
    }
    payments.sort_unstable();
    let (mut paid_fen, mut left_fen) = (0, owed_fen);
    for (at_s, fen) in payments {
        paid_fen += fen;
        left_fen -= left_fen.min(fen);
        if stay_s <= at_s + tariff.grace_s && paid_fen >= due_fen(tariff, stay, at_s)? {
            left_fen = 0;
        }
    }
    left_fen -= left_fen.min(more_fen);
    Some(finished(tariff, left_fen, owed_fen, paid_fen + more_fen))
}

/// What would have been asked at a moment of the stay of one who had paid nothing.
fn due_fen(tariff: &Tariff, stay: &Stay, at_s: u64) -> Option<u64> {
    let mut benefits = stay.benefits.clone();
    benefits.retain(|benefit| !matches!(benefit, Benefit::Prepaid { .. }));
    let by_then = Stay {
        duration_ms: stay.duration_ms.min(at_s * 1000),
        benefits,
        ..stay.clone()
    };
    by_list(tariff, &by_then, 0)
}

fn in_force<'a>(tariff: &'a Tariff, stay: &Stay) -> &'a Tariff {
    let exit = stay.entry.0 + i64::try_from(stay.duration_ms).unwrap_or(i64::MAX);
    let mut found = tariff;
    for later in &tariff.later {
        let decides = match later.spanning {
            Spanning::ByEntry => stay.entry.0,
            Spanning::ByExit => exit,
        };
        if later.from.is_some_and(|from| decides >= from.0) {
            found = later;
        }
    }
    found
}

/// The times in zones within the first `stay_s`, one after the other.
fn visits<'a>(tariff: &'a Tariff, stay: &Stay, stay_s: u64) -> Vec<(&'a Zone, u64, u64)> {
    let mut visits = Vec::new();
    let mut free_from_s = 0;
    for visit in &stay.visits {
        let Some(zone) = tariff.zones.iter().find(|zone| zone.name == visit.zone) else {
            continue;
        };
        let from_s = (visit.from_ms / 1000).max(free_from_s);
        let to_s = visit.to_ms.map_or(stay_s, |ms| stay_s.min(ms / 1000));
        if from_s < to_s {
            visits.push((zone, from_s, to_s));
            free_from_s = to_s;
        }
    }
    visits
}

/// When the clock outside stands: in zones that stop it, and on the way to and from zones.
fn stands(visits: &[(&Zone, u64, u64)], stay_s: u64) -> Vec<(u64, u64)> {
    let mut stands = Vec::new();
    let mut outside_from_s = 0;
    for (index, (zone, from_s, to_s)) in visits.iter().enumerate() {
        let way_s = from_s - outside_from_s;
        let short_before = index > 0 && way_s <= visits[index - 1].0.passing_s;
        if way_s <= zone.passing_s || short_before {
            stands.push((outside_from_s, *from_s));
        }
        if zone.stops_clock {
            stands.push((*from_s, *to_s));
        }
        outside_from_s = *to_s;
    }
    if let Some((zone, _, _)) = visits.last()
        && stay_s - outside_from_s <= zone.passing_s
    {
        stands.push((outside_from_s, stay_s));
    }
    stands
}

/// What is left after time, amounts, percentages and the whole, in this order.
fn less(benefits: &[Benefit], fee_fen: u64, stay_s: u64, costs: &dyn Fn(u64) -> u64) -> u64 {
    let mut left_fen = fee_fen;
    let mut charged_s = stay_s;
    let mut times: Vec<(&String, u64)> = Vec::new();
    for benefit in benefits {
        if let Benefit::Time { name, s } = benefit {
            times.push((name, *s));
        }
    }
    times.sort();
    for (_, s) in times {
        let shorter_s = charged_s - s.min(charged_s);
        let worth_fen = costs(charged_s).saturating_sub(costs(shorter_s));
        left_fen -= left_fen.min(worth_fen);
        charged_s = shorter_s;
    }
    for benefit in benefits {
        if let Benefit::Amount { fen, .. } = benefit {
            left_fen -= left_fen.min(*fen);
        }
    }
    let mut percentages: Vec<(&String, u64)> = Vec::new();
    for benefit in benefits {
        if let Benefit::Percent { name, off } = benefit {
            percentages.push((name, *off));
        }
    }
    percentages.sort();
    for (_, off) in percentages {
        left_fen -= (2 * left_fen * off.min(100) + 100) / 200;
    }
    if benefits
        .iter()
        .any(|benefit| matches!(benefit, Benefit::Whole { .. }))
    {
        left_fen = 0;
    }
    left_fen
}

/// Rounded, and with what was paid before at least so much.
fn finished(tariff: &Tariff, left_fen: u64, owed_fen: u64, paid_fen: u64) -> u64 {
    let unit = tariff.total.round_to_fen.max(1);
    let rounded = |fen: u64| match tariff.total.rounding {
        Rounding::Down => fen / unit * unit,
        Rounding::Up => fen.div_ceil(unit) * unit,
        Rounding::HalfUp => (2 * fen + unit) / (2 * unit) * unit,
    };
    let rest_fen = rounded(left_fen);
    match tariff.total.at_least_fen {
        Some(least_fen) if rounded(owed_fen) > 0 && rest_fen + paid_fen < least_fen => {
            least_fen - paid_fen
        }
        _ => rest_fen,
    }
}
