//! `parkgate lane`: the attendant's own raise, and the plate of a car that no camera read right.

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::builder::NonEmptyStringValueParser;
use qrcode::QrCode;
use qrcode::render::unicode::Dense1x2;
use serde_json::Value;

use super::words::Lang;
use super::{SocketArgs, client};
use crate::charges::record::StaffOutcome;
use crate::control::Question;
use crate::json;
use crate::lane::plate::{PlateColor, PlateNumber};
use crate::lane::session::LaneId;
use crate::lane::tariff::yuan;
use crate::park::reply::Done;

#[derive(Debug, clap::Subcommand)]
pub enum LaneCommand {
    /// Raise the barrier of a lane now; recorded with name and reason
    Raise(RaiseArgs),
    /// Say which plate the car has that is held at a lane: it is decided anew, as if it had been read so
    Plate(PlateArgs),
    /// Draw the code that the driver at a lane can scan now: to pay, or to enrol the plate
    Qr(QrArgs),
}

#[derive(Debug, clap::Args)]
pub struct QrArgs {
    /// The lane, as in the config
    lane: String,
    #[command(flatten)]
    socket: SocketArgs,
}

#[derive(Debug, clap::Args)]
pub struct PlateArgs {
    /// The lane, as in the config
    lane: String,
    /// The plate; at an exit that of an open stay
    #[arg(value_parser = super::review::plate)]
    plate: PlateNumber,
    /// Its colour, where the camera saw none
    #[arg(long, value_name = "COLOUR", value_parser = color)]
    color: Option<PlateColor>,
    /// Who says so
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    by: String,
    /// Why
    #[arg(
        long,
        alias = "reason",
        value_name = "TEXT",
        default_value = "read by a person"
    )]
    why: String,
    #[command(flatten)]
    socket: SocketArgs,
}

#[derive(Debug, clap::Args)]
pub struct RaiseArgs {
    /// The lane, as in the config
    lane: String,
    /// Who raises
    #[arg(long, value_name = "NAME")]
    by: String,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// The fee was collected on the spot, by this channel (cash, qr, …)
    #[arg(long, value_name = "CHANNEL", conflicts_with = "waived")]
    collected: Option<String>,
    /// The fee is let off
    #[arg(long)]
    waived: bool,
    #[command(flatten)]
    socket: SocketArgs,
}

/// Does it.
pub fn run(command: LaneCommand, lang: Lang) -> ExitCode {
    let args = match command {
        LaneCommand::Raise(args) => args,
        LaneCommand::Plate(args) => return name(args, lang),
        LaneCommand::Qr(args) => {
            let lane = LaneId(args.lane);
            let question = Question::Code { lane: lane.clone() };
            let is_terminal = std::io::stdout().is_terminal();
            return client::ask(&args.socket, lang, &question, |value| {
                code(value, &lane, is_terminal, lang)
            });
        }
    };
    let money = match (args.collected, args.waived) {
        (Some(channel), _) => Some(StaffOutcome::Collected {
            by: args.by.clone(),
            channel,
        }),
        (None, true) => {
            let (by, why) = (args.by.clone(), args.reason.clone());
            Some(StaffOutcome::WrittenOff { by, why })
        }
        (None, false) => None,
    };
    let question = Question::Raise {
        lane: LaneId(args.lane),
        by: args.by,
        why: args.reason,
        money,
    };
    client::ask(&args.socket, lang, &question, |value| done(value, lang))
}

fn name(args: PlateArgs, lang: Lang) -> ExitCode {
    let question = Question::NamePlate {
        lane: LaneId(args.lane),
        plate: args.plate,
        color: args.color,
        by: args.by,
        why: args.why,
    };
    client::ask(&args.socket, lang, &question, |value| done(value, lang))
}

/// What can be scanned at a lane, drawn, with what it is for.
fn code(value: &Value, lane: &LaneId, is_terminal: bool, lang: Lang) -> String {
    let pay = &value["pay"];
    if let (Some(text), Some(fen)) = (pay["code_url"].as_str(), pay["fen"].as_u64()) {
        let number = pay["number"].as_str().unwrap_or_default();
        let what = format!("{number}  {}", lang.yuan(&yuan(fen)));
        return drawn(text, &what, is_terminal);
    }
    match value["enrol_url"].as_str() {
        Some(page) => drawn(page, page, is_terminal),
        None => lang.nothing_to_scan(lane),
    }
}

fn drawn(text: &str, what: &str, is_terminal: bool) -> String {
    let Ok(code) = QrCode::new(text) else {
        return format!("{what}\n{text}");
    };
    let drawn = code.render::<Dense1x2>().build();
    // Dark on light, whatever the terminal's own colours are.
    let line = |line: &str| match is_terminal {
        true => format!("\x1b[30;107m{line}\x1b[0m"),
        false => line.to_owned(),
    };
    let lines: Vec<String> = drawn.lines().map(line).collect();
    format!("{}\n{what}", lines.join("\n"))
}

fn color(text: &str) -> Result<PlateColor, String> {
    let name = serde_json::Value::String(text.to_uppercase());
    json::typed(&name).map_err(|_| "one of blue, green, yellow, black, white, limegreen".to_owned())
}

/// What was done, in words.
pub fn done(value: &Value, lang: Lang) -> String {
    match json::typed::<Done>(value) {
        Ok(done) => lang.done(&done),
        Err(_) => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_can_be_scanned_is_drawn_with_what_it_is_for() {
        let lane = LaneId("out-1".into());
        let code = |value: Value, is_terminal| super::code(&value, &lane, is_terminal, Lang::En);
        let url = "weixin://wxpay/bizpayurl?pr=p4lpSuKzz";
        let pay = json!({ "number": "N1", "fen": 500, "code_url": url });
        let drawn = code(json!({ "pay": pay }), false);
        let lines: Vec<&str> = drawn.lines().collect();
        assert!(lines.len() > 12 && lines[0].chars().count() > 25, "{drawn}");
        assert!(lines.last().unwrap().contains("5.00"), "{drawn}");
        let coloured = code(json!({ "pay": pay, "enrol_url": "https://x.cn/" }), true);
        assert!(coloured.starts_with("\x1b[30;107m"), "{coloured}");
        let enrol = code(json!({ "pay": null, "enrol_url": "https://x.cn/e" }), false);
        assert!(enrol.ends_with("https://x.cn/e"), "{enrol}");
        assert_eq!(
            code(Value::Null, false),
            "lane out-1: there is nothing to scan now"
        );
    }
}
