//! The courier: makes the requests that the simulator has due, and tells it what was answered.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Client;

use super::Shell;
use crate::sim::wechat::Delivery;

/// Where notices go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// To the address that the client gave.
    AsNamed,
    /// To this address, at the path of the one that the client gave, in plain HTTP: as a proxy would.
    Proxied(SocketAddr),
}

/// How often the simulator is asked.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// As long as WeChat waits.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// Delivers until the server stops.
pub(super) async fn deliver(shell: Arc<Shell>, target: Target) {
    let Some(client) = client() else {
        tracing::error!("no callbacks: TLS cannot be set up");
        return;
    };
    let mut stop = shell.stop.subscribe();
    loop {
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            // An error means that the server is gone, which is a reason to stop too.
            _ = stop.wait_for(|stop| *stop) => return,
        }
        let due = {
            let shell = shell.clone();
            let look = move || {
                let now = shell.clock.now().wall;
                shell.simulator().callbacks_due(now)
            };
            tokio::task::spawn_blocking(look).await.unwrap_or_default()
        };
        for delivery in due {
            let (client, shell, target) = (client.clone(), shell.clone(), target.clone());
            tokio::spawn(async move {
                let status = post(&client, &delivery, &target).await;
                tracing::info!(
                    status,
                    number = delivery.number,
                    fault = ?delivery.fault,
                    "simulated callback"
                );
                let now = shell.clock.now().wall;
                shell.simulator().callback_answered(&delivery, status, now);
            });
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the simulator's side of the wire, with the same roots and limits"
)]
fn client() -> Option<Client> {
    let tls = crate::wechat::tls(None, true).ok()?;
    Client::builder()
        .tls_backend_preconfigured((*tls).clone())
        .timeout(ANSWER_WITHIN)
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .ok()
}

/// HTTP status of the answer, if one came.
async fn post(client: &Client, delivery: &Delivery, target: &Target) -> Option<u16> {
    let url = match target {
        Target::AsNamed => delivery.url.clone(),
        Target::Proxied(address) => {
            let named = reqwest::Url::parse(&delivery.url).ok()?;
            format!("http://{address}{}", named.path())
        }
    };
    let mut request = client.post(url).body(delivery.body.clone());
    for (name, value) in &delivery.headers {
        request = request.header(name, value);
    }
    let answer = request.send().await.ok()?;
    Some(answer.status().as_u16())
}
