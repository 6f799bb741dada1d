//! `parkgate tariff compare`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::json;

use super::bad_file;
use super::quote::exit_of;
use super::sessions::Sessions;
use crate::cli::fail;
use crate::cli::output::{self, Table, number, text};
use crate::cli::when::long;
use crate::cli::words::{Lang, pair};
use crate::lane::tariff::{Stay, Tariff, yuan};

#[derive(Debug, clap::Args)]
pub struct CompareArgs {
    /// The tariff file in force
    before: PathBuf,
    /// The one to compare it with
    after: PathBuf,
    /// Stays: CSV with a head line (entry,exit,plate,color), or JSON of `parkgate sessions list`
    #[arg(long, value_name = "FILE")]
    sessions: PathBuf,
    /// So many of the stays whose fee changes most are shown
    #[arg(long, value_name = "N", default_value_t = 10)]
    show: usize,
    /// Print it as JSON
    #[arg(long)]
    json: bool,
}

/// The stays cannot be read.
const BAD_SESSIONS: u8 = 2;

/// One stay under both.
struct Pair<'a> {
    stay: &'a Stay,
    before_fen: u64,
    after_fen: u64,
}

impl Pair<'_> {
    fn change_fen(&self) -> i64 {
        self.after_fen
            .cast_signed()
            .saturating_sub(self.before_fen.cast_signed())
    }
}

pub fn run(args: &CompareArgs, lang: Lang) -> ExitCode {
    let lists = Tariff::load(&args.before).and_then(|a| Ok((a, Tariff::load(&args.after)?)));
    let (before, after) = match lists {
        Ok(lists) => lists,
        Err(faults) => return bad_file(faults),
    };
    let sessions = match Sessions::load(&args.sessions) {
        Ok(sessions) => sessions,
        Err(why) => return fail(BAD_SESSIONS, why),
    };
    let stays = &sessions.stays;
    let fees = fees(&before, stays).into_iter().zip(fees(&after, stays));
    let mut pairs: Vec<Pair<'_>> = sessions
        .stays
        .iter()
        .zip(fees)
        .map(|(stay, (before_fen, after_fen))| Pair {
            stay,
            before_fen,
            after_fen,
        })
        .collect();
    let sums = Sums::of(&pairs, sessions.left_out);
    pairs.retain(|pair| pair.change_fen() != 0);
    pairs.sort_by_key(|pair| std::cmp::Reverse(pair.change_fen().unsigned_abs()));
    pairs.truncate(args.show);
    match args.json {
        true => output::print(&sums.to_json(&pairs).to_string()),
        false => output::print(&sums.to_text(&pairs, lang)),
    }
}

struct Sums {
    stays: usize,
    left_out: usize,
    before_fen: u64,
    after_fen: u64,
    dearer: usize,
    cheaper: usize,
}

impl Sums {
    fn of(pairs: &[Pair<'_>], left_out: usize) -> Self {
        let count = |is: fn(i64) -> bool| pairs.iter().filter(|p| is(p.change_fen())).count();
        Self {
            stays: pairs.len(),
            left_out,
            before_fen: pairs.iter().map(|pair| pair.before_fen).sum(),
            after_fen: pairs.iter().map(|pair| pair.after_fen).sum(),
            dearer: count(|change| change > 0),
            cheaper: count(|change| change < 0),
        }
    }

    fn to_json(&self, pairs: &[Pair<'_>]) -> serde_json::Value {
        let most = pairs.iter().map(|pair| {
            json!({
                "entry": pair.stay.entry.to_rfc3339(),
                "exit": exit_of(pair.stay).to_rfc3339(),
                "plate": pair.stay.plate.as_ref().map(|plate| plate.as_str()),
                "before_fen": pair.before_fen,
                "after_fen": pair.after_fen,
            })
        });
        json!({
            "stays": self.stays,
            "left_out": self.left_out,
            "before_fen": self.before_fen,
            "after_fen": self.after_fen,
            "dearer": self.dearer,
            "cheaper": self.cheaper,
            "most_changed": most.collect::<Vec<_>>(),
        })
    }

    fn to_text(&self, pairs: &[Pair<'_>], lang: Lang) -> String {
        let mut table = Table::default();
        let mut row = |words, value: String| table.row([text(lang.of(words)), number(value)]);
        row(pair("stays", "停车次数"), self.stays.to_string());
        if self.left_out > 0 {
            let words = pair("left out, without entry or exit", "缺入场或离场，未计");
            row(words, self.left_out.to_string());
        }
        row(
            pair("before, yuan", "原价目合计（元）"),
            yuan(self.before_fen),
        );
        row(
            pair("after, yuan", "新价目合计（元）"),
            yuan(self.after_fen),
        );
        row(
            pair("stays that cost more", "变贵的次数"),
            self.dearer.to_string(),
        );
        row(
            pair("stays that cost less", "变便宜的次数"),
            self.cheaper.to_string(),
        );
        let mut out = table.render();
        let mut most = Table::default();
        for pair in pairs {
            let plate = pair
                .stay
                .plate
                .as_ref()
                .map_or(String::new(), |p| p.masked());
            most.row([
                text(plate),
                text(format!(
                    "{} – {}",
                    long(pair.stay.entry),
                    long(exit_of(pair.stay))
                )),
                number(yuan(pair.before_fen)),
                text("→"),
                number(yuan(pair.after_fen)),
            ]);
        }
        if !most.is_empty() {
            out.push('\n');
            out.push_str(&most.render());
        }
        out
    }
}

/// What each stay costs by a price list, with what it remembers of each plate.
fn fees(tariff: &Tariff, stays: &[Stay]) -> Vec<u64> {
    let mut tallies = BTreeMap::new();
    let price = |stay: &Stay| {
        let plate = stay.plate.clone();
        let tally = plate.as_ref().and_then(|plate| tallies.get(plate)).copied();
        let stay = Stay {
            tally,
            ..stay.clone()
        };
        if let (Some(plate), Some(tally)) = (plate, tariff.tally(&stay)) {
            tallies.insert(plate, tally);
        }
        tariff.quote(&stay).fee_fen
    };
    stays.iter().map(price).collect()
}
