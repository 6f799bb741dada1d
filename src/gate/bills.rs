//! WeChat's daily bills by themselves: fetched when they are made, made up for after days without network, held
//! against the ledger, kept as long as is asked for. It is one task beside WeChat's other calls; what takes
//! longer is on a thread that stands back. What has been done stands in the files alone, so that a start goes on.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::Serialize;
use tokio::time::sleep;

use super::account::Account;
use super::inbox::{Inbox, Message};
use super::raised::Raised;
use super::replay;
use crate::bills::behind;
use crate::bills::day::{DAY_MS, Day};
use crate::bills::fetch::{FetchFault, fetch};
use crate::bills::keep::Bills;
use crate::bills::matching::{MatchFault, compare};
use crate::bills::report::Report;
use crate::bills::standing::{Stage, Standing};
use crate::causes;
use crate::clock::Clock;
use crate::config::{BillsSection, Config};
use crate::lane::alarm::{Alarm, AlarmKind};
use crate::lane::number::LedgerId;
use crate::lane::time::{Moment, Now, Wall};
use crate::story::steps;
use crate::wechat::Client;
use crate::wechat::bill::Kind;

/// A look is two questions to the file system's cache.
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// After a failure, and after each one that follows; the last goes on.
const AGAIN_MS: [u64; 5] = [60_000, 300_000, 900_000, 1_800_000, 3_600_000];
/// While WeChat makes a bill (`wechat-pay.md` 5.3).
const MADE_YET_MS: u64 = 1_800_000;
/// A day that WeChat refuses is asked for again, the others meanwhile.
const REFUSED_AGAIN_MS: u64 = 6 * 3_600_000;
/// Between two bills: three a second are allowed, to all boxes of a merchant.
const PACE: Duration = Duration::from_secs(1);
/// A merchant's boxes do not all come at once.
const SPREAD_MS: u64 = 20 * 60_000;
const HOUR_MS: i64 = 3_600_000;
/// Days that differ are matched anew with each day's bill, the newest first.
const MATCHED_ANEW_MAX: usize = 7;

/// What becomes of the bills, for `parkgate status`.
#[derive(Clone, Debug, Default)]
pub struct Progress(Arc<Mutex<Told>>);

/// See [`Progress`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Told {
    /// The newest day whose bills are here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub newest: Option<Day>,
    /// Days whose bills WeChat has, and the box not yet.
    pub missing: usize,
    /// Days that a person should look at.
    pub differing: usize,
    /// What is being fetched or matched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_work: Option<Day>,
    /// Why the last bill did not come.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
}

impl Progress {
    /// As it is now.
    pub fn told(&self) -> Told {
        self.with(|told| told.clone())
    }

