//! Starts what receives WeChat's callbacks, as configured.

use std::time::Duration;

use tokio::task::AbortHandle;

use crate::broker::Endpoint;
use crate::config::Config;
use crate::notice::receiver::Receiver;
use crate::notice::{listener, relay};
use crate::site::Topics;

/// Nothing, where `[callbacks]` names neither an address nor a relay.
pub fn start(config: &Config, receiver: &Receiver) -> Vec<AbortHandle> {
    let callbacks = &config.callbacks;
    let (site, box_id) = (&config.site.id, &config.site.box_id);
    let number = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
    let body_bytes_max = number(callbacks.max_body_kib.saturating_mul(1024));
    let listening = callbacks.listen.map(|listen| {
        let settings = listener::Settings {
            listen,
            body_bytes_max,
            connections: number(callbacks.connections),
            read_within: Duration::from_millis(callbacks.read_timeout_ms),
            place: format!("/{site}/{box_id}"),
            prefix: prefix(config),
        };
        tokio::spawn(listener::run(settings, receiver.clone()))
    });
    let relayed = callbacks.relay.then(|| {
        let settings = relay::Settings {
            endpoint: Endpoint::of(&config.mqtt),
            client_id: format!("{}-notice", config.mqtt.client_id),
            topics: Topics::new(site, box_id),
            body_bytes_max,
            window_ms: callbacks.relay_window_ms,
        };
        tokio::spawn(relay::run(settings, receiver.clone()))
    });
    let tasks = listening.into_iter().chain(relayed);
    tasks.map(|task| task.abort_handle()).collect()
}

/// Path of the callback address.
fn prefix(config: &Config) -> String {
    let base = config.merchant.notify_base_url.as_deref();
    let url = base.and_then(|base| reqwest::Url::parse(base).ok());
    let path = url.map(|url| url.path().trim_end_matches('/').to_owned());
    path.unwrap_or_default()
}
