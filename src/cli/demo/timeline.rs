//! The timeline: what the daemon decided and what happened on the ground, a line each.
//!
//! Plates are shown whole. Those of the demo are invented; a log masks them.

use std::collections::BTreeMap;

use super::foot::Money;
use super::paint::{Ink, Paint};
use super::width::padded;
use super::words;
use crate::charges::charge::{Claim, Opening};
use crate::charges::record::MoneyRecord;
use crate::gate::Observed;
use crate::lane::number::SessionId;
use crate::lane::plate::PlateNumber;
use crate::lane::session::LaneId;
use crate::lane::tariff::yuan;
use crate::lane::time::Moment;
use crate::park::event::Event;
use crate::park::record::{LaneRecord, Record};
use crate::sim::site::{Happening, What};

/// Follows the daemon's records and turns them into lines.
pub struct Timeline {
    start: Moment,
    paint: Paint,
    plates: BTreeMap<SessionId, PlateNumber>,
    charges: BTreeMap<String, Followed>,
    /// Fees of charges that WeChat has not taken on, by number, fen.
    unfiled: BTreeMap<String, u64>,
    backlog: Backlog,
    /// For whom each lane's barrier was decided to rise last.
    decided: BTreeMap<LaneId, Option<PlateNumber>>,
    /// Of barriers that rose before one was told why: the relay is faster than the observer.
    early: BTreeMap<LaneId, String>,
}

/// A charge as the daemon's records tell of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Followed {
    pub session: SessionId,
    pub plate: PlateNumber,
    pub fee_fen: u64,
    pub standing: Standing,
    /// Its states so far, `filed → ACCEPTED`.
    way: Vec<String>,
}

/// Where a charge stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// WeChat has not taken it on, as far as the daemon knows.
    Unfiled,
    Accepted,
    Settled,
    WithStaff,
    Withdrawn,
}

#[cfg(test)]
impl Followed {
    /// A charge that got there in one step.
    pub fn standing_at(
        session: SessionId,
        plate: PlateNumber,
        fee_fen: u64,
        standing: Standing,
    ) -> Self {
        Self {
            session,
            plate,
            fee_fen,
            standing,
            way: Vec::new(),
        }
    }
}

impl Standing {
    /// Whether the money is somebody else's business now.
    pub fn is_finished_without_wechat(self) -> bool {
        matches!(self, Self::WithStaff | Self::Withdrawn)
    }
}

/// Whether the length of the queue is news.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Backlog {
    /// Charges come and go within a second.
    No,
    /// WeChat is cut off.
    Grows(Told),
    /// It is back, and some are left.
    Drains(Told),
}

/// What was last told of the queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Told {
    waiting: usize,
    at: Moment,
}

/// A queue that drains changes faster than one can read.
const QUEUE_TOLD_EVERY_MS: u64 = 500;
const LANE_COLUMNS: usize = 6;
const PLATE_COLUMNS: usize = 10;

impl Timeline {
    /// Times are told from `start`.
    pub fn new(start: Moment, paint: Paint) -> Self {
        Self {
            start,
            paint,
            plates: BTreeMap::new(),
            charges: BTreeMap::new(),
            unfiled: BTreeMap::new(),
            backlog: Backlog::No,
            decided: BTreeMap::new(),
            early: BTreeMap::new(),
        }
    }

    /// The charges so far, by number.
    pub fn charges(&self) -> &BTreeMap<String, Followed> {
        &self.charges
    }

    /// The charges that WeChat has not taken on.
    pub fn unfiled(&self) -> Money {
        let fees = self.unfiled.values();
        Money {
            count: u64::try_from(self.unfiled.len()).unwrap_or(u64::MAX),
            fen: fees.fold(0, |sum: u64, fen| sum.saturating_add(*fen)),
        }
    }

    /// Where they stand in words, for the line that tells of an outage's end.
    pub fn waiting(&self) -> String {
        let Money { count, fen } = self.unfiled();
        let (charges, wait) = match count {
            1 => ("charge", "waits"),
            _ => ("charges", "wait"),
        };
        format!("{count} {charges} {wait} for WeChat, {} yuan", yuan(fen))
    }

    /// WeChat is cut off from now on, or back.
    pub fn cut_off(&mut self, cut_off: bool) {
        let told = Told {
            waiting: self.unfiled.len(),
            at: Moment(0),
        };
        self.backlog = match cut_off {
            true => Backlog::Grows(told),
            false => Backlog::Drains(told),
        };
    }

