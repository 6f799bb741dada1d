//! Keys that roll: WeChat's, the merchant's, and the one that they share.

use serde::Deserialize;
use serde_json::{Value, json};

use super::acts::{AHEAD_MAX_MS, Nothing};
use super::change::read;
use super::desk::Desk;
use super::problem::Problem;
use super::views::keys;
use crate::sim::sandbox::keys::{Keys, KeysError};
use crate::sim::sandbox::{API_V3_KEY_FILE, files, write_client_files};

/// Of WeChat's, and of the merchant's.
const CERTIFICATES_MAX: usize = 16;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Retired {
    after_ms: Option<u64>,
}

impl Desk {
    pub(super) fn issue_merchant_certificate(&self, body: &[u8]) -> Result<Value, Problem> {
        let Nothing {} = read(body)?;
        let mut held = self.keys();
        if held.merchant_serials().len() >= CERTIFICATES_MAX {
            return Err(enough());
        }
        let mut more = held.clone();
        more.add_merchant(self.handle.now()).map_err(keys_problem)?;
        self.take_merchant(&more)?;
        *held = more;
        drop(held);
        write_client_files(self.folder(), &self.keys())
            .map_err(|error| Problem::machine(&error))?;
        self.write_setup()?;
        Ok(self.keys_shown())
    }

    pub(super) fn retire_merchant_certificates(&self, body: &[u8]) -> Result<Value, Problem> {
        let Retired { after_ms } = read(body)?;
        let after_ms = i64::try_from(after_ms.unwrap_or(0)).unwrap_or(i64::MAX);
        if after_ms > AHEAD_MAX_MS {
            return Err(Problem::value("after_ms", "is more than ten years"));
        }
        let now = self.handle.now();
        let mut held = self.keys();
        held.retire_merchant(now.plus_ms(after_ms), now);
        self.take_merchant(&held)?;
        drop(held);
        Ok(self.keys_shown())
    }

    pub(super) fn issue_certificate(&self, body: &[u8]) -> Result<Value, Problem> {
        let Nothing {} = read(body)?;
        let now = self.handle.now();
        let mut keys_held = self.keys();
        let returned = self.handle.with(|wechat| {
            wechat.settings_mut().trust.announce();
            wechat.settings().trust.certificates.len()
        });
        if returned >= CERTIFICATES_MAX {
            return Err(enough());
        }
        let mut more = keys_held.clone();
        let certificate = more.add_platform(now).map_err(keys_problem)?;
        let seal = more.seal().map_err(|error| Problem::machine(&error))?;
        more.keep(self.folder()).map_err(keys_problem)?;
        *keys_held = more;
        Ok(self.handle.with(|wechat| {
            let settings = wechat.settings_mut();
            settings.seal = seal;
            settings.trust.certificates.push(certificate);
            json!({ "keys": keys(wechat) })
        }))
    }

    pub(super) fn mix_certificates(&self, body: &[u8]) -> Result<Value, Problem> {
        let Nothing {} = read(body)?;
        Ok(self.handle.with(|wechat| {
            let trust = &mut wechat.settings_mut().trust;
            trust.announce();
            let all = trust.certificates.iter().map(|it| it.serial.clone());
            trust.signing = all.collect();
            json!({ "keys": keys(wechat) })
        }))
    }

    pub(super) fn retire_certificates(&self, body: &[u8]) -> Result<Value, Problem> {
        let Nothing {} = read(body)?;
        let mut keys_held = self.keys();
        let (shown, kept) = self.handle.with(|wechat| {
            let trust = &mut wechat.settings_mut().trust;
            trust.announce();
            trust.retire_old();
            let kept = trust.signing.clone();
            (keys(wechat), kept)
        });
        keys_held.retain_platform(&kept);
        keys_held.keep(self.folder()).map_err(keys_problem)?;
        Ok(json!({ "keys": shown }))
    }

    pub(super) fn change_api_v3_key(&self, body: &[u8]) -> Result<Value, Problem> {
        let Nothing {} = read(body)?;
        let mut keys_held = self.keys();
        let mut other = keys_held.clone();
        let key = other.change_api_v3_key().map_err(keys_problem)?;
        other.keep(self.folder()).map_err(keys_problem)?;
        let path = self.folder().join(API_V3_KEY_FILE);
        files::write_secret(&path, &other.api_v3_key).map_err(|error| Problem::machine(&error))?;
        *keys_held = other;
        self.handle
            .with(|wechat| wechat.settings_mut().api_v3_key = key);
        Ok(json!({ "api_v3_key_file": path.display().to_string() }))
    }

    /// What the client signs with becomes known to WeChat, and is kept.
    fn take_merchant(&self, keys: &Keys) -> Result<(), Problem> {
        let seal = keys.seal().map_err(|error| Problem::machine(&error))?;
        keys.keep(self.folder()).map_err(keys_problem)?;
        self.handle.with(|wechat| {
            let settings = wechat.settings_mut();
            settings.seal = seal;
            settings.merchant.serials = keys.merchant_serials();
        });
        Ok(())
    }

    fn keys_shown(&self) -> Value {
        self.handle.with(|wechat| json!({ "keys": keys(wechat) }))
    }
}

fn enough() -> Problem {
    Problem::conflict(format!(
        "{CERTIFICATES_MAX} certificates are enough; retire the old ones"
    ))
}

fn keys_problem(error: KeysError) -> Problem {
    Problem::machine(&error)
}
