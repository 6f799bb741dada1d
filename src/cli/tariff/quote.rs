//! `parkgate tariff quote`.

use std::process::ExitCode;

use serde_json::json;

use super::{ListArgs, bad_file, color, plate};
use crate::cli::output::{self, Table, number, text};
use crate::cli::when::{long, when};
use crate::cli::words::{Lang, pair};
use crate::config::duration::parse_ms;
use crate::lane::plate::{PlateColor, PlateNumber};
use crate::lane::tariff::{Benefit, Quote, Stay, Tariff, Visit, yuan};
use crate::lane::time::Wall;

#[derive(Debug, clap::Args)]
pub struct QuoteArgs {
    #[command(flatten)]
    list: ListArgs,
    /// When it came in: 2026-03-02T08:10, local time
    #[arg(long, value_parser = when)]
    entry: Wall,
    /// When it leaves
    #[arg(long, value_parser = when)]
    exit: Wall,
    /// Its plate, for vehicle classes
    #[arg(long, value_parser = plate)]
    plate: Option<PlateNumber>,
    /// The colour of its plate: blue, green, yellow, black, white, lime-green
    #[arg(long, value_parser = color)]
    color: Option<PlateColor>,
    /// An earlier visit of the same car, as ENTRY/EXIT; may be given several times, in order
    #[arg(long, value_name = "ENTRY/EXIT", value_parser = visit)]
    earlier: Vec<(Wall, Wall)>,
    /// A time in a zone within the car park, as NAME=FROM/TO; may be given several times, in order
    #[arg(long, value_name = "NAME=FROM/TO", value_parser = in_zone)]
    zone: Vec<(String, (Wall, Wall))>,
    /// Time that costs nothing, such as on the charger: 45m
    #[arg(long, value_name = "DURATION", value_parser = seconds)]
    time_off: Option<u64>,
    /// A coupon: an amount in fen
    #[arg(long, value_name = "FEN")]
    coupon_fen: Option<u64>,
    /// A coupon: a percentage
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u64).range(1..=100))]
    coupon_percent: Option<u64>,
    /// Paid before, fen
    #[arg(long, value_name = "FEN", requires = "prepaid_at")]
    prepaid_fen: Option<u64>,
    /// When that was paid
    #[arg(long, value_name = "TIME", value_parser = when)]
    prepaid_at: Option<Wall>,
    /// Print it as JSON
    #[arg(long)]
    json: bool,
}

/// The exit is before the entry, or a zone is not in the price list.
const BAD_TIMES: u8 = 2;

pub fn run(args: &QuoteArgs, lang: Lang) -> ExitCode {
    let tariff = match args.list.load() {
        Ok(tariff) => tariff,
        Err(faults) => return bad_file(faults),
    };
    let Some(stay) = args.stay(&tariff) else {
        let words = pair("the exit is before the entry", "离场时间早于入场时间");
        return crate::cli::fail(BAD_TIMES, lang.of(words));
    };
    if let Some((zone, _)) = args.zone.iter().find(|(zone, _)| !knows(&tariff, zone)) {
        return crate::cli::fail(BAD_TIMES, no_such_zone(&tariff, zone, lang));
    }
    let quote = tariff.quote(&stay);
    match args.json {
        true => output::print(&as_json(&tariff, &stay, &quote).to_string()),
        false => output::print(&as_table(&tariff, &stay, &quote, lang)),
    }
}

fn knows(tariff: &Tariff, zone: &str) -> bool {
    tariff.zones.iter().any(|known| known.name == zone)
}

fn no_such_zone(tariff: &Tariff, zone: &str, lang: Lang) -> String {
    let known: Vec<&str> = tariff.zones.iter().map(|zone| zone.name.as_str()).collect();
    match (known.is_empty(), lang) {
        (true, Lang::En) => format!("no zone {zone:?}: this price list has no [[zone]]"),
        (true, Lang::Zh) => format!("没有 {zone:?}：此价目没有 [[zone]]"),
        (false, Lang::En) => format!("no zone {zone:?}; there are: {}", known.join(", ")),
        (false, Lang::Zh) => format!("没有 {zone:?}；现有：{}", known.join("、")),
    }
}

