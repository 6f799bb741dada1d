//! `parkgate lists`: who comes and goes without paying, and who is not let in. A change holds from the next
//! car on.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::builder::NonEmptyStringValueParser;
use serde_json::Value;

use super::lane::done;
use super::output::{Table, text};
use super::when::{long, now, when};
use super::words::{Lang, lists as told};
use super::{SocketArgs, client, fail};
use crate::control::Question;
use crate::json;
use crate::lane::listing::{BALANCE_MAX_FEN, Bay, Change, List, Listed};
use crate::lane::plate::PlateNumber;
use crate::lane::tariff::yuan;
use crate::lane::time::Wall;
use crate::park::balance::BalanceChange;

#[derive(Debug, clap::Subcommand)]
pub enum ListsCommand {
    /// Show who is listed, with validity, and how old the lists are
    Show(ShowArgs),
    /// List a plate, or change how it is listed
    Put(PutArgs),
    /// Take a plate off a list
    Remove(RemoveArgs),
    /// Put money in store for a plate with a stored-value card
    TopUp(MoneyArgs),
    /// Pay out what a plate has in store, or a part of it
    PayOut(MoneyArgs),
    /// Put a whole file in the place of everything that is listed
    Load(LoadArgs),
}

#[derive(Debug, clap::Args)]
pub struct ShowArgs {
    /// Only plates with this in them
    #[arg(long, value_name = "PLATE")]
    plate: Option<String>,
    #[command(flatten)]
    socket: SocketArgs,
}

#[derive(Debug, clap::Args)]
pub struct PutArgs {
    /// The plate
    #[arg(value_parser = super::review::plate)]
    plate: PlateNumber,
    /// permit, visitor, stored (pays from what it has in store) or blocked
    #[arg(long, value_parser = list)]
    list: List,
    /// When it begins to hold; always, if left out
    #[arg(long, value_parser = when)]
    from: Option<Wall>,
    /// When it no longer holds; for ever, if left out
    #[arg(long, value_parser = when)]
    until: Option<Wall>,
    /// The bay that several plates share: the next car pays when it is taken
    #[arg(long, value_name = "NAME")]
    bay: Option<String>,
    /// Cars that the bay has room for
    #[arg(long, value_name = "N", default_value_t = 1, requires = "bay")]
    places: u32,
    /// For people
    #[arg(long, value_name = "TEXT", default_value = "")]
    note: String,
    #[command(flatten)]
    word: WordArgs,
}

#[derive(Debug, clap::Args)]
pub struct RemoveArgs {
    /// The plate
    #[arg(value_parser = super::review::plate)]
    plate: PlateNumber,
    /// permit, visitor, stored (pays from what it has in store) or blocked
    #[arg(long, value_parser = list)]
    list: List,
    #[command(flatten)]
    word: WordArgs,
}

#[derive(Debug, clap::Args)]
pub struct MoneyArgs {
    /// The plate
    #[arg(value_parser = super::review::plate)]
    plate: PlateNumber,
    /// How much, fen
    #[arg(long, value_name = "FEN", value_parser = clap::value_parser!(u64).range(1..=BALANCE_MAX_FEN))]
    fen: u64,
    #[command(flatten)]
    word: WordArgs,
}

#[derive(Debug, clap::Args)]
pub struct LoadArgs {
    /// CSV with a head line: plate,list and, where needed, from,until,bay,places,note
    file: PathBuf,
    #[command(flatten)]
    word: WordArgs,
}

#[derive(Debug, clap::Args)]
struct WordArgs {
    /// Who decides
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    by: String,
    /// Why
    #[arg(long, alias = "reason", value_name = "TEXT", value_parser = NonEmptyStringValueParser::new())]
    why: String,
    #[command(flatten)]
    socket: SocketArgs,
}

/// The file cannot be used.
const BAD_FILE: u8 = 2;

