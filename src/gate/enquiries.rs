//! What people ask and WeChat answers, beside the loop: no lane waits for it, and nothing is decided
//! from it.

use std::time::Duration;

use serde_json::json;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use super::account::Account;
use super::secrets;
use crate::charges::answer::{Answer as Word, Heard, Refusal};
use crate::clock::Clock;
use crate::config::Config;
use crate::control::Answer;
use crate::lane::time::Wall;
use crate::wechat::enrolment::{Asker, Enrolment, Wanted};
use crate::wechat::{Client, Patience, code};

/// The socket gives the loop 10 s.
const PATIENCE: Patience = Patience::Lane {
    total: Duration::from_secs(8),
};

/// Questions under way at once.
const UNDER_WAY_MAX: usize = 4;

/// One question, and whom to answer.
pub struct Enquiry {
    pub wanted: Wanted,
    pub reply: oneshot::Sender<Answer>,
}

/// Runs until the gate drops its end.
pub async fn run(account: Account, asker: Asker, mut enquiries: mpsc::Receiver<Enquiry>) {
    let mut under_way = JoinSet::new();
    while let Some(Enquiry { wanted, reply }) = enquiries.recv().await {
        while under_way.try_join_next().is_some() {}
        if under_way.len() >= UNDER_WAY_MAX {
            under_way.join_next().await;
        }
        let (client, asker) = (account.client(), asker.clone());
        under_way.spawn(async move {
            // Whoever asked may have gone.
            let _ = reply.send(find(&client, &asker, &wanted).await);
        });
    }
}

/// Asks without a daemon, with the secrets that the config names.
pub async fn find_directly(config: &Config, wanted: &Wanted) -> Answer {
    let clock = Clock::system(config.clock.trust, Wall(0));
    find(&secrets::client(config, &clock), &asker(config), wanted).await
}

/// Who asks, by the config.
pub fn asker(config: &Config) -> Asker {
    let sub = config.merchant.sub.as_ref();
    Asker {
        appid: config.merchant.appid.clone(),
        sub_mchid: sub.map(|sub| sub.mchid.clone()),
    }
}

async fn find(client: &Result<Client, String>, asker: &Asker, wanted: &Wanted) -> Answer {
    match client {
        Ok(client) => told(client.find(wanted, asker, PATIENCE).await),
        Err(why) => Answer::Error(format!("WeChat cannot be asked: {why}")),
    }
}

/// The driver's id stays out of it: whoever asked has it.
fn told(heard: Heard<Enrolment>) -> Answer {
    let request_id = heard.request_id;
    let with_id = |text: String| match &request_id {
        Some(id) => Answer::Error(format!("{text}; Request-ID {id}")),
        None => Answer::Error(text),
    };
    match heard.answer {
        Word::Verified(found) => Answer::Ok(json!({
            "plate_number": found.plate_number,
            "plate_color": found.plate_color,
            "service_state": found.service_state,
            "service_open_time": found.service_open_time,
            "request_id": request_id,
        })),
        Word::Refused(refusal) => with_id(format!(
            "WeChat refuses to tell ({} {}: {}){}",
            refusal.status,
            refusal.code,
            refusal.message,
            remedy(&refusal)
        )),
        Word::Throttled { .. } => with_id("WeChat asks to come back later".to_owned()),
        // These name the Request-ID themselves, where there is one.
        Word::NotSent(why) | Word::Lost(why) => {
            Answer::Error(format!("WeChat gave no answer to believe: {why}"))
        }
    }
}

fn remedy(refusal: &Refusal) -> String {
    let code = code::of(refusal.status, &refusal.code);
    format!("; {}: {}", code.means.en, code.action.en)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_outcome_is_told_with_the_request_id_once() {
        let refused = |status, code: &str| {
            Word::Refused(Refusal {
                status,
                code: code.into(),
                message: "…".into(),
                proven: true,
            })
        };
        for (answer, part) in [
            (refused(401, "SIGN_ERROR"), "the box's clock"),
            (refused(403, "NO_AUTH"), "the sub-merchant has not accepted"),
            (refused(400, "PARAM_ERROR"), "message names the field"),
            (
                Word::Throttled {
                    retry_after_ms: None,
                },
                "come back later",
            ),
            (Word::Lost("no (HTTP 502, Request-ID 08F5-0)".into()), "502"),
        ] {
            let Answer::Error(text) = told(heard(answer)) else {
                panic!("no error")
            };
            assert!(text.contains(part), "{text}");
            assert_eq!(text.matches("Request-ID 08F5-0").count(), 1, "{text}");
        }
        let found = Enrolment {
            plate_number: "粤B88888".into(),
            plate_color: "BLUE".into(),
            openid: "oUpF8uMuAJOM2pxb1Q".into(),
            service_state: "PAUSE".into(),
            service_open_time: None,
        };
        let Answer::Ok(value) = told(heard(Word::Verified(found))) else {
            panic!("an error")
        };
        assert_eq!(value["service_state"], "PAUSE");
        assert_eq!(value["request_id"], "08F5-0");
        assert!(!value.to_string().contains("oUpF8"));
    }

    fn heard(answer: Word<Enrolment>) -> Heard<Enrolment> {
        Heard {
            answer,
            request_id: Some("08F5-0".into()),
            skew_ms: None,
        }
    }
}