impl QuoteArgs {
    /// None if the exit is before the entry.
    fn stay(&self, tariff: &Tariff) -> Option<Stay> {
        let bare = |entry: Wall, exit: Wall| {
            Some(Stay {
                entry,
                duration_ms: u64::try_from(exit.0.checked_sub(entry.0)?).ok()?,
                color: self.color,
                plate: self.plate.clone(),
                ..Stay::default()
            })
        };
        let mut tally = None;
        for (entry, exit) in &self.earlier {
            let visit = Stay {
                tally,
                ..bare(*entry, *exit)?
            };
            tally = tariff.tally(&visit);
        }
        let after_ms = |wall: Wall| u64::try_from(wall.0.checked_sub(self.entry.0)?).ok();
        let visits = self.zone.iter().map(|(zone, (from, to))| {
            Some(Visit {
                zone: zone.clone(),
                from_ms: after_ms(*from)?,
                to_ms: Some(after_ms(*to)?),
            })
        });
        Some(Stay {
            tally,
            benefits: self.benefits(),
            visits: visits.collect::<Option<_>>()?,
            ..bare(self.entry, self.exit)?
        })
    }

    fn benefits(&self) -> Vec<Benefit> {
        let name = |name: &str| name.to_owned();
        let time = self.time_off.map(|s| Benefit::Time {
            name: name("time off"),
            s,
        });
        let amount = self.coupon_fen.map(|fen| Benefit::Amount {
            name: name("coupon"),
            fen,
        });
        let percent = self.coupon_percent.map(|off| Benefit::Percent {
            name: name("coupon"),
            off,
        });
        let prepaid = self.prepaid_fen.zip(self.prepaid_at).map(|(fen, at)| {
            let at_ms = at.0.saturating_sub(self.entry.0);
            Benefit::Prepaid {
                fen,
                at_s: u64::try_from(at_ms / 1000).unwrap_or(0),
            }
        });
        [time, amount, percent, prepaid]
            .into_iter()
            .flatten()
            .collect()
    }
}

pub(super) fn as_json(tariff: &Tariff, stay: &Stay, quote: &Quote) -> serde_json::Value {
    let used = tariff.in_force(stay);
    let lines: Vec<serde_json::Value> = quote
        .lines
        .iter()
        .map(|line| {
            let mut value = serde_json::to_value(line).unwrap_or_default();
            value["text"] = line.display(stay.entry).to_string().into();
            value
        })
        .collect();
    json!({
        "tariff": used.name,
        "version": used.version,
        "class": used.class_of(stay).map(|class| &class.name),
        "entry": stay.entry.to_rfc3339(),
        "exit": exit_of(stay).to_rfc3339(),
        "fee_fen": quote.fee_fen,
        "lines": lines,
    })
}

fn as_table(tariff: &Tariff, stay: &Stay, quote: &Quote, lang: Lang) -> String {
    let used = tariff.in_force(stay);
    let head = format!(
        "{} ({})\n{} – {}\n",
        used.name,
        used.version,
        long(stay.entry),
        long(exit_of(stay))
    );
    let mut table = Table::default();
    for line in &quote.lines {
        let fen = yuan(line.amount_fen.unsigned_abs());
        let amount = match line.amount_fen {
            0 => String::new(),
            ..0 => format!("−{fen}"),
            _ => fen,
        };
        table.row([text(lang.fee_line(line, stay.entry)), number(amount)]);
    }
    let sum = lang.of(pair("to pay, yuan", "应付（元）"));
    table.row([text(sum), number(yuan(quote.fee_fen))]);
    head + &table.render()
}

pub(super) fn exit_of(stay: &Stay) -> Wall {
    let ms = i64::try_from(stay.duration_ms).unwrap_or(i64::MAX);
    stay.entry.plus_ms(ms)
}

fn visit(text: &str) -> Result<(Wall, Wall), String> {
    let (entry, exit) = text
        .split_once('/')
        .ok_or("write the entry, a slash and the exit")?;
    Ok((when(entry)?, when(exit)?))
}

fn in_zone(text: &str) -> Result<(String, (Wall, Wall)), String> {
    let (zone, times) = text
        .split_once('=')
        .ok_or("write the zone's name, =, when it came in, a slash and when it went out")?;
    Ok((zone.to_owned(), visit(times)?))
}

fn seconds(text: &str) -> Result<u64, String> {
    let ms = parse_ms(text).map_err(|_| "write a duration, such as 45m".to_owned())?;
    Ok(ms / 1000)
}
