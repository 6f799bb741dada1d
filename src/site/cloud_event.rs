//! CloudEvents 1.0 in structured JSON, which every message but an empty one is.

use serde_json::{Value, json};

/// Whoever numbers the events of one run of the daemon.
#[derive(Clone, Debug)]
pub(super) struct Events {
    source: String,
    /// Random, so that no id returns after a restart.
    run: u64,
    count: u64,
}

impl Events {
    pub fn new(source: String, run: u64) -> Self {
        let count = 0;
        Self { source, run, count }
    }

    /// The next event; `time` is RFC 3339, and left out where nobody knows it beforehand.
    pub fn event(&mut self, kind: &str, time: Option<&str>, data: &Value) -> Vec<u8> {
        self.count += 1;
        let mut event = json!({
            "specversion": "1.0",
            "id": format!("{:016x}-{}", self.run, self.count),
            "source": self.source,
            "type": kind,
            "datacontenttype": "application/json",
            "data": data,
        });
        if let Some(time) = time {
            event["time"] = time.into();
        }
        event.to_string().into_bytes()
    }
}
