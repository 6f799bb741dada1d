//! Whether WeChat lets a stay be charged (`wechat-pay.md` 2.0).

use serde::{Deserialize, Serialize};

/// Whether an entry may be charged. Anything that is not plainly NORMAL counts as blocked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServiceState {
    /// Charge it.
    Normal,
    /// Do not; the reason as WeChat wrote it (`PAUSE`, `OVERDUE`, `OUT_SERVICE`, …; open list).
    Blocked(String),
}
