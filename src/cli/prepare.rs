//! `parkgate prepare`: the preparation for WeChat Pay as a checklist that is kept on the box.

use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::{Value, json};

use super::output::{Table, text};
use super::words::{Lang, preparation as words};
use super::{BAD_CONFIG, CONFIG, client, fail, output};
use crate::config::Config;
use crate::doctor::merchant::day;
use crate::prepare::{Checklist, Confirmation, Row, State, Step, rows};

#[derive(Debug, clap::Args)]
pub struct PrepareArgs {
    #[command(subcommand)]
    command: Option<PrepareCommand>,
    #[command(flatten)]
    place: PlaceArgs,
}

#[derive(Debug, clap::Args)]
struct PlaceArgs {
    /// The configuration
    #[arg(long, global = true, value_name = "FILE", default_value = CONFIG)]
    config: PathBuf,
    /// Print it as JSON
    #[arg(long, global = true)]
    json: bool,
    /// Without a config yet: list the steps of this mode
    #[arg(long, global = true, value_name = "MODE", value_enum)]
    mode: Option<Mode>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Mode {
    /// 直连模式
    Direct,
    /// 服务商模式
    Partner,
}

#[derive(Debug, clap::Subcommand)]
enum PrepareCommand {
    /// Show one step: what it is about, what is checked, what a person confirms, texts to copy
    Show {
        #[arg(value_enum)]
        step: Step,
    },
    /// Confirm that a step is done
    Confirm {
        #[arg(value_enum)]
        step: Step,
        /// Who says so
        #[arg(long, value_name = "NAME")]
        by: String,
        /// What is worth knowing of it
        #[arg(long, value_name = "TEXT")]
        note: Option<String>,
    },
    /// Take a confirmation back
    Reopen {
        #[arg(value_enum)]
        step: Step,
    },
}

/// The longest name or note, characters.
const LONGEST: usize = 200;

/// Lists, shows, confirms.
pub fn run(args: &PrepareArgs, lang: Lang) -> ExitCode {
    let place = &args.place;
    if let Some(mode) = place.mode {
        return list_without_config(mode, place.json, lang);
    }
    if !place.config.exists() {
        let text = lang.no_config_yet(&place.config.display().to_string());
        return fail(BAD_CONFIG, text);
    }
    let config = match Config::load(&place.config) {
        Ok(config) => config,
        Err(faults) => return fail(BAD_CONFIG, faults),
    };
    let mut checklist = match Checklist::load(&config.store.path) {
        Ok(checklist) => checklist,
        Err(error) => return fail(client::REFUSED, crate::causes::told(&error)),
    };
    match &args.command {
        None => list(&config, &checklist, place.json, lang),
        Some(PrepareCommand::Show { step }) => show(*step, &config, &checklist, place.json, lang),
        Some(PrepareCommand::Confirm { step, by, note }) => {
            if step.to_confirm().is_none() {
                return fail(client::REFUSED, lang.nothing_to_confirm(&step.id()));
            }
            let (by, note) = (cut(by), note.as_deref().map(cut));
            checklist.confirm(*step, &config, &by, note.as_deref(), super::when::now());
            keep(*step, &config, &checklist, place.json, lang)
        }
        Some(PrepareCommand::Reopen { step }) => {
            if !checklist.reopen(*step) {
                return fail(client::REFUSED, lang.was_open(&step.id()));
            }
            keep(*step, &config, &checklist, place.json, lang)
        }
    }
}

fn keep(step: Step, config: &Config, checklist: &Checklist, as_json: bool, lang: Lang) -> ExitCode {
    match checklist.save(&config.store.path) {
        Ok(()) => show(step, config, checklist, as_json, lang),
        Err(error) => fail(client::REFUSED, crate::causes::told(&error)),
    }
}

/// As it may stand in a file and on a terminal.
fn cut(text: &str) -> String {
    let fit = text.chars().filter(|c| !c.is_control());
    fit.take(LONGEST).collect()
}

fn list(config: &Config, checklist: &Checklist, as_json: bool, lang: Lang) -> ExitCode {
    let rows = rows(config, checklist, super::when::now());
    if as_json {
        let rows: Vec<Value> = rows.iter().map(|row| row_json(row, lang)).collect();
        return output::print(&json!({ "steps": rows }).to_string());
    }
    let mut table = Table::default();
    for row in &rows {
        table.row([
            text(lang.of(words::state(row.state))),
            text(row.step.id()),
            text(lang.of(row.step.title())),
            text(in_short(row, lang)),
        ]);
    }
    let count = |state| rows.iter().filter(|row| row.state == state).count();
    let sum = lang.preparation_sum(count(State::Done), count(State::Open), count(State::Failed));
    output::print(&format!("{}{sum}", table.render()))
}

/// What is wrong, else what is open, else who has confirmed.
fn in_short(row: &Row, lang: Lang) -> String {
    let failed = row
        .findings
        .iter()
        .find(|it| it.outcome == crate::doctor::Outcome::Failed);
    if let Some(failed) = failed {
        return lang.told(&failed.found).to_owned();
    }
    match (&row.confirmed, &row.to_confirm) {
        (Some(confirmed), _) => confirmed_by(confirmed, lang),
        (None, Some(open)) => lang.told(open).to_owned(),
        (None, None) => {
            let first = row.findings.first();
            first.map_or_else(String::new, |it| lang.told(&it.found).to_owned())
        }
    }
}

fn confirmed_by(confirmed: &Confirmation, lang: Lang) -> String {
    lang.confirmed_by(&confirmed.by, &day(confirmed.at), confirmed.note.as_deref())
}

fn show(step: Step, config: &Config, checklist: &Checklist, as_json: bool, lang: Lang) -> ExitCode {
    let rows = rows(config, checklist, super::when::now());
    let Some(row) = rows.iter().find(|row| row.step == step) else {
        // A step of the other mode.
        return fail(client::REFUSED, lang.nothing_to_confirm(&step.id()));
    };
    if as_json {
        return output::print(&row_json(row, lang).to_string());
    }
    let mut told = format!(
        "{} — {}\n{}\n",
        lang.of(step.title()),
        lang.of(words::state(row.state)),
        lang.told(&row.about)
    );
    let mut line = |title: &str, text: &str| told.push_str(&format!("\n{title}: {text}"));
    line(lang.of(words::CHECKED_HERE), lang.told(&row.checked_here));
    for finding in &row.findings {
        line(
            lang.of(words::outcome(finding.outcome)),
            lang.told(&finding.found),
        );
        if let Some(fix) = &finding.fix {
            line(lang.of(words::FIX), lang.told(fix));
        }
    }
    if let Some(what) = &row.to_confirm {
        line(lang.of(words::TO_CONFIRM), lang.told(what));
    }
    if let Some(confirmed) = &row.confirmed {
        line(lang.of(words::CONFIRMED), &confirmed_by(confirmed, lang));
    }
    if let Some(draft) = &row.draft {
        line(lang.of(words::DRAFT), "");
        told.push_str(&format!("\n{}", lang.told(draft)));
    }
    output::print(&told)
}

fn row_json(row: &Row, lang: Lang) -> Value {
    let findings = row.findings.iter().map(|finding| {
        json!({
            "step": finding.step,
            "subject": finding.subject,
            "outcome": finding.outcome,
            "found": lang.told(&finding.found),
            "fix": finding.fix.as_ref().map(|fix| lang.told(fix)),
        })
    });
    let confirmed = row
        .confirmed
        .as_ref()
        .map(|it| json!({ "by": it.by, "at": it.at.to_rfc3339(), "note": it.note }));
    json!({
        "step": row.step,
        "title": lang.of(row.step.title()),
        "state": row.state,
        "about": lang.told(&row.about),
        "checked_here": lang.told(&row.checked_here),
        "to_confirm": row.to_confirm.as_ref().map(|it| lang.told(it)),
        "draft": row.draft.as_ref().map(|it| lang.told(it)),
        "findings": findings.collect::<Vec<_>>(),
        "confirmed": confirmed,
    })
}

/// On the first day there is nothing to look at yet.
fn list_without_config(mode: Mode, as_json: bool, lang: Lang) -> ExitCode {
    let steps = || Step::of(mode == Mode::Partner);
    if as_json {
        let rows: Vec<Value> = steps()
            .map(|step| {
                json!({
                    "step": step,
                    "title": lang.of(step.title()),
                    "about": lang.of(step.about()),
                    "checked_here": lang.of(step.checked_here()),
                    "to_confirm": step.to_confirm().map(|it| lang.of(it)),
                })
            })
            .collect();
        return output::print(&json!({ "steps": rows }).to_string());
    }
    let told: Vec<String> = steps()
        .map(|step| {
            let (id, title, about) = (step.id(), lang.of(step.title()), lang.of(step.about()));
            format!("{id} — {title}\n  {about}\n")
        })
        .collect();
    output::print(&told.join("\n"))
}