    /// Something that concerns everybody.
    pub fn note(&self, at: Moment, text: &str, ink: Ink) -> String {
        self.line(at, "", "", text, ink)
    }

    /// What happened on the ground. None: it will be told behind the decision that it follows from.
    pub fn tell(&mut self, happening: &Happening) -> Option<String> {
        let ink = match happening.what {
            What::Arrived | What::Passed(_) => Ink::Dim,
            What::Raised { .. } => Ink::Plain,
            What::CallsAttendant { .. } => Ink::Waits,
            What::GaveUp => Ink::Bad,
        };
        let plate = happening.plate.as_str();
        let text = words::happening(happening.what);
        let lane = &happening.lane;
        let line = self.line(happening.at, &lane.0, plate, &text, ink);
        let is_early = matches!(happening.what, What::Raised { .. })
            && self.decided.get(lane) != Some(&Some(happening.plate.clone()));
        if is_early {
            self.early.insert(lane.clone(), line);
            return None;
        }
        Some(line)
    }

    /// What the daemon decided.
    pub fn observe(&mut self, observed: &Observed) -> Vec<String> {
        let mut page = Page {
            at: observed.now.moment,
            lines: Vec::new(),
            read: None,
        };
        if let Event::PlateRead { lane, read, .. } = &observed.event {
            match (observed.step.ignored, &read.plate) {
                (Some(why), plate) => {
                    let plate = plate.as_ref().map_or("", PlateNumber::as_str);
                    let text = words::ignored(why);
                    page.lines
                        .push(self.line(page.at, &lane.0, plate, text, Ink::Dim));
                }
                (None, _) => page.read = Some(words::read(read)),
            }
        }
        for record in &observed.step.records {
            match record {
                Record::Lane(record) => self.lane_fact(record, &mut page),
                Record::Money(record) => self.money_fact(record, &mut page),
                Record::StepTaken(_)
                | Record::RulesChanged(_)
                | Record::Checkpoint(_)
                | Record::PayloadsErased(_)
                | Record::Meanwhile(_)
                | Record::Mind(_)
                | Record::PartOfState(_)
                | Record::PartOfMind(_)
                | Record::Unknown { .. } => {}
            }
        }
        self.backlog_line(&mut page);
        page.lines
    }

    fn lane_fact(&mut self, record: &LaneRecord, page: &mut Page) {
        match record {
            LaneRecord::SessionOpened { session } => {
                self.plates
                    .insert(session.id.clone(), session.plate.clone());
            }
            LaneRecord::RaiseDecided {
                lane,
                plate,
                reason,
                ..
            } => {
                let text = format!("→ raise: {}", words::raise(reason));
                self.decision(lane, plate.as_ref(), &text, Ink::Good, page);
                page.lines.extend(self.early.remove(lane));
                self.decided.insert(lane.clone(), plate.clone());
            }
            LaneRecord::RaiseReissued { lane, .. } => {
                self.decision(lane, None, "→ raise once more", Ink::Waits, page);
            }
            LaneRecord::HoldStarted { hold } => {
                let text = format!("→ hold: {}", words::hold(&hold.reason));
                self.decision(&hold.lane, hold.plate.as_ref(), &text, Ink::Bad, page);
            }
            LaneRecord::SessionClosed { session, .. } => {
                self.plates.remove(session);
            }
            LaneRecord::RaiseCarriedOut { .. }
            | LaneRecord::Passed { .. }
            | LaneRecord::HoldEnded { .. }
            | LaneRecord::NumbersSkipped { .. }
            | LaneRecord::DoubtLifted { .. }
            | LaneRecord::ReviewOpened { .. }
            | LaneRecord::ReviewClosed { .. }
            | LaneRecord::PlateNamed { .. }
            | LaneRecord::ListChanged { .. }
            | LaneRecord::BenefitGiven { .. }
            | LaneRecord::BenefitTakenBack { .. }
            | LaneRecord::BalanceChanged { .. }
            | LaneRecord::ZonePassed { .. }
            | LaneRecord::PlacesCounted { .. }
            | LaneRecord::ArrearsSeen { .. } => {}
        }
    }

    /// A decision, behind the reading that it was made from if that has not been told yet.
    fn decision(
        &self,
        lane: &LaneId,
        plate: Option<&PlateNumber>,
        text: &str,
        ink: Ink,
        page: &mut Page,
    ) {
        let plate = plate.map_or("", PlateNumber::as_str);
        let text = match page.read.take() {
            Some(read) => format!("{read} {text}"),
            None => text.to_owned(),
        };
        page.lines
            .push(self.line(page.at, &lane.0, plate, &text, ink));
    }

