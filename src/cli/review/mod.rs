//! `parkgate review`: what waits for a person, its evidence, and the person's word.

mod case;
mod list;

use std::process::ExitCode;

use super::lane::done;
use super::when::when;
use super::words::Lang;
use super::{SocketArgs, Word, client};
use crate::control::Question;
use crate::lane::plate::PlateNumber;
use crate::lane::time::Wall;
use crate::park::review::{Terms, Verdict};

/// Nobody types a higher fee on purpose, fen.
pub const FEE_FEN_MAX: u64 = 1_000_000;

#[derive(Debug, clap::Subcommand)]
pub enum ReviewCommand {
    /// Cars that are held, stays to look at, charges with the staff, refunds to make
    List(ListArgs),
    /// Everything about one: readings, times, the fee line by line, near matches, what was sent and answered
    Show(ShowArgs),
    /// Charge a stay: what the tariff said, or what you say it owes
    Charge(ChargeArgs),
    /// Ask nothing, or nothing more, for a stay
    Waive(WaiveArgs),
    /// Note that a charge which WeChat took on is wrong: to be refunded, and charged anew
    Correct(CorrectArgs),
}

#[derive(Debug, clap::Args)]
pub struct ListArgs {
    #[command(flatten)]
    socket: SocketArgs,
}

#[derive(Debug, clap::Args)]
pub struct ShowArgs {
    /// Number of the stay, its entry (P…) or charge (T…), or a plate for its newest stay
    of: String,
    #[command(flatten)]
    socket: SocketArgs,
}

#[derive(Debug, clap::Args)]
pub struct ChargeArgs {
    /// Number of the stay or of its charge (T…), or a plate with one stay under review
    of: String,
    /// The fee, if it is another than the tariff's, fen
    #[arg(long, value_name = "FEN", value_parser = clap::value_parser!(u64).range(1..=FEE_FEN_MAX))]
    fee: Option<u64>,
    /// When the car left, if nobody saw it: 2026-03-01T08:00, 2h (ago); the tariff says what that costs
    #[arg(long, value_name = "TIME", value_parser = when)]
    exit: Option<Wall>,
    /// Whose stay it really was; the fee then stands with the staff, since WeChat knows the other plate
    #[arg(long, value_name = "PLATE", value_parser = plate)]
    plate: Option<PlateNumber>,
    #[command(flatten)]
    word: Word,
    #[command(flatten)]
    socket: SocketArgs,
}

#[derive(Debug, clap::Args)]
pub struct WaiveArgs {
    /// Number of the stay or of its charge (T…), or a plate with one stay under review
    of: String,
    #[command(flatten)]
    word: Word,
    #[command(flatten)]
    socket: SocketArgs,
}

#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("right").args(["fee", "plate", "done"]).required(true).multiple(true))]
pub struct CorrectArgs {
    /// Number of the charge (T…) or of its stay, or a plate for its newest stay
    of: String,
    /// What is due instead, fen; 0: nothing
    #[arg(long, value_name = "FEN", value_parser = clap::value_parser!(u64).range(0..=FEE_FEN_MAX))]
    fee: Option<u64>,
    /// Who owes it
    #[arg(long, value_name = "PLATE", value_parser = plate)]
    plate: Option<PlateNumber>,
    /// The refund was made, and what is due was charged: close the correction of this charge (T…)
    #[arg(long, conflicts_with_all = ["fee", "plate"])]
    done: bool,
    #[command(flatten)]
    word: Word,
    #[command(flatten)]
    socket: SocketArgs,
}

/// Asks and shows.
pub fn run(command: ReviewCommand, lang: Lang) -> ExitCode {
    let (question, socket) = match command {
        ReviewCommand::List(args) => {
            let show = |answer: &serde_json::Value| list::list(answer, lang);
            return client::read(&args.socket, lang, &Question::Review, show);
        }
        ReviewCommand::Show(args) => {
            let question = Question::Reviewed { of: args.of };
            let show = |answer: &serde_json::Value| case::show(answer, lang);
            return client::read(&args.socket, lang, &question, show);
        }
        ReviewCommand::Charge(args) => {
            let verdict = Verdict::Charge(Terms {
                fee_fen: args.fee,
                exited: args.exit,
                plate: args.plate,
            });
            (decide(args.of, verdict, args.word), args.socket)
        }
        ReviewCommand::Waive(args) => (decide(args.of, Verdict::Waive, args.word), args.socket),
        ReviewCommand::Correct(args) => {
            let Word { by, why } = args.word;
            let question = match args.done {
                true => Question::Corrected {
                    trade_no: args.of,
                    by,
                    why,
                },
                false => Question::Correct {
                    of: args.of,
                    due_fen: args.fee,
                    due_from: args.plate,
                    by,
                    why,
                    charge: None,
                },
            };
            (question, args.socket)
        }
    };
    client::ask(&socket, lang, &question, |answer| done(answer, lang))
}

fn decide(of: String, verdict: Verdict, Word { by, why }: Word) -> Question {
    Question::Decide {
        of,
        verdict,
        by,
        why,
    }
}

/// A plate as a person types it.
pub fn plate(text: &str) -> Result<PlateNumber, String> {
    let parsed = PlateNumber::parse(text).map_err(|fault| fault.to_string())?;
    Ok(parsed.plate)
}
