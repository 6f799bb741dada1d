//! The loop: one task, one turn after the other.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};

use super::Ended;
use super::account::Account;
use super::announcing::Announcing;
use super::barriers;
use super::bills::Progress;
use super::clock_watch::ClockWatch;
use super::devices::Devices;
use super::disk_watch::DiskWatch;
use super::ears::Ears;
use super::enquiries::Enquiry;
use super::erasure;
use super::inbox::{Message, Outlet};
use super::journal::LedgerJournal;
use super::keys::{self, Reload};
use super::leftovers;
use super::mark::Mark;
use super::ports::Ports;
use super::report::{self, Hardware};
use super::rows;
use super::steward::{Ask, Steward};
use super::turn::{Outcome, StoreNews, Taken, Turner};
use super::upkeep_watch::UpkeepWatch;
use super::wishes;
use super::{Observed, Observer};
use crate::barrier::{self, Barriers, RaiseOrder};
use crate::charges::queue::Call;
use crate::charges::sender;
use crate::clock::Clock;
use crate::control::erasure::Wanted;
use crate::control::{Answer, Question};
use crate::health::Alarms;
use crate::lane::alarm::{Alarm, AlarmKind};
use crate::lane::raise::RaiseReason;
use crate::lane::session::LaneId;
use crate::lane::time::{Moment, Now};
use crate::notice::Tally;
use crate::park::event::Event;
use crate::park::reply::{Refusal, StillNeeded};
use crate::park::step::Command;
use crate::retention::Stays;
use crate::store::index::{Batch, Index, Level};
use crate::wechat::enrolment;

/// Messages that one turn takes: their steps share a commit.
const SHARED_MAX: usize = 64;
/// The loop turns at least so often, whatever the core says.
const SLEEP_MAX: Duration = Duration::from_secs(10);

/// Everything the loop works with.
pub struct Loop {
    pub turner: Turner<LedgerJournal>,
    pub restart_wanted: Arc<AtomicBool>,
    /// Of a ledger's folder that was not there at the last start.
    pub mark: Option<Mark>,
    pub started: Event,
    pub outlet: Outlet,
    pub clock: Clock,
    pub clock_watch: ClockWatch,
    pub upkeep_watch: UpkeepWatch,
    pub disk_watch: DiskWatch,
    pub devices: Devices,
    pub ears: Ears,
    pub barriers: Barriers,
    pub ports: Ports,
    pub calls: mpsc::Sender<Call>,
    pub enquiries: mpsc::Sender<Enquiry>,
    pub account: Account,
    /// None: no notice is received.
    pub notices: Option<Tally>,
    /// None: bills are not fetched.
    pub bills: Option<Progress>,
    pub reloads: mpsc::Sender<Reload>,
    pub index: Index,
    pub steward: Steward,
    /// Who waits for a new segment.
    pub rotations: Vec<oneshot::Sender<bool>>,
    pub alarms: Alarms,
    pub announcing: Announcing,
    pub observer: Option<Observer>,
    /// Where records go that no ledger took before the end.
    pub store_dir: PathBuf,
}

impl Loop {
    /// Runs until it is told to stop. Commits and what follows them block the thread: see
    /// [`super::thread`].
    pub async fn run(mut self) -> Ended {
        let mut to_do = vec![self.started.clone()];
        let mut asked = Vec::new();
        loop {
            let events = std::mem::take(&mut to_do);
            let failed = self.turn(events, &mut asked).await;
            to_do.extend(failed);
            self.keep_mark();
            if self.restart_wanted.load(Ordering::Relaxed) {
                tracing::error!("the store is back; parkgate restarts to take up what is in it");
                return self.end(Ended::RestartWanted);
            }
            let sleep = if to_do.is_empty() {
                self.sleep()
            } else {
                Duration::ZERO
            };
            let Some(messages) = self.outlet.take(sleep, SHARED_MAX).await else {
                return self.end(Ended::Stopped);
            };
            let mut stop = false;
            for message in messages {
                match message {
                    Message::Stop => stop = true,
                    message => self.take_in(message, &mut to_do, &mut asked),
                }
            }
            if stop {
                self.turn(to_do, &mut asked).await;
                return self.end(Ended::Stopped);
            }
            let now = self.clock.now();
            for alarm in self.ears.changes(now.moment) {
                self.note(alarm);
            }
            if let Some(alarm) = self.clock_watch.look(now) {
                self.note(alarm);
            }
            self.look_at_the_past(now);
            self.look_at_upkeep(now.moment);
            self.watch_disk(now);
            if self.turner.wake_at().is_some_and(|at| at <= now.moment) {
                to_do.push(Event::Tick);
            }
        }
    }

