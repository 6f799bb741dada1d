//! What the daemon costs while nothing happens.

use std::time::Duration;

use tokio::time::sleep;

use crate::Outcome;
use crate::daemon::Daemon;
use crate::figure::put;
use crate::figures::{fact, mb};

/// After which nothing of a start is left to do: the index is synced, connections are up.
const REST: Duration = Duration::from_secs(12);

pub async fn measure(daemon: &Daemon) -> Outcome<()> {
    sleep(REST).await;
    let seconds: u32 = match std::env::var("IDLE_SECONDS") {
        Ok(text) => text.parse()?,
        Err(_) => 60,
    };
    let process = &daemon.process;
    let (rss, anon) = (process.memory_kb("VmRSS")?, process.memory_kb("RssAnon")?);
    fact("memory, idle (VmRSS)", mb(rss), "MB");
    fact("  of it not file-backed (RssAnon)", mb(anon), "MB");
    put("idle_rss_mb", mb(rss))?;
    let counts = || -> Outcome<[u64; 3]> {
        Ok([
            process.switches()?,
            process.written_bytes()?,
            process.ran_ns()?,
        ])
    };
    let before = counts()?;
    sleep(Duration::from_secs(seconds.into())).await;
    let after = counts()?;
    // A thread that ended takes its count along.
    let [switches, written, ran] = [0, 1, 2].map(|at| after[at].saturating_sub(before[at]) as f64);
    let woken = switches / f64::from(seconds);
    fact("wake-ups a second, idle", woken, "/s");
    put("idle_wakeups", woken)?;
    fact(
        &format!("written to disk in {seconds} s, idle"),
        written,
        "B",
    );
    if seconds >= 60 {
        put("idle_written", written)?;
    }
    let busy = ran / 1000.0 / f64::from(seconds);
    fact("processor time, idle", busy, "us/s");
    Ok(())
}
