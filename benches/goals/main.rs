//! What was measured, beside what is wanted.
//!
//! `cargo bench --bench goals -- FILE`, with `--json` or `--markdown` for other programs and for
//! `docs/measurements.md`. The file holds what the benchmarks left in it, one `NAME VALUE` a line; of
//! two figures of one name the later counts. The goals stand in `goals.txt`.

use std::collections::BTreeMap;
use std::error::Error;

use serde_json::json;

/// One row of the table.
struct Goal {
    figure: &'static str,
    what: &'static str,
    against: &'static str,
    unit: &'static str,
    wanted: Wanted,
}

enum Wanted {
    AtMost(f64),
    AtLeast(f64),
    /// Nothing in particular; it is told.
    Reported,
}

use Wanted::{AtLeast, AtMost, Reported};

type Figures<'a> = BTreeMap<&'a str, f64>;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some(file) = arguments.iter().find(|it| !it.starts_with("--")) else {
        println!("SKIPPED: benches/run.sh measures, and this puts its figures beside the goals.");
        return Ok(());
    };
    let goals = goals()?;
    let text = std::fs::read_to_string(file)?;
    let figures = figures(&text, &goals)?;
    let is_asked = |option: &str| arguments.iter().any(|it| it == option);
    if is_asked("--json") {
        print_json(&goals, &figures);
    } else if is_asked("--markdown") {
        print_markdown(&goals, &figures);
    } else {
        print_table(&goals, &figures);
    }
    Ok(())
}

fn goals() -> Result<Vec<Goal>, String> {
    let lines = include_str!("goals.txt").lines();
    lines
        .filter(|line| !line.starts_with('#'))
        .map(|line| Goal::read(line).ok_or_else(|| format!("{line:?} is no row of goals.txt")))
        .collect()
}

fn figures<'a>(text: &'a str, goals: &[Goal]) -> Result<Figures<'a>, String> {
    text.lines()
        .map(|line| {
            let (name, value) = line
                .split_once(' ')
                .ok_or_else(|| format!("{line:?} is no figure: write NAME VALUE"))?;
            if !goals.iter().any(|goal| goal.figure == name) {
                return Err(format!("{name:?} is in no row of benches/goals/goals.txt"));
            }
            let value = value
                .parse()
                .map_err(|_| format!("{value:?}, the value of {name}, is no number"))?;
            Ok((name, value))
        })
        .collect()
}

impl Goal {
    fn read(line: &'static str) -> Option<Self> {
        let fields: Vec<&str> = line.split('|').collect();
        let [figure, what, against, unit, wanted] = fields.as_slice() else {
            return None;
        };
        let wanted = match wanted.trim().split_once(' ') {
            Some(("<=", limit)) => AtMost(limit.parse().ok()?),
            Some((">=", limit)) => AtLeast(limit.parse().ok()?),
            Some(_) => return None,
            None => Reported,
        };
        Some(Self {
            figure: figure.trim(),
            what: what.strip_prefix(' ')?.trim_end(),
            against: against.trim(),
            unit: unit.trim(),
            wanted,
        })
    }

    fn told(&self, figures: &Figures<'_>) -> String {
        match figures.get(self.figure) {
            Some(value) => format!("{} {}", rounded(*value), self.unit)
                .trim_end()
                .to_owned(),
            None => "not measured".to_owned(),
        }
    }

    fn wanted(&self) -> String {
        match self.wanted {
            AtMost(limit) => format!("<= {limit}"),
            AtLeast(limit) => format!(">= {limit}"),
            Reported => String::new(),
        }
    }

    /// None: nothing in particular is wanted, or nothing was measured.
    fn is_met(&self, figures: &Figures<'_>) -> Option<bool> {
        let value = *figures.get(self.figure)?;
        match self.wanted {
            AtMost(limit) => Some(value <= limit),
            AtLeast(limit) => Some(value >= limit),
            Reported => None,
        }
    }

    fn verdict(&self, figures: &Figures<'_>) -> &'static str {
        match (&self.wanted, self.is_met(figures)) {
            (Reported, _) => "",
            (_, Some(true)) => "met",
            (_, Some(false)) => "MISSED",
            (_, None) => "?",
        }
    }
}

/// Three digits that count, no more.
fn rounded(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        size if size < 10.0 => format!("{value:.2}"),
        size if size < 100.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

fn print_table(goals: &[Goal], figures: &Figures<'_>) {
    println!(
        "{:<62}{:>18}{:>10}  {:<8}against",
        "what", "measured", "goal", ""
    );
    for goal in goals {
        let line = format!(
            "{:<62}{:>18}{:>10}  {:<8}{}",
            goal.what,
            goal.told(figures),
            goal.wanted(),
            goal.verdict(figures),
            goal.against
        );
        println!("{}", line.trim_end());
    }
}

fn print_json(goals: &[Goal], figures: &Figures<'_>) {
    let rows: Vec<_> = goals
        .iter()
        .map(|goal| {
            let (at_most, at_least) = match goal.wanted {
                AtMost(limit) => (Some(limit), None),
                AtLeast(limit) => (None, Some(limit)),
                Reported => (None, None),
            };
            json!({
                "figure": goal.figure,
                "what": goal.what.trim_start(),
                "against": goal.against,
                "measured": figures.get(goal.figure),
                "unit": goal.unit,
                "at_most": at_most,
                "at_least": at_least,
                "met": goal.is_met(figures),
            })
        })
        .collect();
    println!("{:#}", json!(rows));
}

fn print_markdown(goals: &[Goal], figures: &Figures<'_>) {
    println!("| what | against | measured | goal | |");
    println!("|---|---|---|---|---|");
    for goal in goals {
        println!(
            "| {} | {} | {} | {} | {} |",
            goal.what.replace("  ", "– "),
            goal.against,
            goal.told(figures),
            goal.wanted().replace("<=", "≤").replace(">=", "≥"),
            goal.verdict(figures).to_lowercase()
        );
    }
}
