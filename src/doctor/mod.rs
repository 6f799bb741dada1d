//! Whether everything is in order that a car park with WeChat Pay needs: the merchant's preparation, the
//! box's surroundings, and, asked in ways that change nothing, WeChat itself.
//!
//! Each look yields findings; none of them decides anything.

mod binding;
mod broker;
mod clock;
mod finding;
mod hosts;
pub mod merchant;
mod native;
mod place;
mod step;
#[cfg(test)]
#[cfg(feature = "demo")]
mod tests;
mod wechat;

use serde_json::Value;

pub use self::finding::{Finding, Outcome, Report};
pub use self::step::Step;

use crate::clock::Clock;
use crate::config::Config;
use crate::gate::devices::DeviceList;
use crate::prepare::Checklist;

/// How far to look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// Ask nobody over a network.
    pub offline: bool,
    /// Make a Native order of one fen and close it: the only proof that app id and merchant id are bound.
    pub trial_order: bool,
}

/// What the running daemon says, where one runs.
#[derive(Clone, Debug, Default)]
pub struct Daemon {
    /// Its status.
    pub status: Value,
    /// Cameras, barriers, links.
    pub devices: Option<DeviceList>,
}

/// Looks at everything, one after the other.
pub async fn examine(
    config: &Config,
    checklist: &Checklist,
    daemon: Option<&Daemon>,
    clock: &Clock,
    scope: Scope,
) -> Report {
    let mut report = Report::default();
    report.extend(merchant::look(config, clock.now().wall));
    report.extend(native::look(config, scope.trial_order));
    report.extend(checklist.findings(config));
    report.extend(clock::look(config, clock));
    match scope.offline {
        true => report.push(Finding::cannot_tell(
            Step::Host,
            both!("asked nobody over the network, as told", "按要求未访问网络"),
            both!("leave --offline out", "去掉 --offline"),
        )),
        false => {
            report.extend(hosts::look(config).await);
            report.extend(wechat::look(config, clock, scope.trial_order).await);
            report.extend(broker::look(config, clock.now().wall).await);
        }
    }
    report.extend(place::store(config));
    report.extend(place::daemon(daemon));
    report.extend(place::devices(config, daemon));
    report
}