    fn take_in(
        &mut self,
        message: Message,
        to_do: &mut Vec<Event>,
        asked: &mut Vec<oneshot::Sender<Answer>>,
    ) {
        match message {
            Message::Event(event) => {
                let moment = self.clock.now().moment;
                self.clock_watch.heard(&event, moment);
                self.devices.happened(&event, moment);
                to_do.push(event);
            }
            Message::Camera(heard) => {
                report::heard(&heard, self.ears.lane_of(&heard.camera_id));
                self.devices.heard(&heard);
                self.ears.heard(&heard.camera_id, heard.received.moment);
                to_do.extend(self.ears.event(heard));
            }
            Message::NotWritten { command_id, why } => {
                let ledger = self.turner.park().ledger();
                if let Some(raise) = barrier::raise_of(ledger, &command_id)
                    && let Some(lane) = self.lane_of_raise(raise)
                {
                    to_do.push(Event::RaiseNotSent { lane, raise, why });
                }
            }
            Message::Barrier(told) => {
                tracing::debug!(?told, "from a barrier");
                let ledger = self.turner.park().ledger();
                to_do.extend(barriers::event(told, ledger));
            }
            Message::Alarm(alarm) => {
                self.devices.said(&alarm, self.clock.now().moment);
                self.note(alarm);
            }
            Message::Noticed(told, reply) => {
                to_do.push(Event::Noticed { told });
                asked.push(reply);
            }
            Message::Asked(question, reply) if question.is_a_wish() => {
                match wishes::event(question, self.turner.park()) {
                    Ok(event) => {
                        to_do.push(event);
                        asked.push(reply);
                    }
                    // Whoever asked may have gone.
                    Err(answer) => drop(reply.send(answer)),
                }
            }
            Message::Asked(Question::Find(wanted), reply) => self.enquire(wanted, reply),
            Message::Asked(Question::Erase(wanted), reply) => self.erase(wanted, reply),
            Message::Asked(Question::ReloadKeys, reply) => {
                if let Err(refused) = self.reloads.try_send(reply) {
                    let (TrySendError::Full(reply) | TrySendError::Closed(reply)) = refused;
                    let why = "others have asked for it; try again in some seconds";
                    // Whoever asked may have gone.
                    let _ = reply.send(Answer::Error(why.to_owned()));
                }
            }
            Message::Steward(Ask::Record(erasure, reply)) => {
                to_do.push(Event::ErasureDue { erasure });
                asked.push(reply);
            }
            Message::Steward(Ask::Rotate(word)) => {
                let reserve = self.turner.journal().reserve();
                // The last room is the commits'.
                match reserve.is_some_and(|reserve| reserve.ready < 2) {
                    true => drop(word),
                    false => {
                        self.turner.want_checkpoint();
                        self.rotations.push(word);
                    }
                }
            }
            Message::Index(ask) => self.tell_the_index(ask),
            Message::Asked(question, reply) => {
                let answer = self.answer(&question);
                // Whoever asked may have gone.
                let _ = reply.send(answer);
            }
            Message::Stop => {}
        }
    }