    fn money_fact(&mut self, record: &MoneyRecord, page: &mut Page) {
        match record {
            MoneyRecord::EntryRegistered {
                session, service, ..
            } => {
                let text = format!("entry at WeChat: {}", words::service(service));
                self.entry_line(session, &text, Ink::Dim, page);
            }
            MoneyRecord::EntryServiceChanged {
                session, service, ..
            } => {
                let text = format!("entry at WeChat, by callback: {}", words::service(service));
                self.entry_line(session, &text, Ink::Dim, page);
            }
            MoneyRecord::EntryUnknown { session, .. } => {
                let text = "entry at WeChat: no answer, will be repeated";
                self.entry_line(session, text, Ink::Waits, page);
            }
            MoneyRecord::ChargeOpened { claim } => self.charge_opened(claim, page),
            MoneyRecord::ChargeSent { trade_no, .. } => {
                self.step(trade_no, "filed", Standing::Unfiled, Ink::Plain, page);
            }
            MoneyRecord::ChargeDueAgain { trade_no, .. } => {
                self.step(trade_no, "due again", Standing::Unfiled, Ink::Waits, page);
            }
            MoneyRecord::ChargeUnknown { trade_no, .. } => {
                let word = "no answer, WeChat will be asked";
                self.step(trade_no, word, Standing::Unfiled, Ink::Waits, page);
            }
            MoneyRecord::ChargeToRepeat { trade_no, .. } => {
                let word = "WeChat has not got it, will be repeated";
                self.step(trade_no, word, Standing::Unfiled, Ink::Waits, page);
            }
            MoneyRecord::ChargeAccepted { trade_no, .. } => {
                self.step(trade_no, "ACCEPTED", Standing::Accepted, Ink::Plain, page);
            }
            MoneyRecord::ChargeSettled { trade_no, .. } => {
                self.step(trade_no, "SUCCESS", Standing::Settled, Ink::Good, page);
            }
            MoneyRecord::ChargeRefused { trade_no, code } => {
                let word = format!("refused ({code})");
                self.step(trade_no, &word, Standing::Unfiled, Ink::Bad, page);
            }
            MoneyRecord::ChargeFailed { trade_no } => {
                self.step(trade_no, "PAY_FAIL", Standing::Unfiled, Ink::Bad, page);
            }
            MoneyRecord::ChargeHandedToStaff { trade_no, reason } => {
                let word = format!("with the staff ({})", words::staff(reason));
                self.step(trade_no, &word, Standing::WithStaff, Ink::Bad, page);
            }
            MoneyRecord::ChargeWithdrawn { trade_no, reason } => {
                let word = format!("withdrawn ({})", words::withdrawn(reason));
                self.step(trade_no, &word, Standing::Withdrawn, Ink::Waits, page);
            }
            MoneyRecord::MerchantStopped { code, .. } => {
                let text = format!("WeChat refuses this merchant: {code}");
                page.lines.push(self.note(page.at, &text, Ink::Bad));
            }
            MoneyRecord::MerchantResumed => {
                let text = "WeChat answers this merchant again";
                page.lines.push(self.note(page.at, text, Ink::Good));
            }
            MoneyRecord::EntryOpened { .. }
            | MoneyRecord::SpotAsked { .. }
            | MoneyRecord::SpotSent { .. }
            | MoneyRecord::SpotTold { .. }
            | MoneyRecord::SpotGivenUp { .. }
            | MoneyRecord::NoticeTaken { .. }
            | MoneyRecord::NoticeSetAside { .. }
            | MoneyRecord::AdvanceRepaid { .. }
            | MoneyRecord::CorrectionAsked { .. }
            | MoneyRecord::PaymentTaken { .. }
            | MoneyRecord::CorrectionDone { .. }
            | MoneyRecord::RefundAsked { .. }
            | MoneyRecord::RefundSent { .. }
            | MoneyRecord::RefundTold { .. }
            | MoneyRecord::RefundGivenUp { .. }
            | MoneyRecord::EntrySent { .. }
            | MoneyRecord::EntryRenumbered { .. }
            | MoneyRecord::EntryEnded { .. }
            | MoneyRecord::ChargeSuperseded { .. }
            | MoneyRecord::ChargeLetOut { .. }
            | MoneyRecord::StaffFinished { .. } => {}
        }
    }