    fn with<T>(&self, work: impl FnOnce(&mut Told) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// See the module.
pub struct Rounds {
    section: BillsSection,
    sub_mchid: Option<String>,
    account: Account,
    clock: Clock,
    inbox: Inbox,
    progress: Progress,
    bills: Bills,
    ledger_dir: PathBuf,
    /// How long after the hour this box comes.
    spread_ms: i64,
    /// The day on which this ledger began.
    since: Option<Day>,
    /// The newest day that a round has gone up to.
    through: Option<Day>,
    again_at: Option<Moment>,
    failures: usize,
    /// Days that WeChat refuses, each with when to ask again.
    refused: BTreeMap<Day, Moment>,
    /// The folder as the last round left it.
    seen: Option<(i64, i64)>,
    raised: Raised,
}

/// Why a round ends before its end.
struct Halt {
    again_ms: u64,
    counts: bool,
}

impl Rounds {
    /// With nothing done yet.
    pub fn new(
        config: &Config,
        ledger: LedgerId,
        account: Account,
        clock: Clock,
        inbox: Inbox,
        progress: Progress,
    ) -> Self {
        Self {
            section: config.bills,
            sub_mchid: config.merchant.sub.as_ref().map(|sub| sub.mchid.clone()),
            account,
            clock,
            inbox,
            progress,
            bills: Bills::of(&config.store.path),
            ledger_dir: replay::ledger_dir(config),
            spread_ms: i64::try_from(ledger.0 % SPREAD_MS).unwrap_or(0),
            since: None,
            through: None,
            again_at: None,
            failures: 0,
            refused: BTreeMap::new(),
            seen: None,
            raised: Raised::default(),
        }
    }

    /// Runs for ever.
    pub async fn run(mut self) {
        loop {
            sleep(LOOK_EVERY).await;
            self.look().await;
        }
    }

    async fn look(&mut self) {
        let now = self.clock.now();
        if !now.trusted {
            return;
        }
        let Some(newest) = self.newest(now.wall) else {
            return;
        };
        let is_another_day = self.through != Some(newest);
        let is_time = self.again_at.is_some_and(|at| at <= now.moment);
        if is_another_day || is_time {
            self.through = Some(newest);
            self.again_at = None;
            self.round(newest).await;
        } else if self.bills.changed() == self.seen {
            return;
        }
        // What a person fetched, matched or accepted counts here too.
        let now = self.clock.now();
        let standings = self.standings(newest).await;
        self.tell(&standings, newest, now).await;
        self.seen = self.bills.changed();
    }

    /// The newest day whose bill is to be asked for by now.
    fn newest(&self, now: Wall) -> Option<Day> {
        let hour_ms = i64::try_from(self.section.from_hour).ok()? * HOUR_MS;
        let before = now.plus_ms(-hour_ms - self.spread_ms);
        Some(Day::of(before).plus(-1))
    }

    /// Everything that WeChat has and the box has not, the oldest first: it is the first to be gone.
    async fn round(&mut self, newest: Day) {
        let wanted: Vec<Day> = self.wanted(newest).await;
        let missing: Vec<Day> = wanted
            .iter()
            .copied()
            .filter(|day| Standing::of(&self.bills, *day).stage() == Stage::Missing)
            .collect();
        let of = missing.len();
        for (done, day) in missing.into_iter().enumerate() {
            let now = self.clock.now();
            if self
                .refused
                .get(&day)
                .is_some_and(|again| *again > now.moment)
            {
                continue;
            }
            self.progress.with(|told| {
                told.at_work = Some(day);
                told.missing = of - done;
            });
            if let Err(halt) = self.fetch(day).await {
                self.halted(&halt);
                break;
            }
            self.failures = 0;
            if of > 1 {
                tracing::info!(%day, left = of - done - 1, "bills made up for");
            }
        }
        let differing = wanted
            .iter()
            .rev()
            .filter(|day| Standing::of(&self.bills, **day).stage() == Stage::Differs)
            .take(MATCHED_ANEW_MAX);
        let unmatched = wanted
            .iter()
            .filter(|day| Standing::of(&self.bills, **day).stage() == Stage::NotMatched);
        for day in unmatched.chain(differing).copied() {
            self.progress.with(|told| told.at_work = Some(day));
            self.match_day(day).await;
        }
        self.progress.with(|told| told.at_work = None);
        // WeChat gave out yesterday's bill to a call of this clock: it is right. By one that ran ahead, bills
        // would go that are to be kept.
        if self.bills.has(Kind::Trade, newest) {
            self.remove_old(newest).await;
        }
    }

    /// Days that WeChat still has, and of which this ledger can tell.
    async fn wanted(&mut self, newest: Day) -> Vec<Day> {
        if self.since.is_none() {
            let dir = self.ledger_dir.clone();
            let first = behind::run(move || steps::first_at(&dir)).await;
            self.since = first.and_then(Result::ok).flatten().map(Day::of);
        }
        let now = self.clock.now().wall;
        let Some(since) = self.since else {
            return Vec::new();
        };
        let days = since.max(newest.plus(-BACK_MAX)).through(newest);
        days.filter(|day| now <= day.has_bill_until()).collect()
    }

    /// Both bills of a day, and what matching them comes to.
    async fn fetch(&mut self, day: Day) -> Result<(), Halt> {
        let client = match self.account.client() {
            Ok(client) => client,
            Err(why) => {
                self.progress.with(|told| told.fault = Some(why));
                return Err(self.failed());
            }
        };
        for kind in [Kind::Trade, Kind::FundFlow] {
            if self.bills.has(kind, day) {
                continue;
            }
            let came = self.fetch_one(&client, kind, day).await;
            let Err(fault) = came else {
                self.progress.with(|told| told.fault = None);
                tracing::info!(%day, ?kind, "bill fetched");
                sleep(PACE).await;
                continue;
            };
            let why = causes::told(&fault);
            match self.failures {
                0 => tracing::warn!(%day, ?kind, "no bill: {why}"),
                _ => tracing::debug!(%day, ?kind, "still no bill: {why}"),
            }
            self.progress.with(|told| told.fault = Some(why));
            match fault {
                FetchFault::Creating | FetchFault::TooEarly(_) => {
                    return Err(Halt {
                        again_ms: MADE_YET_MS,
                        counts: false,
                    });
                }
                // Of this day alone: the others may come.
                FetchFault::Refused(..) | FetchFault::Wrong(_) | FetchFault::TooLate(_) => {
                    let again_at = self.clock.now().moment.after_ms(REFUSED_AGAIN_MS);
                    self.refused.insert(day, again_at);
                    self.again_at = Some(self.again_at.map_or(again_at, |at| at.min(again_at)));
                    return Ok(());
                }
                FetchFault::NoAnswer(_) | FetchFault::NotKept(_) => return Err(self.failed()),
            }
        }
        self.refused.remove(&day);
        self.match_day(day).await;
        Ok(())
    }

    async fn fetch_one(&self, client: &Client, kind: Kind, day: Day) -> Result<(), FetchFault> {
        let now = self.clock.now().wall;
        let sub_mchid = self.sub_mchid.as_deref();
        let fetched = fetch(client, sub_mchid, &self.bills, kind, day, now);
        fetched.await.map(|_| ())
    }

    fn failed(&self) -> Halt {
        let again_ms = AGAIN_MS[self.failures.min(AGAIN_MS.len() - 1)];
        Halt {
            again_ms,
            counts: true,
        }
    }

    fn halted(&mut self, halt: &Halt) {
        self.failures = self.failures.saturating_add(usize::from(halt.counts));
        let again_at = self.clock.now().moment.after_ms(halt.again_ms);
        self.again_at = Some(self.again_at.map_or(again_at, |at| at.min(again_at)));
    }

    async fn match_day(&self, day: Day) {
        let (bills, dir) = (self.bills.clone(), self.ledger_dir.clone());
        let matched = behind::run(move || match_and_keep(&bills, day, &dir)).await;
        match matched {
            Some(Ok(report)) if report.matches() => {
                tracing::info!(%day, paid = report.ok.count, fen = report.ok.fen, "bill matches");
            }
            Some(Ok(report)) => {
                tracing::warn!(%day, points = report.points(), "bill and ledger differ");
            }
            Some(Err(why)) => tracing::warn!(%day, "the bill was not matched: {why}"),
            None => tracing::warn!(%day, "the bill was not matched"),
        }
    }

    async fn remove_old(&self, newest: Day) {
        let keep_days = i64::try_from(self.section.keep_days).unwrap_or(i64::MAX);
        let (bills, oldest) = (self.bills.clone(), newest.plus(-keep_days));
        match behind::run(move || bills.remove_before(oldest)).await {
            Some(Ok(0)) => {}
            Some(Ok(days)) => tracing::info!(days, "bills that were too old are removed"),
            Some(Err(error)) => tracing::warn!(%error, "bills that are too old are not removed"),
            None => tracing::warn!("bills that are too old are not removed"),
        }
    }

    /// Every day that is wanted, and every other one that is kept.
    async fn standings(&mut self, newest: Day) -> Vec<Standing> {
        let mut days = self.wanted(newest).await;
        let bills = self.bills.clone();
        let read = behind::run(move || {
            days.extend(bills.days().unwrap_or_default());
            days.sort_unstable();
            days.dedup();
            let standings = days.into_iter().map(|day| Standing::of(&bills, day));
            standings.collect()
        });
        read.await.unwrap_or_default()
    }

    async fn tell(&mut self, standings: &[Standing], newest: Day, now: Now) {
        let differing: Vec<&Standing> = standings
            .iter()
            .filter(|it| it.needs_a_person(now.wall))
            .collect();
        // One that a person fetched in part and that WeChat has no more is of no use to tell of.
        let is_due = |it: &&Standing| it.day <= newest && now.wall <= it.day.has_bill_until();
        let missing: Vec<&Standing> = standings
            .iter()
            .filter(|it| it.stage() == Stage::Missing)
            .filter(is_due)
            .collect();
        let fault = self.progress.with(|told| {
            told.missing = missing.len();
            told.differing = differing.len();
            let here = standings.iter().filter(|it| it.trade && it.fund_flow);
            told.newest = here.map(|it| it.day).max();
            if missing.is_empty() {
                told.fault = None;
            }
            told.fault.clone()
        });
        let patience_ms = i64::try_from(self.section.missing_days).unwrap_or(0) * DAY_MS;
        let late = missing
            .first()
            .filter(|it| it.day.has_bill_from().plus_ms(patience_ms) <= now.wall);
        let stand = [
            late.map(|it| missing_alarm(it.day, missing.len(), fault.as_deref())),
            differing
                .first()
                .map(|it| differs_alarm(it, differing.len())),
        ];
        let stand = stand.into_iter().flatten().collect();
        for alarm in self.raised.news(stand, OVER) {
            self.inbox.put_message(Message::Alarm(alarm)).await;
        }
    }
}

/// What a cleared alarm says.
const OVER: &str = "the bills are in order in this point";
/// Days back that a round looks at; WeChat has fewer.
const BACK_MAX: i64 = 100;

/// Matches a day, and keeps what that comes to. A bill that cannot be compared is a result too.
fn match_and_keep(bills: &Bills, day: Day, ledger_dir: &std::path::Path) -> Result<Report, String> {
    let report = match compare(bills, day, ledger_dir) {
        Ok(report) => report,
        Err(fault @ (MatchFault::Bill(_) | MatchFault::Flow(_))) => Report {
            day: day.to_string(),
            fault: Some(causes::told(&fault)),
            ..Report::default()
        },
        Err(fault) => return Err(causes::told(&fault)),
    };
    let kept = bills.keep_report(day, &report);
    kept.map_err(|fault| causes::told(&fault))?;
    Ok(report)
}

fn missing_alarm(day: Day, days: usize, why: Option<&str>) -> Alarm {
    let more = more(days);
    let why = why.unwrap_or("the box was not at it yet");
    alarm(
        AlarmKind::BillsMissing,
        format!(
            "WeChat's bill of {day}{more} could not be fetched: {why}. WeChat keeps it until {}. See that the box \
             reaches WeChat and that the merchant may download bills; `parkgate bill fetch --date {day}` tries now, \
             `parkgate bill accept` gives a day up",
            Day::of(day.has_bill_until())
        ),
    )
}

fn differs_alarm(standing: &Standing, days: usize) -> Alarm {
    let (day, more) = (standing.day, more(days));
    let report = standing.report.as_ref();
    let what = match report.and_then(|report| report.fault.as_ref()) {
        Some(fault) => format!("cannot be compared ({fault})"),
        None => {
            let points = report.map_or(0, Report::points);
            format!("and the ledger do not fit in {points} points")
        }
    };
    alarm(
        AlarmKind::BillDiffers,
        format!(
            "WeChat's bill of {day}{more} {what}: see `parkgate bill match --date {day}`; when it is cleared up, \
             `parkgate bill accept --date {day} --by NAME --why TEXT`"
        ),
    )
}

fn more(days: usize) -> String {
    match days {
        0 | 1 => String::new(),
        days => format!(" (and of {} days more)", days - 1),
    }
}

fn alarm(kind: AlarmKind, text: String) -> Alarm {
    Alarm {
        kind,
        subject: "bills".to_owned(),
        raised: true,
        text,
    }
}

#[cfg(test)]
#[cfg(feature = "demo")]
mod tests;
