//! `parkgate keys`: what WeChat's answers are verified with, and the merchant's own keys taken up anew.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::{Value, json};

use super::output::{Table, text};
use super::words::{Lang, preparation as words};
use super::{BAD_CONFIG, CONFIG, SocketArgs, client, fail};
use crate::config::{Config, read_public};
use crate::control::{Answer, Question};
use crate::doctor::merchant::day;
use crate::gate;
use crate::json;
use crate::lane::time::Wall;
use crate::wechat::RsaPublicKey;
use crate::wechat::trust::{HeldKey, KeyRing};

#[derive(Debug, clap::Subcommand)]
pub enum KeysCommand {
    /// Show platform certificates and public keys, where each comes from and since when it is held
    List(ListArgs),
    /// Read the merchant's key files now; what has changed is taken up once WeChat has answered with it
    Reload(ReloadArgs),
}

#[derive(Debug, clap::Args)]
pub struct ListArgs {
    #[command(flatten)]
    socket: SocketArgs,
}

#[derive(Debug, clap::Args)]
pub struct ReloadArgs {
    #[command(flatten)]
    socket: SocketArgs,
}

/// Does it.
pub fn run(command: KeysCommand, lang: Lang) -> ExitCode {
    match command {
        KeysCommand::List(args) => {
            let file = args.socket.config.clone();
            let file = file.unwrap_or_else(|| PathBuf::from(CONFIG));
            let instead = || kept(&file);
            client::ask_or_else(&args.socket, lang, &Question::Keys, instead, |value| {
                show(value, lang)
            })
        }
        KeysCommand::Reload(args) => {
            client::ask(&args.socket, lang, &Question::ReloadKeys, |value| {
                lang.reloaded(
                    value["taken_up"].as_bool().unwrap_or_default(),
                    value["serial"].as_str().unwrap_or_default(),
                )
            })
        }
    }
}

/// Without a daemon: the configured public key, and the certificates that the last run kept.
fn kept(file: &Path) -> Result<Answer, ExitCode> {
    let config = Config::load(file).map_err(|faults| {
        let text = format!("no daemon runs, and the config cannot be used instead:\n{faults}");
        fail(BAD_CONFIG, text)
    })?;
    let rows = match gate::keys::kept(&config.store.path) {
        Ok(rows) => rows,
        Err(error) => {
            let why = format!("what the last run kept cannot be read: {error}");
            return Ok(Answer::Error(why));
        }
    };
    let ring = KeyRing::default();
    let now = super::when::now();
    ring.import(&rows, now);
    if let Some(key) = &config.wechat.public_key {
        let pem = read_public(&key.file).map_err(|error| fail(client::REFUSED, error))?;
        let read = RsaPublicKey::from_pem(&pem);
        let read = read.map_err(|fault| fail(client::REFUSED, fault))?;
        ring.add_public_key(&key.id, read);
    }
    Ok(Answer::Ok(json!({ "keys": ring.held_keys(now) })))
}

fn show(answer: &Value, lang: Lang) -> String {
    let keys: Vec<HeldKey> = json::typed(&answer["keys"]).unwrap_or_default();
    let mut table = Table::default();
    let titles = [words::KEY, words::SOURCE, words::AGE, words::VALID_UNTIL];
    table.row(titles.map(|title| text(lang.of(title))));
    let now = super::when::now();
    for key in &keys {
        let source = match serde_json::to_value(key.source) {
            Ok(Value::String(word)) => words::source(&word),
            _ => words::source(""),
        };
        let held_for = key.since.map(|since| lang.length(ms_between(since, now)));
        let until = key.validity.as_ref().map(|validity| day(validity.until));
        let mark = match key.preferred {
            true => format!("{} *", key.id),
            false => key.id.clone(),
        };
        table.row([
            text(mark),
            text(lang.of(source)),
            text(held_for.unwrap_or_else(|| "-".to_owned())),
            text(until.unwrap_or_else(|| "-".to_owned())),
        ]);
    }
    let mut told = match keys.is_empty() {
        true => format!("{}\n", lang.no_keys()),
        false => format!("{}{}\n", table.render(), lang.preferred_mark()),
    };
    if let Some(serial) = answer["merchant_serial"].as_str() {
        let ends = answer["merchant_certificate_ends"]
            .as_i64()
            .map(|ms| day(Wall(ms)));
        told.push_str(&lang.merchant_signs(serial, ends.as_deref()));
    }
    told
}

fn ms_between(since: Wall, now: Wall) -> u64 {
    u64::try_from(now.0.saturating_sub(since.0)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wechat::trust::{Source, Validity};

    #[test]
    fn keys_are_told_with_source_and_end_in_both_languages() {
        let key = |id: &str, source, validity, preferred| HeldKey {
            id: id.to_owned(),
            source,
            since: None,
            validity,
            preferred,
        };
        let validity = Validity {
            from: Wall(0),
            until: Wall(2_335_219_200_000),
            issuer: "CA".to_owned(),
        };
        let answer = json!({
            "keys": [
                key("PUB_KEY_ID_01", Source::Configured, None, true),
                key("3775B6A4", Source::Cached, Some(validity), false),
            ],
            "merchant_serial": "5157F09E",
            "merchant_certificate_ends": 2_335_219_200_000_i64,
        });
        let english = show(&answer, Lang::En);
        for words in [
            "PUB_KEY_ID_01 *  configured",
            "kept from an earlier run",
            "2044-01-01",
            "5157F09E",
        ] {
            assert!(english.contains(words), "{words}: {english}");
        }
        let chinese = show(&answer, Lang::Zh);
        assert!(
            chinese.contains("本地缓存") && chinese.contains("5157F09E"),
            "{chinese}"
        );
        assert!(show(&json!({ "keys": [] }), Lang::En).contains("no key"));
    }
}
