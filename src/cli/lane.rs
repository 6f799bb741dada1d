//! `parkgate lane raise`: the attendant's own raise.

use std::process::ExitCode;

use serde_json::Value;

use super::words::Lang;
use super::{SocketArgs, client};
use crate::charges::record::StaffOutcome;
use crate::control::Question;
use crate::lane::session::LaneId;
use crate::park::reply::Done;

#[derive(Debug, clap::Subcommand)]
pub enum LaneCommand {
    /// Raise the barrier of a lane now; recorded with name and reason
    Raise(RaiseArgs),
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
    let LaneCommand::Raise(args) = command;
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

/// What was done, in words.
pub fn done(value: &Value, lang: Lang) -> String {
    match serde_json::from_value::<Done>(value.clone()) {
        Ok(done) => lang.done(&done),
        Err(_) => value.to_string(),
    }
}
