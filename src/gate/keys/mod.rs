//! The keeper of keys: WeChat's, which are fetched and kept over restarts, and the merchant's own, which are
//! taken up anew when their files change. What is wrong with either, or ends soon, is an alarm.

mod endings;
mod renewal;
mod ring_file;

use std::error::Error;
use std::time::Duration;

use serde_json::json;
use tokio::sync::{mpsc, oneshot};

use self::endings::Endings;
use self::renewal::{Renewal, Renewed};
use self::ring_file::RingFile;
use super::account::Account;
use super::inbox::{Inbox, Message};
use super::raised::Raised;
use crate::clock::Clock;
use crate::config::Config;
use crate::control::Answer;
use crate::lane::alarm::{Alarm, AlarmKind};
use crate::lane::time::Wall;
use crate::wechat::{Client, Complaint};

pub use self::ring_file::kept;

/// What an alarm is over with.
const OVER: &str = "the keys are in order in this point";
/// How often schedules and files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// Somebody wants the files to be read now.
pub type Reload = oneshot::Sender<Answer>;

/// See the module.
pub struct Keeper {
    account: Account,
    clock: Clock,
    inbox: Inbox,
    ring_file: RingFile,
    renewal: Renewal,
    endings: Endings,
    raised: Raised,
}

impl Keeper {
    /// Takes back what was kept of WeChat's keys, so that starting needs no network.
    pub fn new(config: &Config, account: Account, clock: Clock, inbox: Inbox) -> Self {
        let mut ring_file = RingFile::new(&config.store.path);
        if let Ok(client) = account.client() {
            ring_file.restore(client.key_ring(), clock.now().wall);
        }
        Self {
            renewal: Renewal::new(config, account.clone(), clock.clone()),
            endings: Endings::new(config),
            account,
            clock,
            inbox,
            ring_file,
            raised: Raised::default(),
        }
    }

    /// Runs until the gate drops its end of `reloads`.
    pub async fn run(mut self, mut reloads: mpsc::Receiver<Reload>) {
        loop {
            if let Ok(client) = self.account.client() {
                self.refresh(&client).await;
                self.ring_file.keep(client.key_ring());
            }
            self.renewal.look().await;
            self.endings.look(&self.clock).await;
            self.tell().await;
            let complained = async {
                match self.account.client() {
                    Ok(client) => client.complained().await,
                    Err(_) => std::future::pending().await,
                }
            };
            tokio::select! {
                () = tokio::time::sleep(LOOK_EVERY) => {}
                () = complained => {}
                asked = reloads.recv() => match asked {
                    Some(reply) => {
                        let answer = told(&self.renewal.reload().await);
                        // Whoever asked may have gone.
                        let _ = reply.send(answer);
                    }
                    None => return,
                },
            }
        }
    }

    async fn refresh(&self, client: &Client) {
        let now = self.clock.now();
        let is_due = client.refresh_due().is_some_and(|due| due <= now.moment);
        if now.trusted
            && is_due
            && let Err(error) = client.refresh_certificates().await
        {
            tracing::debug!(error = &error as &dyn Error, "no certificates");
        }
    }

    async fn tell(&mut self) {
        let now = self.clock.now();
        let mut stand = Vec::new();
        if let Ok(client) = self.account.client() {
            stand.extend(client.complaints().iter().map(alarm));
            if now.trusted {
                stand.extend(endings::merchant(&client, now.wall));
            }
        }
        if now.trusted {
            stand.extend(self.endings.alarms(now.wall));
        }
        stand.extend(self.renewal.alarm());
        for alarm in self.raised.news(stand, OVER) {
            self.inbox.put_message(Message::Alarm(alarm)).await;
        }
        // It was raised before the keeper began.
        if self.renewal.has_begun_to_serve() {
            let over = Alarm {
                raised: false,
                text: "the merchant's keys are there; charges go on".to_owned(),
                ..super::secrets_missing("")
            };
            self.inbox.put_message(Message::Alarm(over)).await;
        }
    }
}

fn told(renewed: &Renewed) -> Answer {
    match renewed {
        Renewed::TakenUp { serial } => Answer::Ok(json!({ "taken_up": true, "serial": serial })),
        Renewed::Unchanged { serial } => Answer::Ok(json!({ "taken_up": false, "serial": serial })),
        Renewed::No(why) => Answer::Error(why.clone()),
    }
}

/// WeChat's keys and the merchant's serial, as `parkgate keys list` shows them.
pub fn list(account: &Account, now: Wall) -> Answer {
    match account.client() {
        Ok(client) => Answer::Ok(json!({
            "keys": client.key_ring().held_keys(now),
            "merchant_serial": client.serial(),
            "merchant_certificate_ends": client.certificate_ends(),
        })),
        Err(why) => Answer::Error(format!("WeChat is stopped: {why}")),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_complaint_is_an_alarm_once_and_over_once() {
        let mut raised = Raised::default();
        let mut told = |complaints: &[Complaint]| -> Vec<(String, bool)> {
            let stand = complaints.iter().map(alarm).collect();
            let news = raised.news(stand, OVER).into_iter();
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
