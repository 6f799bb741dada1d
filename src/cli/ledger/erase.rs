//! `parkgate ledger erase`: one plate's payloads, because a person asked for it.

use std::process::ExitCode;

use serde_json::Value;

use super::super::output::padded;
use super::super::words::{Lang, ledger as words};
use super::super::{SocketArgs, client};
use crate::control::Question;
use crate::control::erasure::Wanted;
use crate::json;
use crate::lane::plate::PlateNumber;
use crate::park::erasure::Payloads;
use crate::retention::{Archived, Found};

#[derive(Debug, clap::Args)]
pub struct EraseArgs {
    /// The plate, such as 粤B12345
    #[arg(long, value_name = "PLATE", value_parser = plate)]
    plate: PlateNumber,
    /// Who answers for it; it is recorded
    #[arg(long, value_name = "NAME")]
    by: String,
    /// Why, without the plate; it is recorded
    #[arg(long, value_name = "TEXT")]
    why: String,
    /// Only tell what would go
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    socket: SocketArgs,
}

/// Asks and shows.
pub fn run(args: EraseArgs, lang: Lang) -> ExitCode {
    let question = Question::Erase(Wanted {
        plate: args.plate,
        by: args.by,
        why: args.why,
        dry_run: args.dry_run,
    });
    client::ask(&args.socket, lang, &question, |answer| show(answer, lang))
}

fn plate(text: &str) -> Result<PlateNumber, String> {
    let parsed = PlateNumber::parse(text).map_err(|_| "no plate, such as 粤B12345".to_owned())?;
    Ok(parsed.plate)
}

fn show(answer: &Value, lang: Lang) -> String {
    let Ok(found) = json::typed::<Found>(answer) else {
        return answer.to_string();
    };
    let mut text = String::new();
    let mut row = |name, value: String| {
        text.push_str(&format!("{} {value}\n", padded(lang.of(name), 10)));
    };
    row(words::REFERENCE, found.reference);
    let name = match found.dry_run {
        true => words::WOULD_GO,
        false => words::ERASED,
    };
    row(name, counts(found.erased, lang));
    if found.kept.total() > 0 {
        let kept = counts(found.kept, lang);
        row(words::KEPT, format!("{kept}  {}", lang.of(words::WHY_KEPT)));
    }
    if found.left > 0 {
        let (left, why) = (found.left, lang.of(words::WHY_LEFT));
        row(words::LEFT, format!("{left}  {why}"));
    }
    match found.archived {
        Archived::None => {}
        Archived::NotThere => row(words::ARCHIVE, lang.of(words::NOT_MOUNTED).to_owned()),
        Archived::Erased(count) => row(words::ARCHIVE, count.to_string()),
    }
    text.push_str(lang.of(words::LOOK_ELSEWHERE));
    text
}

fn counts(payloads: Payloads, lang: Lang) -> String {
    let classes = [
        (payloads.reading, words::READINGS),
        (payloads.session, words::SESSIONS),
        (payloads.money, words::MONEY),
        (payloads.event, words::EVENTS),
    ];
    let told = classes.into_iter().filter(|(count, _)| *count > 0);
    let told: Vec<String> = told
        .map(|(count, class)| format!("{count} {}", lang.of(class)))
        .collect();
    match told.is_empty() {
        true => "0".to_owned(),
        false => told.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_went_and_what_stays_is_told_in_both_languages() {
        let answer = json!({
            "reference": "3K9QZ0T8MB", "dry_run": false,
            "erased": { "reading": 4, "session": 6, "money": 0, "event": 0 },
            "kept": { "reading": 0, "session": 0, "money": 9, "event": 0 },
            "left": 1, "archived": "not_there",
        });
        let english = show(&answer, Lang::En);
        for words in [
            "3K9QZ0T8MB",
            "4 readings, 6 of stays",
            "9 of money",
            "[retention] money",
            "not mounted",
        ] {
            assert!(english.contains(words), "{words}: {english}");
        }
        let chinese = show(&answer, Lang::Zh);
        assert!(
            chinese.contains("4 读数") && chinese.contains("未挂载"),
            "{chinese}"
        );
        let dry = json!({
            "reference": "3K9QZ0T8MB", "dry_run": true,
            "erased": { "reading": 0, "session": 0, "money": 0, "event": 0 },
            "kept": { "reading": 0, "session": 0, "money": 0, "event": 0 },
            "left": 0, "archived": { "erased": 2 },
        });
        assert!(
            show(&dry, Lang::En).contains("would go   0"),
            "{}",
            show(&dry, Lang::En)
        );
    }
}
