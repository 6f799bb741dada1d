//! Keys and passwords, from their files to those who need them. What is missing stops WeChat, never
//! the lanes.

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
    Client, MerchantCertificate, MerchantKey, PublicKey, Refreshed, Secret, Settings, USER_AGENT,
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
/// is cached again, so that the next start needs no network.
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
    let mut is_alarmed = false;
    loop {
        let now = clock.now();
        let mut none_offered = false;
        if now.trusted && client.refresh_due().is_some_and(|due| due <= now.moment) {
            match client.refresh_certificates().await {
                Ok(refreshed) => none_offered = matches!(refreshed, Refreshed::NoneOffered),
                Err(error) => tracing::debug!(error = &error as &dyn Error, "no certificates"),
            }
        }
        let serials = client.key_ring().serials();
        // However the keys came: also one that an unknown serial made the client fetch.
        if let Some(alarm) = trust_news(none_offered, !serials.is_empty(), &mut is_alarmed) {
            inbox.put_message(Message::Alarm(alarm)).await;
        }
        if serials != cached {
            for row in rows(&client) {
                index.put_cache(row);
            }
            cached = serials;
        }
        tokio::time::sleep(LOOK_EVERY).await;
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

/// What becomes of the alarm that no answer can be verified.
fn trust_news(none_offered: bool, has_keys: bool, is_alarmed: &mut bool) -> Option<Alarm> {
    let raised = match (has_keys, none_offered) {
        (true, _) => false,
        (false, true) => true,
        (false, false) => return None,
    };
    if std::mem::replace(is_alarmed, raised) == raised {
        return None;
    }
    let text = match raised {
        true => {
            "WeChat offers this merchant no platform certificates and no public key is \
             configured, so no answer can be verified: download the WeChat Pay public key from \
             the merchant platform and set [wechat.public_key]"
        }
        false => "there is a key again by which WeChat's answers can be verified",
    };
    Some(Alarm {
        kind: AlarmKind::SecretsMissing,
        subject: "wechatpay-key".to_owned(),
        raised,
        text: text.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_alarm_for_want_of_keys_ends_when_there_is_one() {
        let mut is_alarmed = false;
        let mut look = |none_offered, has_keys| {
            trust_news(none_offered, has_keys, &mut is_alarmed).map(|alarm| alarm.raised)
        };
        assert_eq!(look(false, false), None, "not asked yet");
        assert_eq!(look(true, false), Some(true));
        assert_eq!(look(true, false), None, "told once");
        assert_eq!(look(false, false), None, "still none");
        assert_eq!(look(false, true), Some(false));
        assert_eq!(look(false, true), None);
        assert_eq!(look(true, true), None, "the keys that are there serve on");
    }
}
