//! Keys and passwords, from their files to those who need them. What is missing stops WeChat, never
//! the lanes.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;
use std::time::Duration;

use super::inbox::{Inbox, Message};
use crate::causes;
use crate::clock::Clock;
use crate::config::{Certificate, Config, MissingSecret, read_public, read_secret};
use crate::lane::alarm::{Alarm, AlarmKind};
use crate::store::index::{IndexClient, Prefix, Row};
use crate::wechat::{
    Client, Complaint, MerchantCertificate, MerchantKey, PublicKey, Secret, Settings, USER_AGENT,
    trust::KeyRow,
};

/// How often the keys' schedule is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// The index opens beside the lanes; its cached keys are asked for until it answers, so often.
const CACHE_TRIES: u32 = 30;
const CACHE_MAX: usize = 100;

/// The client, or why there is none.
pub fn client(config: &Config, clock: &Clock) -> Result<Client, String> {
    let settings = settings(config).map_err(|error| causes::told(&error))?;
    Client::new(settings, clock.clone()).map_err(|error| causes::told(&error))
}

fn settings(config: &Config) -> Result<Settings, MissingSecret> {
    let merchant = &config.merchant;
    let secret = |file: &Path| read_secret(file).map(|text| Secret::new(text.trim().to_owned()));
    let api_v3_keys = merchant.api_v3_key_files.iter().map(|file| secret(file));
    let certificate = match &merchant.certificate {
        Certificate::File(file) => MerchantCertificate::Pem(read_public(file)?),
        Certificate::Serial(serial) => MerchantCertificate::Serial(serial.clone()),
    };
    let public_key = match &config.wechat.public_key {
        Some(key) => Some(PublicKey {
            id: key.id.clone(),
            pem: read_public(&key.file)?,
        }),
        None => None,
    };
    Ok(Settings {
        mchid: merchant.mchid.clone(),
        key: MerchantKey::Pem(secret(&merchant.private_key_file)?),
        certificate,
        api_v3_keys: api_v3_keys.collect::<Result<_, _>>()?,
        base_urls: config.wechat.base_urls.clone(),
        ca_pem: config
            .wechat
            .ca_file
            .as_deref()
            .map(read_public)
            .transpose()?,
        proxy: None,
        public_key,
        platform_certificates: config.wechat.platform_certificates,
        believe_unsigned_errors: config.wechat.believe_unsigned_errors,
        user_agent: USER_AGENT.to_owned(),
    })
}

/// Takes the cached platform certificates back, and looks for new ones when that is due. What changed
/// is cached again, so that the next start needs no network. What is wrong with them is an alarm.
pub async fn keep_keys(client: Client, clock: Clock, index: IndexClient, inbox: Inbox) {
    for _ in 0..CACHE_TRIES {
        if let Ok(rows) = index.scan(Prefix::Keys, Vec::new(), CACHE_MAX).await {
            let rows: Vec<KeyRow> = rows
                .iter()
                .filter_map(|row| serde_json::from_slice(&row.value).ok())
                .collect();
            client.key_ring().import(&rows, clock.now().wall);
            break;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let mut cached = client.key_ring().serials();
    let mut raised = BTreeMap::new();
    loop {
        let now = clock.now();
        let is_due = client.refresh_due().is_some_and(|due| due <= now.moment);
        if now.trusted
            && is_due
            && let Err(error) = client.refresh_certificates().await
        {
            tracing::debug!(error = &error as &dyn Error, "no certificates");
        }
        let serials = client.key_ring().serials();
        if serials != cached {
            for row in rows(&client) {
                index.put_cache(row);
            }
            for gone in cached.iter().filter(|it| !serials.contains(it)) {
                index.delete_cache(Prefix::Keys, gone.clone().into_bytes());
            }
            cached = serials;
        }
        for alarm in news(&mut raised, &client.complaints()) {
            inbox.put_message(Message::Alarm(alarm)).await;
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            () = client.complained() => {}
        }
    }
}

/// The alarms to raise and to clear, once each.
fn news(raised: &mut BTreeMap<String, Alarm>, complaints: &[Complaint]) -> Vec<Alarm> {
    let stand: BTreeMap<String, Alarm> = complaints
        .iter()
        .map(|complaint| (complaint.subject(), alarm(complaint)))
        .collect();
    let over = raised
        .iter()
        .filter(|(subject, _)| !stand.contains_key(*subject));
    let over = over.map(|(_, alarm)| Alarm {
        raised: false,
        text: "WeChat's keys are in order in this point".to_owned(),
        ..alarm.clone()
    });
    let new = stand
        .iter()
        .filter(|(subject, alarm)| raised.get(*subject) != Some(*alarm));
    let news = over.chain(new.map(|(_, alarm)| alarm.clone())).collect();
    *raised = stand;
    news
}

fn alarm(complaint: &Complaint) -> Alarm {
    Alarm {
        kind: match complaint {
            Complaint::NothingToTrust => AlarmKind::SecretsMissing,
            _ => AlarmKind::WechatKeys,
        },
        subject: complaint.subject(),
        raised: true,
        text: complaint.to_string(),
    }
}

fn rows(client: &Client) -> Vec<Row> {
    let row = |key: KeyRow| Row {
        prefix: Prefix::Keys,
        key: key.serial.clone().into_bytes(),
        value: serde_json::to_vec(&key).expect("a key row is two strings"),
    };
    client.key_ring().export().into_iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_complaint_is_an_alarm_once_and_over_once() {
        let mut raised = BTreeMap::new();
        let mut told = |complaints: &[Complaint]| -> Vec<(String, bool)> {
            let news = news(&mut raised, complaints).into_iter();
            news.map(|alarm| (alarm.subject, alarm.raised)).collect()
        };
        let none = Complaint::NothingToTrust;
        let list = Complaint::List("it cannot be opened".to_owned());
        let key = "wechatpay-key".to_owned();
        let certificates = "platform-certificates".to_owned();
        assert_eq!(told(&[]), []);
        assert_eq!(told(std::slice::from_ref(&none)), [(key.clone(), true)]);
        assert_eq!(told(std::slice::from_ref(&none)), [], "told once");
        assert_eq!(told(&[none, list.clone()]), [(certificates, true)]);
        assert_eq!(told(&[list]), [(key, false)]);
    }
}
