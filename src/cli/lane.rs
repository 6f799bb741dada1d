//! `parkgate lane`: the attendant's own raise, and the plate of a car that no camera read right.

use std::process::ExitCode;

use clap::builder::NonEmptyStringValueParser;
use serde_json::Value;

use super::words::Lang;
use super::{SocketArgs, client};
use crate::charges::record::StaffOutcome;
use crate::control::Question;
use crate::json;
use crate::lane::plate::{PlateColor, PlateNumber};
use crate::lane::session::LaneId;
use crate::park::reply::Done;

#[derive(Debug, clap::Subcommand)]
pub enum LaneCommand {
    /// Raise the barrier of a lane now; recorded with name and reason
    Raise(RaiseArgs),
    /// Say which plate the car has that is held at a lane: it is decided anew, as if it had been read so
    Plate(PlateArgs),
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
