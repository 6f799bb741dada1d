//! Charges that piled up in an outage, once WeChat answers again: eight at once, each answer 50 ms after
//! its request, every request signed and every answer verified.

use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::Outcome;
use crate::daemon::Daemon;
use crate::figure::put;
use crate::figures::fact;
use crate::loads::PLAIN;
use crate::place::{Place, STAY};
use crate::wechat::{Mood, WeChat};

const CHARGES: usize = 10_000;
const LATENCY_MS: u64 = 50;
const AT_ONCE: u64 = 8;
/// In silence one call at a time finds out, every ten seconds or so.
const TAKEN_UP_WITHIN: Duration = Duration::from_secs(30);
const DONE_WITHIN: Duration = Duration::from_secs(240);
const LOOK_EVERY: Duration = Duration::from_millis(2);

pub async fn measure(place: &mut Place) -> Outcome<()> {
    let daemon = place.daemon("drain")?;
    pile_up(place, &daemon).await?;

    let before = place.wechat.asked()?.charges;
    place.wechat.be(Mood {
        latency_ms: LATENCY_MS,
        ..Mood::default()
    })?;
    // The first is alone and finds out that WeChat answers; behind it the wire fills.
    let full = before + 1 + AT_ONCE;
    let begun = came(&mut place.wechat, full, TAKEN_UP_WITHIN).await?;
    let processes = |wechat: &WeChat| -> Outcome<[u64; 2]> {
        Ok([daemon.process.ran_ns()?, wechat.process.ran_ns()?])
    };
    let ran_before = processes(&place.wechat)?;
    let last = before + u64::try_from(CHARGES)?;
    let ended = came(&mut place.wechat, last, DONE_WITHIN).await?;
    let ran_after = processes(&place.wechat)?;
    let charges = (ended.asked - begun.asked) as f64;
    let seconds = (ended.at - begun.at).as_secs_f64();
    let per_second = charges / seconds;
    let ideal = AT_ONCE as f64 * 1000.0 / LATENCY_MS as f64;
    let [daemons, wechats] = [0, 1].map(|at| (ran_after[at] - ran_before[at]) as f64 / 1e6);

    println!();
    println!("Drain of {CHARGES} charges, {AT_ONCE} at once, answers after {LATENCY_MS} ms");
    fact("charges a second", per_second, "/s");
    fact("  of what the wire allows", 100.0 * per_second / ideal, "%");
    fact(
        "processor time of the daemon, a charge",
        daemons / charges,
        "ms",
    );
    fact("  of one processor", daemons / seconds / 10.0, "%");
    fact(
        "processor time of the simulator, a charge",
        wechats / charges,
        "ms",
    );
    fact("  of one processor", wechats / seconds / 10.0, "%");
    put("drain_share", per_second / ideal)?;
    put("drain_per_s", per_second)?;
    put("drain_daemon_cpu", daemons / charges)?;
    put("drain_wechat_cpu", wechats / charges)?;

    let nothing_waits = |status: &Value| waiting(status) == 0;
    let end = daemon.until("the end of the queue", DONE_WITHIN, nothing_waits);
    end.await?;
    place.wechat.be(Mood::default())
}

/// Lets cars in, and out again while nobody listens for their charges.
async fn pile_up(place: &mut Place, daemon: &Daemon) -> Outcome<()> {
    let cameras = &mut place.cameras;
    cameras.until_served(&daemon.entries()[0]).await?;
    let plates = cameras.fresh_plates(CHARGES, false);
    let form = PLAIN.with_qos_1();
    cameras.pass(&daemon.entries(), &plates, form).await?;
    daemon.quiet().await?;
    sleep(STAY).await;
    place.wechat.be(Mood {
        refuses: true,
        ..Mood::default()
    })?;
    // The first car finds out that nobody is there.
    let (first, others) = plates.split_at(1);
    let exits = daemon.exits();
    let cameras = &mut place.cameras;
    cameras.pass(&exits[..1], first, form).await?;
    cameras.pass(&exits, others, form).await?;
    let all_wait = |status: &Value| waiting(status) == CHARGES as u64;
    let piled_up = daemon.until("the charges that piled up", DONE_WITHIN, all_wait);
    piled_up.await.map(drop)
}

/// Charges that WeChat has not taken on.
fn waiting(status: &Value) -> u64 {
    ["waiting_for_entry", "due", "sent", "unknown"]
        .into_iter()
        .filter_map(|state| status["queue"][state].as_u64())
        .sum()
}

struct Came {
    asked: u64,
    at: Instant,
}

/// Waits until so many charges have come.
async fn came(wechat: &mut WeChat, wanted: u64, within: Duration) -> Outcome<Came> {
    let give_up = Instant::now() + within;
    loop {
        let (asked, at) = (wechat.asked()?.charges, Instant::now());
        if asked >= wanted {
            return Ok(Came { asked, at });
        }
        if at > give_up {
            return Err(format!("only {asked} of {wanted} charges have come").into());
        }
        sleep(LOOK_EVERY).await;
    }
}
