//! A queue over a book that is made of records, and what these are made of.

use crate::charges::answer::{
    Answer, Heard, ParkingEntry, Parties, Refusal, TradeState, Transaction,
};
use crate::charges::call::{Extras, MerchantRules, Out};
use crate::charges::charge::{Claim, Opening};
use crate::charges::queue::Queue;
use crate::charges::record::{MoneyRecord, StaffOutcome};
use crate::lane::alarm::AlarmKind;
use crate::lane::number::{LedgerId, SessionId};
use crate::lane::plate::{PlateColor, PlateNumber};
use crate::lane::service::ServiceState;
use crate::lane::session::{LaneId, Session};
use crate::lane::tariff::Quote;
use crate::lane::time::{BootId, Moment, Now, Stamp, Wall};

const T0: i64 = 1_772_409_600_000;

/// A queue that has just been taken up after `records`, one second later.
pub fn resumed(records: &[MoneyRecord]) -> (Queue, Out) {
    let mut queue = Queue::default();
    for record in records {
        queue.replay(record);
    }
    let mut out = Out::default();
    queue.resume(at(HOUR).now, &mut out);
    (queue, out)
}

pub const HOUR: u64 = 3_600_000;

pub fn turn(queue: &mut Queue, ms: u64) -> Out {
    let mut out = Out::default();
    queue.note_clock(at(ms).now);
    queue.turn(&at(ms), &rules(), &mut out);
    out
}

pub fn registered_and_due() -> Vec<MoneyRecord> {
    let mut records = sent();
    records.pop();
    records
}

pub fn is_raised(out: &Out, kind: AlarmKind) -> bool {
    let mut of_kind = out.alarms.iter().filter(|alarm| alarm.kind == kind);
    of_kind.next_back().is_some_and(|alarm| alarm.raised)
}

pub fn unsigned<T>(status: u16, code: &str) -> Heard<T> {
    heard(Answer::Refused(Refusal {
        status,
        code: code.into(),
        message: String::new(),
        proven: false,
    }))
}

pub fn stay(counter: u64) -> Session {
    let plate = format!("粤B{:05}", 10_000 + counter);
    Session {
        id: SessionId::new(LedgerId(1), counter),
        plate: PlateNumber::parse(&plate).unwrap().plate,
        color: Some(PlateColor::Blue),
        lane: LaneId("in-1".into()),
        entered: at(0),
        doubts: Vec::new(),
    }
}

pub fn sent() -> Vec<MoneyRecord> {
    let opening = Opening::ToFile {
        despite_block: false,
    };
    let opened = MoneyRecord::ChargeOpened {
        claim: claim(&session(), opening),
    };
    let registered = MoneyRecord::EntryRegistered {
        session: session(),
        parking_id: "0100".into(),
        service: ServiceState::Normal,
        as_of: at(2),
    };
    let sent = MoneyRecord::ChargeSent {
        trade_no: number(),
        body: Some("{}".into()),
    };
    [entry_sent(), vec![registered, opened, sent]].concat()
}

pub fn entry_sent() -> Vec<MoneyRecord> {
    let opened = MoneyRecord::EntryOpened {
        session: session(),
        plate: plate(),
        color: Some(PlateColor::Blue),
        entered: at(0),
        not_registrable: None,
    };
    let sent = MoneyRecord::EntrySent {
        session: session(),
        attempt: 0,
        body: entry_sent_body(),
    };
    vec![opened, sent]
}

pub fn entry_sent_body() -> String {
    let session = session();
    format!(
        r#"{{"out_parking_no":"{}","plate_number":"粤B6K7H2","plate_color":"BLUE","notify_url":"","start_time":"2026-03-02T08:00:00+08:00","parking_name":"","free_duration":0}}"#,
        session.parking_no(0)
    )
}

pub fn claim(session: &SessionId, opening: Opening) -> Claim {
    Claim {
        trade_no: session.trade_no(0),
        session: session.clone(),
        plate: plate(),
        lane: LaneId("out-1".into()),
        entered: at(0),
        exited: at(HOUR),
        stay_ms: HOUR,
        quote: Quote {
            fee_fen: 500,
            lines: Vec::new(),
        },
        opening,
    }
}

pub fn accepted() -> Transaction {
    Transaction {
        paid: Default::default(),
        out_trade_no: number(),
        parties: Parties::default(),
        state: TradeState::Accepted,
        total_fen: Some(500),
        parking_id: Some("0100".into()),
        plate_number: None,
        plate_color: None,
        transaction_id: None,
        bank_type: None,
        description: None,
    }
}

pub fn cash() -> StaffOutcome {
    StaffOutcome::Collected {
        by: "张三".into(),
        channel: "cash".into(),
    }
}

pub fn refused(status: u16, code: &str) -> Heard<ParkingEntry> {
    refused_with(status, code)
}

pub fn refused_with<T>(status: u16, code: &str) -> Heard<T> {
    heard(Answer::Refused(Refusal {
        status,
        code: code.into(),
        message: String::new(),
        proven: true,
    }))
}

pub fn lost<T>() -> Heard<T> {
    heard(Answer::Lost("silence".into()))
}

pub fn heard<T>(answer: Answer<T>) -> Heard<T> {
    Heard {
        answer,
        request_id: None,
        skew_ms: None,
    }
}

pub fn session() -> SessionId {
    SessionId::new(LedgerId(1), 1)
}

pub fn number() -> String {
    session().trade_no(0)
}

pub fn plate() -> PlateNumber {
    PlateNumber::parse("粤B6K7H2").unwrap().plate
}

pub fn at(ms: u64) -> Stamp {
    Stamp {
        now: Now {
            moment: Moment(ms),
            wall: Wall(T0 + i64::try_from(ms).unwrap()),
            trusted: true,
            boot: BootId(1),
        },
        box_id: "south-1".into(),
    }
}

pub fn rules() -> MerchantRules {
    MerchantRules {
        mchid: "1900009191".into(),
        sub: None,
        appid: "wx1".into(),
        parking_name: "测试停车场".into(),
        description: "停车费".into(),
        extras: Extras::default(),
        entry_notify_url: "https://pay.example.com/entry".into(),
        charge_notify_url: "https://pay.example.com/charge".into(),
        refund_notify_url: None,
        native_notify_url: None,
        free_duration_s: 0,
        free_times: Vec::new(),
    }
}