/// Asks, changes and shows.
pub fn run(command: ListsCommand, lang: Lang) -> ExitCode {
    match command {
        ListsCommand::Show(args) => show(&args, lang),
        ListsCommand::Put(args) => {
            let places = args.places;
            let listed = Listed {
                plate: args.plate,
                list: args.list,
                from: args.from,
                until: args.until,
                bay: args.bay.map(|name| Bay { name, places }),
                note: args.note,
            };
            change(Change::Put(listed), args.word, lang)
        }
        ListsCommand::Remove(args) => {
            let (plate, list) = (args.plate, args.list);
            change(Change::Remove { plate, list }, args.word, lang)
        }
        ListsCommand::TopUp(args) => {
            let change = BalanceChange::TopUp { fen: args.fen };
            money(args.plate, change, args.word, lang)
        }
        ListsCommand::PayOut(args) => {
            let change = BalanceChange::PayOut { fen: args.fen };
            money(args.plate, change, args.word, lang)
        }
        ListsCommand::Load(args) => match load(&args.file) {
            Ok(all) => change(Change::Replace(all), args.word, lang),
            Err(why) => fail(BAD_FILE, format!("{}: {why}", args.file.display())),
        },
    }
}

fn change(change: Change, word: WordArgs, lang: Lang) -> ExitCode {
    let question = Question::ChangeList {
        change,
        by: word.by,
        why: word.why,
    };
    client::ask(&word.socket, lang, &question, |value| done(value, lang))
}

fn money(plate: PlateNumber, change: BalanceChange, word: WordArgs, lang: Lang) -> ExitCode {
    let question = Question::Balance {
        plate,
        change,
        by: word.by,
        why: word.why,
    };
    client::ask(&word.socket, lang, &question, |value| done(value, lang))
}

fn show(args: &ShowArgs, lang: Lang) -> ExitCode {
    match client::answer(&args.socket, lang, &Question::Lists) {
        Ok(mut answered) => {
            if let (Some(wanted), Some(all)) =
                (&args.plate, answered.value["listed"].as_array_mut())
            {
                let wanted = wanted.to_uppercase();
                all.retain(|listed| {
                    let plate = listed["plate"].as_str().unwrap_or("");
                    plate.contains(&wanted)
                });
            }
            answered.print(&args.socket, lang, |answer| table(answer, lang))
        }
        Err(code) => code,
    }
}

fn table(answer: &Value, lang: Lang) -> String {
    let listed: Vec<Listed> = json::typed(&answer["listed"]).unwrap_or_default();
    let number = |key: &str| answer[key].as_u64().unwrap_or_default();
    let changed = answer["changed"].as_str().and_then(Wall::from_rfc3339);
    let count = u64::try_from(listed.len()).unwrap_or(u64::MAX);
    let head = lang.lists(count, number("version"), changed);
    let balances: BTreeMap<PlateNumber, u64> =
        json::typed(&answer["balances_fen"]).unwrap_or_default();
    if listed.is_empty() && balances.is_empty() {
        return format!("{head}\n{}\n", lang.of(told::NOBODY));
    }
    let balance_of = |plate: &PlateNumber| balances.get(plate).copied().unwrap_or(0);
    let now = now();
    let mut table = Table::default();
    for listed in &listed {
        let time = |at: Option<Wall>| at.map_or("…".to_owned(), long);
        let bay = listed.bay.as_ref();
        let bay = bay.map_or(String::new(), |bay| {
            format!("{} ({})", bay.name, bay.places)
        });
        table.row([
            text(listed.plate.as_str()),
            text(lang.of(told::list(listed.list))),
            text(lang.of(told::lapse(listed.lapse(now)))),
            text(format!("{} – {}", time(listed.from), time(listed.until))),
            text(bay),
            text(match listed.list {
                List::Stored => lang.yuan(&yuan(balance_of(&listed.plate))),
                List::Permit | List::Visitor | List::Blocked => String::new(),
            }),
            text(listed.note.clone()),
        ]);
    }
    let has_card = |plate: &PlateNumber| {
        let mut all = listed.iter();
        all.any(|listed| listed.list == List::Stored && listed.plate == *plate)
    };
    for (plate, fen) in balances.iter().filter(|(plate, _)| !has_card(plate)) {
        table.row([
            text(plate.as_str()),
            text(lang.of(told::NO_CARD)),
            text(String::new()),
            text(String::new()),
            text(String::new()),
            text(lang.yuan(&yuan(*fen))),
            text(String::new()),
        ]);
    }
    format!("{head}\n{}", table.render())
}

