//! `parkgate review list`: what waits for a person.

use std::fmt::Write;
use std::process::ExitCode;

use serde_json::Value;

use super::{SocketArgs, client};
use crate::control::Question;
use crate::lane::tariff::yuan;

#[derive(Debug, clap::Subcommand)]
pub enum ReviewCommand {
    /// Cars that are held, stays to look at, charges with the staff
    List(ListArgs),
}

#[derive(Debug, clap::Args)]
pub struct ListArgs {
    #[command(flatten)]
    socket: SocketArgs,
}

/// Asks and shows.
pub fn run(command: ReviewCommand) -> ExitCode {
    let ReviewCommand::List(args) = command;
    client::ask(
        &args.socket.socket,
        &Question::Review,
        args.socket.json,
        show,
    )
}

fn show(review: &Value) -> String {
    let mut text = String::new();
    let list = |name: &str| review[name].as_array().cloned().unwrap_or_default();
    // Writing to a string cannot fail.
    for hold in list("held") {
        let plate = hold["plate"]
            .as_str()
            .or(hold["raw_plate"].as_str())
            .unwrap_or("no plate");
        let fee = hold["quote"]["fee_fen"]
            .as_u64()
            .map(yuan)
            .unwrap_or_else(|| "-".to_owned());
        let lane = hold["lane"].as_str().unwrap_or("");
        let _ = writeln!(
            text,
            "held      {lane:<10} {plate:<10} {fee:>8}  {}",
            hold["reason"]
        );
    }
    for stay in list("stays") {
        let plate = stay["plate"].as_str().unwrap_or("");
        let fee = stay["fee_fen"]
            .as_u64()
            .map(yuan)
            .unwrap_or_else(|| "-".to_owned());
        let session = stay["session"].as_str().unwrap_or("");
        let _ = writeln!(
            text,
            "stay      {session} {plate:<10} {fee:>8}  {}",
            stay["why"]
        );
    }
    for charge in list("with_staff") {
        let claim = &charge["claim"];
        let plate = claim["plate"].as_str().unwrap_or("");
        let fee = claim["quote"]["fee_fen"]
            .as_u64()
            .map(yuan)
            .unwrap_or_default();
        let trade_no = claim["trade_no"].as_str().unwrap_or("");
        let _ = writeln!(
            text,
            "charge    {trade_no} {plate:<10} {fee:>8}  {}",
            charge["state"]
        );
    }
    if text.is_empty() {
        "nothing waits for a person".to_owned()
    } else {
        text
    }
}