    fn entry_line(&self, session: &SessionId, text: &str, ink: Ink, page: &mut Page) {
        // The car may have left, and then its charge has a plate of its own.
        let plate = self.plates.get(session).or_else(|| {
            let mut charges = self.charges.values();
            let charge = charges.find(|charge| charge.session == *session)?;
            Some(&charge.plate)
        });
        let plate = plate.map_or("", PlateNumber::as_str);
        page.lines.push(self.line(page.at, "", plate, text, ink));
    }

    fn charge_opened(&mut self, claim: &Claim, page: &mut Page) {
        let fee_fen = claim.quote.fee_fen;
        let read = page.read.take().unwrap_or_else(|| "read".to_owned());
        let (stay_s, fee) = (claim.stay_ms / 1000, yuan(fee_fen));
        let text = format!("{read}, stayed {stay_s} s: {fee} yuan due");
        let plate = claim.plate.as_str();
        let told = self.line(page.at, &claim.lane.0, plate, &text, Ink::Plain);
        page.lines.push(told);
        for line in &claim.quote.lines {
            let text = format!("    {}", line.display(claim.entered.now.wall));
            page.lines.push(self.continued(&text));
        }
        let followed = Followed {
            session: claim.session.clone(),
            plate: claim.plate.clone(),
            fee_fen,
            standing: Standing::Unfiled,
            way: Vec::new(),
        };
        self.unfiled.insert(claim.trade_no.clone(), fee_fen);
        self.charges.insert(claim.trade_no.clone(), followed);
        if let Opening::ToStaff(reason) = &claim.opening {
            let word = format!("with the staff ({})", words::staff(reason));
            self.step(&claim.trade_no, &word, Standing::WithStaff, Ink::Bad, page);
        }
    }

    /// A charge goes on to its next state.
    fn step(&mut self, trade_no: &str, word: &str, standing: Standing, ink: Ink, page: &mut Page) {
        let Some(charge) = self.charges.get_mut(trade_no) else {
            return;
        };
        charge.way.push(word.to_owned());
        charge.standing = standing;
        if standing != Standing::Unfiled {
            self.unfiled.remove(trade_no);
        }
        let Some(charge) = self.charges.get(trade_no) else {
            return;
        };
        let mut text = format!("charge {}", charge.way.join(" → "));
        if standing == Standing::Settled {
            text.push_str(&format!(": {} yuan paid", yuan(charge.fee_fen)));
        }
        let line = self.line(page.at, "", charge.plate.as_str(), &text, ink);
        page.lines.push(line);
    }

    /// How many charges wait, where that is news.
    fn backlog_line(&mut self, page: &mut Page) {
        let waiting = self.unfiled.len();
        let (told, drains) = match self.backlog {
            Backlog::No => return,
            Backlog::Grows(told) => (told, false),
            Backlog::Drains(told) => (told, true),
        };
        let over = drains && waiting == 0;
        let too_soon = page.at.since_ms(told.at) < QUEUE_TOLD_EVERY_MS;
        if waiting == told.waiting || (too_soon && !over) {
            return;
        }
        let told = Told {
            waiting,
            at: page.at,
        };
        self.backlog = match (over, drains) {
            (true, _) => Backlog::No,
            (false, true) => Backlog::Drains(told),
            (false, false) => Backlog::Grows(told),
        };
        let (text, ink) = match over {
            true => ("queue: empty".to_owned(), Ink::Good),
            false => (format!("queue: {}", self.waiting()), Ink::Waits),
        };
        page.lines.push(self.note(page.at, &text, ink));
    }

    fn line(&self, at: Moment, lane: &str, plate: &str, text: &str, ink: Ink) -> String {
        let ms = at.since_ms(self.start);
        let time = format!("{:>5}.{} s", ms / 1000, ms % 1000 / 100);
        format!(
            "{}  {}{}{}",
            self.paint.with(Ink::Dim, &time),
            padded(lane, LANE_COLUMNS),
            self.paint.with(Ink::Name, &padded(plate, PLATE_COLUMNS)),
            self.paint.with(ink, text),
        )
    }

    /// A line that belongs to the one before it.
    fn continued(&self, text: &str) -> String {
        let columns = "12345.6 s  ".len() + LANE_COLUMNS + PLATE_COLUMNS;
        format!(
            "{:columns$}{}",
            "",
            self.paint.with(Ink::Dim, text),
            columns = columns - 2
        )
    }
}

/// The lines of one step.
struct Page {
    at: Moment,
    lines: Vec<String>,
    /// The reading that led to the step, until it has been told.
    read: Option<String>,
}
