//! Certificates that end: the merchant's, the broker's, the one that the box shows the broker, and that of the
//! callback address. A month before, somebody should know.

use std::time::Duration;

use crate::broker::Endpoint;
use crate::clock::Clock;
use crate::config::{Config, read_public};
use crate::doctor::merchant::{ENDS_SOON_DAYS, day};
use crate::gate::secrets;
use crate::lane::alarm::{Alarm, AlarmKind};
use crate::lane::time::{Moment, Wall};
use crate::tls::{self, TlsFault};
use crate::wechat::{Client, pem};

/// Servers are looked at so often; a look is a connection without a word.
const LOOK_EVERY_MS: u64 = 24 * 3600 * 1000;
const WITHIN: Duration = Duration::from_secs(10);
const DAY_MS: i64 = 24 * 3600 * 1000;

/// See the module.
pub struct Endings {
    config: Config,
    looked_at: Option<Moment>,
    broker: Option<Wall>,
    callback: Option<Wall>,
    own: Option<Wall>,
}

impl Endings {
    pub fn new(config: &Config) -> Self {
        Self {
            config: config.clone(),
            looked_at: None,
            broker: None,
            callback: None,
            own: None,
        }
    }

    /// Looks at the servers once a day. What is not reached keeps the date that it had.
    pub async fn look(&mut self, clock: &Clock) {
        let now = clock.now();
        let is_early = |at: Moment| now.moment.since_ms(at) < LOOK_EVERY_MS;
        if !now.trusted || self.looked_at.is_some_and(is_early) {
            return;
        }
        self.looked_at = Some(now.moment);
        let config = self.config.clone();
        let looking =
            tokio::task::spawn_blocking(move || (broker(&config), callback(&config), own(&config)));
        let Ok(Ok((broker, callback, own))) = tokio::time::timeout(WITHIN * 6, looking).await
        else {
            return;
        };
        self.broker = broker.or(self.broker);
        self.callback = callback.or(self.callback);
        self.own = own.or(self.own);
    }

    /// Those that end soon, or have ended.
    pub fn alarms(&self, now: Wall) -> Vec<Alarm> {
        let broker = &self.config.mqtt.broker.host;
        let callback = self.config.merchant.notify_base_url.as_deref();
        let all = [
            (
                self.broker,
                "broker",
                format!("the certificate of the broker {broker}"),
                "renew it at the broker",
            ),
            (
                self.own,
                "broker-client",
                "the certificate that this box shows the broker".to_owned(),
                "have a new one issued; the files are read anew at each connection",
            ),
            (
                self.callback,
                "callback",
                format!(
                    "the certificate of the callback address {}",
                    callback.unwrap_or_default()
                ),
                "renew it at the server: WeChat calls none whose certificate is not valid",
            ),
        ];
        let ending = |(ends, subject, what, remedy): (Option<Wall>, &str, String, &str)| {
            alarm(subject, &what, ends?, now, remedy)
        };
        all.into_iter().filter_map(ending).collect()
    }
}

/// The merchant's certificate, if it ends soon.
pub fn merchant(client: &Client, now: Wall) -> Option<Alarm> {
    let what = format!("the merchant's certificate {}", client.serial());
    let remedy = "apply for a new one in the merchant platform (API security), where the old one stays valid beside \
                  it, and run parkgate certificate import FILE.zip --force; no restart is needed";
    alarm("merchant", &what, client.certificate_ends()?, now, remedy)
}

fn alarm(subject: &str, what: &str, ends: Wall, now: Wall, remedy: &str) -> Option<Alarm> {
    let left = ends.0.saturating_sub(now.0).div_euclid(DAY_MS);
    if left >= ENDS_SOON_DAYS {
        return None;
    }
    let on = day(ends);
    let text = match ends < now {
        true => format!("{what} ended on {on}: {remedy}"),
        false => format!("{what} ends on {on}: {remedy}"),
    };
    Some(Alarm {
        kind: AlarmKind::CertificateEnds,
        subject: subject.to_owned(),
        raised: true,
        text,
    })
}

fn broker(config: &Config) -> Option<Wall> {
    let endpoint = Endpoint::of(&config.mqtt);
    let tls = endpoint.tls_config()?.ok()?;
    let addresses = tls::resolve(&endpoint.host, endpoint.port).ok()?;
    let stream = tls::connect(&addresses, WITHIN).ok()?;
    ended(tls::greet(stream, &endpoint.host, tls))
}

/// As the box sees it, which may be another server than WeChat does; one that is not reached says nothing.
fn callback(config: &Config) -> Option<Wall> {
    let url = reqwest::Url::parse(config.merchant.notify_base_url.as_ref()?).ok()?;
    let host = url.host_str()?.trim_matches(['[', ']']).to_owned();
    let tls = secrets::tls(config).ok()?;
    let addresses = tls::resolve(&host, url.port_or_known_default()?).ok()?;
    let stream = tls::connect(&addresses, WITHIN).ok()?;
    ended(tls::greet(stream, &host, tls))
}

fn own(config: &Config) -> Option<Wall> {
    let own = config.mqtt.client_certificate.as_ref()?;
    let der = pem::certificate(&read_public(&own.certificate_file).ok()?).ok()?;
    tls::ends(&der)
}

fn ended(greeted: Result<tls::Shown, TlsFault>) -> Option<Wall> {
    match greeted {
        Ok(shown) => Some(shown.ends),
        Err(TlsFault::OutOfDate { ended }) => ended,
        Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ending_is_told_a_month_before_with_its_date_and_its_fix() {
        let ends = Wall::from_rfc3339("2029-12-31T08:00:00+08:00").unwrap();
        let at = |days: i64| {
            alarm(
                "merchant",
                "the certificate X",
                ends,
                ends.plus_ms(days * DAY_MS),
                "renew it",
            )
        };
        assert_eq!(at(-30), None);
        let soon = at(-29).unwrap();
        assert_eq!(soon.text, "the certificate X ends on 2029-12-31: renew it");
        assert_eq!(soon.kind, AlarmKind::CertificateEnds);
        assert_eq!(
            at(-1).unwrap().text,
            soon.text,
            "the text does not count days: it is told once"
        );
        assert!(at(1).unwrap().text.contains("ended on 2029-12-31"));
    }
}