fn list(word: &str) -> Result<List, String> {
    let mut lists = List::ALL.iter();
    let found = lists.find(|(name, _)| *name == word);
    found
        .map(|(_, list)| *list)
        .ok_or_else(|| "write permit, visitor, stored or blocked".to_owned())
}

/// Why a file of lists cannot be used.
#[derive(Debug, thiserror::Error)]
enum BadList {
    #[error("cannot be read ({0}); check the name and the rights")]
    Unreadable(#[from] std::io::Error),
    #[error(
        "no column is called plate, and none list; write a head line: plate,list,from,until,bay,places,note"
    )]
    NoColumns,
    #[error("line {line}: {what}")]
    Line { line: usize, what: String },
}

fn load(path: &Path) -> Result<Vec<Listed>, BadList> {
    let text = std::fs::read_to_string(path)?;
    let mut lines = text.trim_start_matches('\u{feff}').lines().enumerate();
    let head = lines.next().map_or("", |(_, line)| line);
    let head: Vec<&str> = head.split(',').map(str::trim).collect();
    if !head.contains(&"plate") || !head.contains(&"list") {
        return Err(BadList::NoColumns);
    }
    let rows = lines.filter(|(_, line)| !line.trim().is_empty());
    rows.map(|(index, line)| {
        let cells: Vec<&str> = line.split(',').map(str::trim).collect();
        let cell = |name: &str| {
            let at = head.iter().position(|column| *column == name);
            at.and_then(|at| cells.get(at)).copied().unwrap_or("")
        };
        row(cell).map_err(|what| BadList::Line {
            line: index + 1,
            what,
        })
    })
    .collect()
}

fn row<'a>(cell: impl Fn(&str) -> &'a str) -> Result<Listed, String> {
    let optional = |name: &str| match cell(name) {
        "" => Ok(None),
        text => when(text).map(Some),
    };
    let places = match cell("places") {
        "" => 1,
        text => text
            .parse()
            .map_err(|_| format!("{text:?} is no number of places"))?,
    };
    let bay = match cell("bay") {
        "" => None,
        name => Some(Bay {
            name: name.to_owned(),
            places,
        }),
    };
    Ok(Listed {
        plate: super::review::plate(cell("plate"))?,
        list: list(cell("list"))?,
        from: optional("from")?,
        until: optional("until")?,
        bay,
        note: cell("note").to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_lists_is_read_or_says_where_it_is_wrong() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("lists.csv");
        let read = |text: &str| {
            std::fs::write(&file, text).unwrap();
            load(&file).map_err(|why| why.to_string())
        };
        let all = read(
            "\u{feff}plate,list,from,until,bay,places,note\n粤B12345,permit,2026-01-01,2026-02-01,B1-07,2,三单元\n\n粤b·99999,blocked\n",
        )
        .unwrap();
        assert_eq!(all.len(), 2);
        assert_eq!(all[0].bay.as_ref().unwrap().places, 2);
        assert_eq!(
            all[0].until.unwrap().to_rfc3339(),
            "2026-02-01T00:00:00+08:00"
        );
        assert_eq!(all[1].plate.as_str(), "粤B99999");
        assert_eq!(
            read("plate,list\n粤B12345,vip\n").unwrap_err(),
            "line 2: write permit, visitor, stored or blocked"
        );
        assert!(read("粤B12345\n").unwrap_err().starts_with("no column"));
        assert!(
            read("plate,list\nB1,permit\n")
                .unwrap_err()
                .starts_with("line 2")
        );
    }
}
