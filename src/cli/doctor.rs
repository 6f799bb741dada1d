//! `parkgate doctor`: whether everything is in order that a car park with WeChat Pay needs.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::{Value, json};

use super::output::{Table, text};
use super::words::{Lang, preparation as words};
use super::{BAD_CONFIG, CONFIG, client, fail, output};
use crate::clock::Clock;
use crate::config::{Config, Faults};
use crate::control::{Answer, Question};
use crate::doctor::{Daemon, Finding, Outcome, Report, Scope, examine};
use crate::json;
use crate::lane::time::Wall;
use crate::prepare::Checklist;

#[derive(Debug, clap::Args)]
pub struct DoctorArgs {
    /// The configuration
    #[arg(long, value_name = "FILE", default_value = CONFIG)]
    config: PathBuf,
    /// The daemon's socket, else [control] socket of the config
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,
    /// Ask nobody over a network
    #[arg(long)]
    offline: bool,
    /// Prove the binding of app id and merchant id by a Native order of 0.01 yuan, which is closed again
    #[arg(long, conflicts_with = "offline")]
    trial_order: bool,
    /// Print what is found as JSON
    #[arg(long)]
    json: bool,
}

/// Something is not in order.
const NOT_IN_ORDER: u8 = 1;
/// The look itself cannot be made.
const TRY_AGAIN: u8 = 75;

/// Looks at everything and tells it. 0 if nothing failed; what cannot be told from here is no failure.
pub fn run(args: &DoctorArgs, lang: Lang) -> ExitCode {
    let (config, no_tariff) = match Config::load_with_tariff(&args.config) {
        Ok((config, _)) => (config, None),
        // Everything but the prices can be looked at without them.
        Err(faults) => match Config::load(&args.config) {
            Ok(config) => (config, Some(faults)),
            Err(_) => {
                if args.json {
                    let told = json!({ "in_order": false, "config_faults": lines_of(&faults) });
                    output::print(&told.to_string());
                }
                return fail(BAD_CONFIG, faults);
            }
        },
    };
    let checklist = match Checklist::load(&config.store.path) {
        Ok(checklist) => checklist,
        Err(error) => {
            output::note(&crate::causes::told(&error));
            Checklist::default()
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return fail(TRY_AGAIN, format!("cannot start: {error}")),
    };
    let socket = args.socket.as_ref().unwrap_or(&config.control.socket);
    let daemon = daemon(socket);
    let clock = Clock::system(config.clock.trust, Wall(0));
    let scope = Scope {
        offline: args.offline,
        trial_order: args.trial_order,
    };
    let report = runtime.block_on(examine(&config, &checklist, daemon.as_ref(), &clock, scope));
    // A name server that hangs is not waited for.
    runtime.shutdown_background();
    output::print(&match args.json {
        true => as_json(&report, no_tariff.as_ref(), lang).to_string(),
        false => show(&report, lang),
    });
    if let Some(faults) = no_tariff {
        return fail(BAD_CONFIG, faults);
    }
    match report.count(Outcome::Failed) {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::from(NOT_IN_ORDER),
    }
}

/// What a running daemon says.
fn daemon(socket: &Path) -> Option<Daemon> {
    let ask = |question: &Question| match client::exchange(socket, question) {
        Ok(Answer::Ok(value)) => Some(value),
        _ => None,
    };
    let mut status = ask(&Question::Status)?;
    if let Some(store) = ask(&Question::Store) {
        status["version"] = store["version"].clone();
    }
    let devices = ask(&Question::Devices).and_then(|value| json::typed(&value).ok());
    Some(Daemon { status, devices })
}

fn lines_of(faults: &Faults) -> Vec<String> {
    faults.to_string().lines().map(str::to_owned).collect()
}

fn as_json(report: &Report, no_tariff: Option<&Faults>, lang: Lang) -> Value {
    let row = |finding: &Finding| {
        json!({
            "step": finding.step,
            "subject": finding.subject,
            "outcome": finding.outcome,
            "found": lang.told(&finding.found),
            "fix": finding.fix.as_ref().map(|fix| lang.told(fix)),
            "call": finding.call,
        })
    };
    let findings: Vec<Value> = report.findings.iter().map(row).collect();
    json!({
        "in_order": report.count(Outcome::Failed) == 0 && no_tariff.is_none(),
        "config_faults": no_tariff.map(lines_of).unwrap_or_default(),
        "passed": report.count(Outcome::Passed),
        "failed": report.count(Outcome::Failed),
        "cannot_tell": report.count(Outcome::CannotTell),
        "findings": findings,
    })
}

fn show(report: &Report, lang: Lang) -> String {
    let mut table = Table::default();
    for finding in &report.findings {
        let mut title = lang.of(finding.step.title()).to_owned();
        if let Some(subject) = &finding.subject {
            title.push_str(&format!(" {subject}"));
        }
        let outcome = lang.of(words::outcome(finding.outcome));
        table.row([
            text(outcome),
            text(title.as_str()),
            text(lang.told(&finding.found)),
        ]);
        if let Some(fix) = &finding.fix {
            let word = match finding.outcome {
                Outcome::Failed => words::FIX,
                _ => words::HOW,
            };
            let fix = format!("{}: {}", lang.of(word), lang.told(fix));
            table.row([text(""), text(""), text(fix)]);
        }
        if let Some(call) = finding.call {
            let call = format!("{}: {call}", lang.of(words::ASKED));
            table.row([text(""), text(""), text(call)]);
        }
    }
    let sum = lang.report_sum(
        report.count(Outcome::Passed),
        report.count(Outcome::Failed),
        report.count(Outcome::CannotTell),
    );
    format!("{}{sum}", table.render())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Step;

    #[test]
    fn findings_are_told_with_their_fix_in_both_languages() {
        let mut report = Report::default();
        let found = both!("it is off", "时钟不准");
        let fix = both!("set it", "请校时");
        report.push(Finding::failed(Step::Clock, found, fix));
        let answers = both!("it answers", "有应答");
        report.push(
            Finding::passed(Step::Host, answers)
                .of("api:443")
                .asked("GET /v3/x"),
        );
        let english = show(&report, Lang::En);
        assert_eq!(
            english,
            "FAILED  clock         it is off\n                      fix: set it\n\
             passed  host api:443  it answers\n                      asked: GET /v3/x\n\
             1 passed, 1 failed, 0 can't be told"
        );
        let chinese = show(&report, Lang::Zh);
        for words in ["失败", "时钟不准", "处理: 请校时", "失败 1 项"] {
            assert!(chinese.contains(words), "{words}: {chinese}");
        }
        let value = as_json(&report, None, Lang::Zh);
        assert_eq!(value["in_order"], false);
        assert_eq!(value["findings"][0]["step"], "clock");
        assert_eq!(value["findings"][0]["outcome"], "failed");
        assert_eq!(value["findings"][1]["call"], "GET /v3/x");
    }

    #[test]
    fn without_a_price_list_the_rest_is_told_and_nothing_is_in_order() {
        let faults = Config::parse("lanes = 1", "parkgate.toml").unwrap_err();
        let value = as_json(&Report::default(), Some(&faults), Lang::En);
        assert_eq!(value["in_order"], false);
        let told = value["config_faults"][0].as_str().unwrap();
        assert!(told.starts_with("parkgate.toml"), "{told}");
        assert_eq!(value["failed"], 0);
    }
}
