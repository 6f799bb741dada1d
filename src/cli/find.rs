//! `parkgate find`: whether a driver has opened the service for a plate.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::Value;

use super::words::Lang;
use super::{BAD_CONFIG, CONFIG, SocketArgs, client, fail};
use crate::config::Config;
use crate::control::{Answer, Question};
use crate::gate;
use crate::json;
use crate::lane::plate::{PlateColor, PlateNumber};
use crate::wechat::enrolment::Wanted;

#[derive(Debug, clap::Args)]
pub struct FindArgs {
    /// The plate, such as 粤B12345
    #[arg(long, value_name = "PLATE", value_parser = plate)]
    plate: PlateNumber,
    /// Its colour: blue, green, yellow, black, white or limegreen
    #[arg(long, value_name = "COLOR", value_parser = color)]
    color: PlateColor,
    /// The driver's openid under the merchant's own app id
    #[arg(long, value_name = "OPENID", value_parser = openid)]
    openid: String,
    #[command(flatten)]
    socket: SocketArgs,
}

/// WeChat cannot be asked from here.
const TRY_AGAIN: u8 = 75;
const OPENID_CHARS_MAX: usize = 32;

/// Asks through the daemon; where none runs, asks WeChat from here. Changes nothing.
pub fn run(args: FindArgs, lang: Lang) -> ExitCode {
    let wanted = Wanted {
        plate: args.plate,
        color: args.color,
        openid: args.openid,
    };
    let question = Question::Find(wanted.clone());
    let file = args.socket.config.clone();
    let file = file.unwrap_or_else(|| PathBuf::from(CONFIG));
    let instead = || directly(&file, &wanted);
    client::ask_or_else(&args.socket, lang, &question, instead, show)
}

fn directly(file: &Path, wanted: &Wanted) -> Result<Answer, ExitCode> {
    let config = Config::load(file).map_err(|faults| {
        let text = format!("no daemon runs, and the config cannot be used instead:\n{faults}");
        fail(BAD_CONFIG, text)
    })?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| fail(TRY_AGAIN, format!("cannot start: {error}")))?;
    Ok(runtime.block_on(gate::find_directly(&config, wanted)))
}

fn show(found: &Value) -> String {
    let word = |key: &str| found[key].as_str().unwrap_or_default();
    let state = word("service_state");
    let meaning = match state {
        "NORMAL" => "the driver has opened the service for this plate",
        "PAUSE" => "the driver has paused the service; he resumes it on WeChat's page for plates",
        "OUT_SERVICE" => {
            "this driver has not opened the service for this plate; another one may have"
        }
        _ => "a word that this version does not know",
    };
    let since = match word("service_open_time") {
        "" => String::new(),
        time => format!(", opened {time}"),
    };
    let (plate, color) = (word("plate_number"), word("plate_color"));
    let mut text = format!("{plate} {color}: {state}, {meaning}{since}");
    if !word("request_id").is_empty() {
        text.push_str(&format!("\nRequest-ID {}", word("request_id")));
    }
    text
}

fn plate(text: &str) -> Result<PlateNumber, String> {
    match PlateNumber::parse(text) {
        Ok(parsed) => Ok(parsed.plate),
        Err(fault) => Err(format!(
            "{fault}; write province, letter and serial, 粤B12345"
        )),
    }
}

fn color(text: &str) -> Result<PlateColor, String> {
    json::typed(&Value::String(text.to_ascii_uppercase()))
        .map_err(|_| "write blue, green, yellow, black, white or limegreen".to_owned())
}

fn openid(text: &str) -> Result<String, String> {
    let fits = (1..=OPENID_CHARS_MAX).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_graphic());
    match fits {
        true => Ok(text.to_owned()),
        false => Err("an openid has 1 to 32 letters, digits and signs".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_typed_is_checked_before_anybody_is_asked() {
        assert_eq!(color("LimeGreen"), Ok(PlateColor::LimeGreen));
        assert!(color("pink").is_err());
        assert_eq!(plate("粤b·12345").unwrap().as_str(), "粤B12345");
        assert!(plate("12345").unwrap_err().contains("粤B12345"));
        assert!(openid("oUpF8uMuAJOM2pxb1Q").is_ok());
        for bad in ["", "o U", "粤", &"o".repeat(33)] {
            assert!(openid(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_state_is_told_in_words() {
        let found = json!({
            "plate_number": "粤B12345",
            "plate_color": "BLUE",
            "service_state": "PAUSE",
            "service_open_time": "2025-03-01T09:00:00+08:00",
            "request_id": "08F5-0",
        });
        assert_eq!(
            show(&found),
            "粤B12345 BLUE: PAUSE, the driver has paused the service; he resumes it on WeChat's page \
             for plates, opened 2025-03-01T09:00:00+08:00\nRequest-ID 08F5-0"
        );
    }
}
