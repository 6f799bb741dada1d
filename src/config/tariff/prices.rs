//! Free time, prices, bands, the cap and its window: of everybody, or of a class.

use super::super::document::{Need, Section};
use super::{DAY_MS, HIGHEST_CAP_FEN, MINUTE_MS, band, price};
use crate::lane::tariff::{AfterWindow, AtEdge, FreeAgain, Prices, Window};

/// A cap as it is written.
struct Cap {
    window: Window,
    fen: Option<u64>,
    shared: bool,
}

/// Reads them; what a class leaves out is as in `general`, its prices and bands all together.
pub(super) fn read(section: &mut Section<'_>, general: Option<&Prices>) -> Prices {
    let like = general.cloned().unwrap_or_default();
    let free_s = section.seconds(
        "free",
        Need::Default("\"0s\"".into()),
        15 * MINUTE_MS,
        0..=DAY_MS,
    );
    let free_counts = section.flag("free_counts_once_exceeded", true);
    let edges = [("inclusive", false), ("exclusive", true)];
    let free_edge_costs = section.choice("free_edge", Some("inclusive"), &edges, &[]);
    let free_again = section.choice(
        "free_again",
        Some("each-stay"),
        &[
            ("each-stay", FreeAgain::EachStay),
            ("each-window", FreeAgain::EachWindow),
            ("first-visit-of-day", FreeAgain::FirstVisitOfDay),
        ],
        &[],
    );
    let own_price = price::is_given(section);
    let read_price = price::read(section);
    let bands = band::read(section);
    let at_edge = section.choice(
        "at_edge",
        Some("split"),
        &[("split", AtEdge::Split), ("go-on", AtEdge::GoOn)],
        &[],
    );
    let first_again = section.flag("first_again", true);
    let cap = section.optional_section("cap", cap);
    let after_window = section.choice(
        "after_window",
        Some("anew"),
        &[("anew", AfterWindow::Anew), ("go-on", AfterWindow::GoOn)],
        &[],
    );
    let full_day_fen = section.integer("full_day_fen", Need::Optional, 0..=HIGHEST_CAP_FEN);
    let seconds = [("kept", false), ("dropped", true)];
    let drops_seconds = section.choice("seconds", Some("kept"), &seconds, &[]);
    let is_general = general.is_none();
    let own = |key: &str| is_general || section.has(key);
    let own_price = is_general || own_price;
    Prices {
        free_s: pick(own("free"), free_s, like.free_s),
        free_counts_once_exceeded: pick(
            own("free_counts_once_exceeded"),
            Some(free_counts),
            like.free_counts_once_exceeded,
        ),
        free_edge_costs: pick(own("free_edge"), free_edge_costs, like.free_edge_costs),
        free_again: pick(own("free_again"), free_again, like.free_again),
        price: pick(own_price, Some(read_price), like.price),
        bands: pick(own_price, Some(bands), like.bands),
        at_edge: pick(own("at_edge"), at_edge, like.at_edge),
        first_once: pick(own("first_again"), Some(!first_again), like.first_once),
        cap_fen: match &cap {
            Some(cap) => cap.fen,
            None => like.cap_fen,
        },
        cap_shared: cap.as_ref().map_or(like.cap_shared, |cap| cap.shared),
        window: cap.as_ref().map_or(like.window, |cap| cap.window),
        after_window: pick(own("after_window"), after_window, like.after_window),
        full_day_fen: full_day_fen.or(like.full_day_fen),
        drops_seconds: pick(own("seconds"), drops_seconds, like.drops_seconds),
    }
}

fn cap(section: &mut Section<'_>) -> Cap {
    let window = section.choice(
        "per",
        Some("24h"),
        &[
            ("24h", Window::Hours24),
            ("day", Window::Day),
            ("stay", Window::Stay),
        ],
        &[],
    );
    Cap {
        window: window.unwrap_or_default(),
        fen: section.integer("fen", Need::Optional, 0..=HIGHEST_CAP_FEN),
        shared: section.flag("shared", false),
    }
}

fn pick<T: Default>(own: bool, read: Option<T>, like: T) -> T {
    match own {
        true => read.unwrap_or_default(),
        false => like,
    }
}
