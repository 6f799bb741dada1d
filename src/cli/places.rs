//! `parkgate places`: how many are free, and a person's word on it.

use std::process::ExitCode;

use serde_json::Value;

use super::lane::done;
use super::words::Lang;
use super::{SocketArgs, Word, client};
use crate::control::{Counted, Question};

#[derive(Debug, clap::Subcommand)]
pub enum PlacesCommand {
    /// Cars inside, and places that are free
    Show(ShowArgs),
    /// Correct the count, after somebody has gone round and looked
    Set(SetArgs),
}

#[derive(Debug, clap::Args)]
pub struct ShowArgs {
    #[command(flatten)]
    socket: SocketArgs,
}

#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("count").args(["inside", "free"]).required(true))]
pub struct SetArgs {
    /// So many cars are inside
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(0..=1_000_000))]
    inside: Option<u64>,
    /// So many places are free
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(0..=1_000_000))]
    free: Option<u64>,
    #[command(flatten)]
    word: Word,
    #[command(flatten)]
    socket: SocketArgs,
}

/// Asks and shows.
pub fn run(command: PlacesCommand, lang: Lang) -> ExitCode {
    match command {
        PlacesCommand::Show(args) => {
            client::ask(&args.socket, lang, &Question::Places, |it| show(it, lang))
        }
        PlacesCommand::Set(args) => {
            let Word { by, why } = args.word;
            let free = Counted::Free(args.free.unwrap_or_default());
            let count = args.inside.map_or(free, Counted::Inside);
            let question = Question::CountPlaces { count, by, why };
            client::ask(&args.socket, lang, &question, |it| done(it, lang))
        }
    }
}

fn show(answer: &Value, lang: Lang) -> String {
    let number = |name: &str| answer[name].as_u64().unwrap_or_default();
    let inside = answer["cars_inside"].as_u64().unwrap_or_default();
    let mut text = lang.places(inside, &answer["places"]);
    match answer["places"]["uncounted"].as_i64() {
        None | Some(0) => {}
        Some(uncounted) => {
            text.push('\n');
            text.push_str(&lang.corrected_by(uncounted, number("stays")));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn places_are_told_in_both_languages_with_what_a_person_corrected() {
        let answer = json!({
            "cars_inside": 98, "stays": 101,
            "places": { "count": 120, "free": 22, "uncounted": -3 },
        });
        let english = show(&answer, Lang::En);
        assert!(
            english.starts_with("98 inside, 22 of 120 places free\n"),
            "{english}"
        );
        assert!(
            english.contains("101 open stays, corrected by -3"),
            "{english}"
        );
        let chinese = show(&answer, Lang::Zh);
        assert!(
            chinese.starts_with("场内 98 辆，120 个车位中剩余 22 个\n"),
            "{chinese}"
        );
        let uncounted = json!({ "cars_inside": 5, "stays": 5, "places": null });
        assert!(show(&uncounted, Lang::En).contains("places are not counted"));
    }
}
