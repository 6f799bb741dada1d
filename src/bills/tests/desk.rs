//! A box and the bills of its merchant.

use tempfile::TempDir;

use super::written::{self, FEE_FEN, Line, REFUND_FEN};
use crate::bills::day::Day;
use crate::bills::keep::Bills;
use crate::bills::matching::compare;
use crate::bills::report::{Report, What};
use crate::charges::answer::Paid;
use crate::charges::charge::{Claim, Opening};
use crate::charges::record::MoneyRecord;
use crate::charges::refund::{RefundClaim, RefundTold};
use crate::charges::spot::{SpotClaim, SpotTold};
use crate::lane::number::{LedgerId, SessionId};
use crate::lane::plate::PlateNumber;
use crate::lane::session::LaneId;
use crate::lane::tariff::Quote;
use crate::lane::time::{BootId, Moment, Now, Stamp, Wall};
use crate::park::event::Event;
use crate::park::record::{Record, StepTaken};
use crate::store::ledger::{Ledger, made};
use crate::store::record::Record as Stored;
use crate::wechat::bill::Kind;

pub(super) const SECOND: i64 = 1000;
const MINUTE: i64 = 60 * SECOND;
pub(super) const HOUR: i64 = 60 * MINUTE;
const LEDGER: LedgerId = LedgerId(7);

pub(super) fn day() -> Day {
    Day::read("2026-03-01").unwrap()
}

/// A box: its ledger, and WeChat's bills.
pub(super) struct Desk {
    store: TempDir,
    ledger: Ledger,
}

impl Desk {
    pub fn new() -> Self {
        let store = tempfile::tempdir().unwrap();
        let ledger = made::ledger(&store.path().join("ledger"), LEDGER.0);
        Self { store, ledger }
    }

    pub fn bills(&self) -> Bills {
        Bills::of(self.store.path())
    }

    pub fn commit(&mut self, at: Wall, facts: impl IntoIterator<Item = MoneyRecord>) {
        let step = Record::StepTaken(StepTaken {
            now: now(at),
            event: Event::Tick,
            waited_ms: None,
        });
        let facts = facts.into_iter().map(Record::Money);
        let stored: Vec<Stored> = std::iter::once(step)
            .chain(facts)
            .map(|record| record.to_stored())
            .collect();
        self.ledger.commit(&stored).unwrap();
    }

    /// A charge that is sent at one time, and of whose payment the ledger hears at another.
    pub fn charge(&mut self, counter: u64, sent: Wall, heard: Wall, paid: Paid) -> String {
        let session = session(counter);
        let trade_no = session.trade_no(0);
        self.commit(sent, opened(&session));
        let settled = MoneyRecord::ChargeSettled {
            trade_no: trade_no.clone(),
            transaction_id: None,
            bank_type: None,
            paid,
        };
        self.commit(heard, [settled]);
        trade_no
    }

    /// A code of the same stay that was scanned and paid.
    pub fn code(&mut self, counter: u64, sent: Wall, told: SpotTold) -> String {
        let session = session(counter);
        let number = session.spot_no(0);
        let asked = MoneyRecord::SpotAsked {
            spot: SpotClaim {
                number: number.clone(),
                session,
                plate: plate(),
                lane: LaneId("out-1".into()),
                entered: stamp(sent.plus_ms(-HOUR)),
                fen: FEE_FEN,
                at: stamp(sent),
            },
        };
        let is_sent = MoneyRecord::SpotSent {
            number: number.clone(),
            body: None,
        };
        self.commit(sent, [asked, is_sent]);
        let told = MoneyRecord::SpotTold {
            number: number.clone(),
            told,
        };
        self.commit(sent.plus_ms(SECOND), [told]);
        number
    }

    pub fn refund(&mut self, counter: u64, sent: Wall) -> String {
        let session = session(counter);
        let refund_no = session.refund_no(0);
        let claim = RefundClaim {
            refund_no: refund_no.clone(),
            trade_no: session.trade_no(0),
            session,
            plate: plate(),
            charged_fen: FEE_FEN,
            fen: REFUND_FEN,
            reason: String::new(),
            sent_for: None,
            corrects: false,
            by: "Li".into(),
            why: "x".into(),
            at: stamp(sent),
        };
        let asked = MoneyRecord::RefundAsked { refund: claim };
        let is_sent = MoneyRecord::RefundSent {
            refund_no: refund_no.clone(),
            body: None,
            at: stamp(sent),
        };
        let told = MoneyRecord::RefundTold {
            refund_no: refund_no.clone(),
            told: RefundTold::Processing { refund_id: None },
        };
        self.commit(sent, [asked, is_sent]);
        self.commit(sent.plus_ms(SECOND), [told]);
        refund_no
    }

    /// What WeChat tells of a day.
    pub fn trade_bill(&self, day: Day, lines: impl IntoIterator<Item = Line>) {
        written::trade_bill(&self.bills().path(Kind::Trade, day), lines);
    }

    /// The same of the account, at noon. Of each line: number, words, fen.
    pub fn flow_bill(&self, day: Day, lines: &[(&str, &str, i64)]) {
        let path = self.bills().path(Kind::FundFlow, day);
        let noon = written_at(day.begins().plus_ms(12 * HOUR));
        written::flow_bill(&path, &noon, lines.iter().copied());
    }

    pub fn compare(&self, day: Day) -> Report {
        compare(&self.bills(), day, &self.store.path().join("ledger")).unwrap()
    }
}

pub(super) fn session(counter: u64) -> SessionId {
    SessionId::new(LEDGER, counter)
}

pub(super) fn opened(session: &SessionId) -> [MoneyRecord; 2] {
    let claim = Claim {
        trade_no: session.trade_no(0),
        session: session.clone(),
        plate: plate(),
        lane: LaneId("out-1".into()),
        entered: stamp(day().begins()),
        exited: stamp(day().begins()),
        stay_ms: 0,
        quote: Quote {
            fee_fen: FEE_FEN,
            lines: Vec::new(),
        },
        opening: Opening::ToFile {
            despite_block: false,
        },
    };
    [
        MoneyRecord::ChargeOpened { claim },
        MoneyRecord::ChargeSent {
            trade_no: session.trade_no(0),
            body: None,
        },
    ]
}

fn plate() -> PlateNumber {
    PlateNumber::parse("粤B6K7H2").unwrap().plate
}

fn now(wall: Wall) -> Now {
    Now {
        moment: Moment(u64::try_from(wall.0).unwrap()),
        wall,
        trusted: true,
        boot: BootId(1),
    }
}

fn stamp(wall: Wall) -> Stamp {
    Stamp {
        now: now(wall),
        box_id: "b".into(),
    }
}

pub(super) fn paid_at(at: Wall) -> Paid {
    Paid {
        at: Some(at),
        ..Paid::default()
    }
}

/// The line of a bill for a charge.
pub(super) fn line(trade_no: &str, at: Wall) -> Line {
    Line::of(trade_no, written_at(at))
}

/// The same for its refund.
pub(super) fn refund_line(counter: u64, at: Wall) -> Line {
    Line {
        refund_no: session(counter).refund_no(0),
        ..line(&session(counter).trade_no(0), at)
    }
}

pub(super) fn whats(report: &Report) -> Vec<What> {
    report.differences.iter().map(|it| it.what).collect()
}

fn written_at(at: Wall) -> String {
    at.to_rfc3339().replace('T', " ").replace("+08:00", "")
}