    fn hardware(&self) -> Hardware<'_> {
        Hardware {
            ports: &self.ports,
            barriers: &self.barriers,
            clock: self.clock_watch.told(self.clock.now(), self.clock.word()),
            notices: self.notices.as_ref().map(Tally::told),
            bills: self.bills.as_ref().map(Progress::told),
        }
    }

    fn enquire(&self, wanted: enrolment::Wanted, reply: oneshot::Sender<Answer>) {
        if let Err(refused) = self.enquiries.try_send(Enquiry { wanted, reply }) {
            let (TrySendError::Full(enquiry) | TrySendError::Closed(enquiry)) = refused;
            let why = "others are asking WeChat; try again in some seconds";
            // Whoever asked may have gone.
            let _ = enquiry.reply.send(Answer::Error(why.to_owned()));
        }
    }

    fn answer(&self, question: &Question) -> Answer {
        let (park, now) = (self.turner.park(), self.clock.now().moment);
        match question {
            Question::Devices => Answer::Ok(serde_json::json!(self.devices.list(
                park,
                &self.ears,
                &self.ports,
                now
            ))),
            Question::Keys => keys::list(&self.account, self.clock.now().wall),
            Question::Store => Answer::Ok(serde_json::json!({
                "store": self.store_dir,
                "ledger": park.ledger().to_string(),
                "version": env!("CARGO_PKG_VERSION"),
            })),
            question => report::answer(question, park, &self.alarms, &self.hardware(), now),
        }
    }

    /// One turn. Returns what became of commands that did not leave.
    async fn turn(
        &mut self,
        events: Vec<Event>,
        asked: &mut Vec<oneshot::Sender<Answer>>,
    ) -> Vec<Event> {
        let now = self.clock.now();
        if !events.is_empty() {
            self.announcing.news();
            self.steward.work_begins(now);
        }
        let outcome = self.turner.turn(events, now);
        self.steward.work_ends(now, self.turner.is_failing());
        for word in self.rotations.drain(..) {
            // Whoever asked may have stopped.
            let _ = word.send(!self.turner.is_failing());
        }
        let failed = self.carry_out(&outcome.taken).await;
        for event in &failed {
            self.devices.happened(event, now.moment);
        }
        if let Some(news) = &outcome.store {
            self.note(store_alarm(news));
        }
        self.write_behind(&outcome);
        let is_on_disk = !self.turner.is_failing();
        let mut replies = asked.drain(..);
        for Taken {
            event,
            now,
            mut step,
        } in outcome.taken
        {
            report::step(&event, &step);
            for alarm in step.alarms.drain(..) {
                self.note(alarm);
            }
            if let Some(reply) = step.reply.take()
                && let Some(asker) = replies.next()
            {
                let answer = report::told(&event, reply, is_on_disk);
                // Whoever asked may have gone.
                let _ = asker.send(answer);
            }
            if let Some(observer) = &self.observer {
                observer(Observed { now, event, step });
            }
        }
        self.announcing
            .turned(now, self.turner.park(), &self.alarms, &self.ears);
        failed
    }

    fn look_at_upkeep(&mut self, now: Moment) {
        let journal = self.turner.journal();
        let seen = self.upkeep_watch.look(journal.upkeep_failure(), now);
        if seen.retry {
            journal.retry_upkeep();
        }
        if let Some(alarm) = seen.alarm {
            self.note(alarm);
        }
    }

    fn note(&mut self, alarm: Alarm) {
        if self.alarms.note(alarm, self.clock.now()) {
            self.announcing.news();
        }
    }

    fn watch_disk(&mut self, now: Now) {
        let journal = self.turner.journal();
        let looked = self.disk_watch.look(now, journal.reserve());
        if looked.make_up {
            journal.retry_upkeep();
        }
        for alarm in looked.alarms {
            self.note(alarm);
        }
    }

    /// The index follows the ledger, behind it and never on a car's path.
    fn write_behind(&mut self, outcome: &Outcome) {
        for committed in outcome.committed() {
            let (first_seq, last_seq) = (committed.first_seq(), committed.last_seq);
            let changes = rows::changes(first_seq, &committed.records, self.turner.park());
            self.index.apply(Batch { last_seq, changes });
        }
    }

    /// What the ledger cannot take the index does not learn.
    fn tell_the_index(&self, ask: rows::Ask) {
        let (park, journal) = (self.turner.park(), self.turner.journal());
        let is_level = journal.is_open() && !self.turner.is_failing();
        let last_seq = journal.last_seq();
        // Whoever asked may have stopped.
        match ask {
            rows::Ask::Level(reply) => drop(reply.send(is_level.then(|| Level {
                ledger: park.ledger(),
                last_seq,
            }))),
            rows::Ask::Rows(behind, reply) => drop(reply.send(is_level.then(|| {
                let behind = behind.as_ref().map(|(prefix, key)| (*prefix, &key[..]));
                rows::page(park, behind, last_seq)
            }))),
        }
    }

    /// What did not leave comes back as events.
    async fn carry_out(&mut self, taken: &[Taken]) -> Vec<Event> {
        let mut failed = Vec::new();
        let (mut told, mut calls) = (Vec::new(), Vec::new());
        for command in taken.iter().flat_map(|taken| &taken.step.commands) {
            match command {
                Command::RaiseBarrier {
                    lane,
                    raise,
                    issue,
                    valid_until,
                } => {
                    told.push(lane);
                    failed.extend(self.raise(lane, *raise, *issue, *valid_until));
                }
                Command::Call(call) => calls.push(call),
            }
        }
        if !told.is_empty() {
            // The cameras' connection is a task of this thread: now it writes what it was handed, before
            // anybody is told who can wait.
            tokio::task::yield_now().await;
        }
        for lane in told {
            self.devices.told(lane);
        }
        failed.extend(calls.into_iter().filter_map(|call| self.call(call)));
        failed
    }

    fn raise(&self, lane: &LaneId, raise: u64, issue: u8, valid_until: Moment) -> Option<Event> {
        let order = RaiseOrder {
            command_id: barrier::command_id(self.turner.park().ledger(), raise, issue),
            valid_until,
        };
        let why = match self.barrier_may_be_told(lane, raise) {
            true => self.barriers.raise(lane, &order).err()?,
            false => "its camera has been silent for half a minute".to_owned(),
        };
        Some(Event::RaiseNotSent {
            lane: lane.clone(),
            raise,
            why,
        })
    }

    fn call(&self, call: &Call) -> Option<Event> {
        let refused = self.calls.try_send(call.clone()).err()?;
        let (TrySendError::Full(call) | TrySendError::Closed(call)) = refused;
        Some(sender::not_made(
            call.request,
            "too many calls wait to be made",
        ))
    }

    /// What goes through a silent camera may come out much later. A person who stands at the gate
    /// sees what it does, and may always try.
    fn barrier_may_be_told(&self, lane: &LaneId, number: u64) -> bool {
        let raise = self.turner.park().site().raises.get(lane);
        let by_hand = raise.is_some_and(|raise| {
            raise.raise == number && matches!(raise.reason, RaiseReason::Attendant { .. })
        });
        let is_silent = || self.ears.is_silent(lane, self.clock.now().moment);
        by_hand || !self.barriers.needs_camera(lane) || !is_silent()
    }

    fn lane_of_raise(&self, number: u64) -> Option<LaneId> {
        let raises = &self.turner.park().site().raises;
        raises
            .iter()
            .find(|(_, raise)| raise.raise == number)
            .map(|(lane, _)| lane.clone())
    }

    fn sleep(&self) -> Duration {
        let now = self.clock.now().moment;
        let wake_at = self.turner.wake_at();
        let wake = wake_at.map(|at| Duration::from_millis(at.since_ms(now)));
        let tell = self.announcing.sleep_at_most(now);
        [wake, tell]
            .into_iter()
            .flatten()
            .fold(SLEEP_MAX, Duration::min)
    }

    /// The numbers that a copy skips are on disk now.
    fn keep_mark(&mut self) {
        if !self.turner.is_failing()
            && let Some(mark) = self.mark.take()
            && let Err(error) = mark.keep(&self.store_dir)
        {
            tracing::warn!(%error, "the ledger's mark cannot be kept; the next start skips numbers");
        }
    }

    /// Has what is too old erased, now and then.
    fn look_at_the_past(&mut self, now: Now) {
        if self.steward.wants_look(now)
            && let Some(closed) = self.turner.journal().segments()
        {
            let unfinished = Stays::unfinished(self.turner.park());
            self.steward.look(now, closed, unfinished);
        }
    }

    /// Has one plate's payloads erased, if nothing of it is needed any more.
    fn erase(&mut self, wanted: Wanted, reply: oneshot::Sender<Answer>) {
        let park = self.turner.park();
        let refusal = match self.turner.is_failing() {
            true => Some(StillNeeded::StoreFailed),
            false => erasure::still_needed(park, &wanted),
        };
        let closed = self.turner.journal().segments();
        match (refusal, closed) {
            (None, Some(closed)) => {
                let up_to = self.turner.journal().last_seq();
                let unfinished = Stays::unfinished(park);
                let left_number = park.site().left_number(&wanted.plate);
                let request = erasure::request(wanted, left_number, up_to, closed, unfinished);
                self.steward.erase(request, reply);
            }
            (why, _) => {
                let why = why.unwrap_or(StillNeeded::StoreFailed);
                // Whoever asked may have gone.
                let _ = reply.send(Answer::Refused(Refusal::Plate { why }));
            }
        }
    }

    fn end(mut self, end: Ended) -> Ended {
        self.steward.stop();
        leftovers::leave(&self.turner.kept(), &self.store_dir, self.clock.now().wall);
        if let Err(error) = self.index.close() {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the index did not close"
            );
        }
        end
    }
}

fn store_alarm(news: &StoreNews) -> Alarm {
    let (raised, text) = match news {
        StoreNews::Failed(why) => (
            true,
            format!("{why}. Lanes go on, records wait in memory, nothing is charged meanwhile"),
        ),
        StoreNews::Recovered { given_up: 0 } => {
            (false, "the store writes again; nothing was lost".to_owned())
        }
        StoreNews::Recovered { given_up } => (
            false,
            format!("the store writes again; {given_up} records were given up"),
        ),
    };
    Alarm {
        kind: AlarmKind::StoreFailed,
        subject: "store".to_owned(),
        raised,
        text,
    }
}
