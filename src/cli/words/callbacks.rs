//! What became of WeChat's callbacks.

use serde_json::Value;

use super::{Lang, Pair, pair};
use crate::lane::time::Wall;

pub const CALLBACKS: Pair = pair("callbacks", "回调通知");

impl Lang {
    /// Where they come in, and how many did, as the status has it.
    pub fn callbacks(self, told: &Value) -> String {
        let number = |name: &str| told[name].as_u64().unwrap_or_default();
        let mut ways = Vec::new();
        if let Some(address) = told["listening"].as_str() {
            ways.push(match self {
                Self::En => format!("at {address}"),
                Self::Zh => format!("监听 {address}"),
            });
        }
        match told["relay"].as_bool() {
            Some(true) => ways.push(self.of(pair("relay heard", "中继正常")).to_owned()),
            Some(false) => ways.push(self.of(pair("relay NOT HEARD", "中继不通")).to_owned()),
            None => {}
        }
        if ways.is_empty() {
            ways.push(self.of(pair("NOT LISTENED FOR", "未能监听")).to_owned());
        }
        let ways = ways.join(self.of(pair(", ", "，")));
        let (taken, repeated) = (number("taken"), number("repeated"));
        let refused = number("refused") + number("not_understood");
        let put_off = number("put_off");
        let mut text = match self {
            Self::En => format!(
                "{ways}; {taken} taken, {repeated} repeated, {refused} refused, {put_off} put off"
            ),
            Self::Zh => {
                format!("{ways}；已收 {taken}，重复 {repeated}，拒绝 {refused}，稍后 {put_off}")
            }
        };
        if let Some(last) = told["last_at"].as_i64() {
            let last = Wall(last).to_rfc3339();
            text.push_str(&match self {
                Self::En => format!("; last {last}"),
                Self::Zh => format!("；最近 {last}"),
            });
        }
        text
    }
}
