use crate::charges::charge::{Claim, Opening};
use crate::charges::record::MoneyRecord;
use crate::cli::demo::paint::{Ink, Paint};
use crate::cli::demo::timeline::{Standing, Timeline};
use crate::gate::Observed;
use crate::lane::number::SessionId;
use crate::lane::plate::{PlateColor, PlateNumber};
use crate::lane::raise::RaiseReason;
use crate::lane::reading::PlateRead;
use crate::lane::session::{LaneId, Session};
use crate::lane::tariff::{Stay, Tariff};
use crate::lane::time::{BootId, Moment, Now, Stamp, Wall};
use crate::park::event::Event;
use crate::park::record::{LaneRecord, Record};
use crate::park::step::{Ignored, Step};
use crate::sim::site::{Happening, What};

#[test]
fn a_visit_is_told_in_the_order_of_its_decisions() {
    let mut timeline = Timeline::new(Moment(0), Paint::none());
    let lines = timeline.observe(&read_at("in-1", 1_200, vec![opened(), raised("in-1")]));
    assert_eq!(
        lines,
        ["    1.2 s  in-1  粤B12345  read as blue, 95 % sure → raise: a car comes in"]
    );
    let claim = claim();
    let lines = timeline.observe(&read_at(
        "out-1",
        13_400,
        vec![
            MoneyRecord::ChargeOpened {
                claim: claim.clone(),
            }
            .into_record(),
            sent(&claim),
        ],
    ));
    assert_eq!(
        lines,
        [
            "   13.4 s  out-1 粤B12345  read as blue, 95 % sure, stayed 12 s: 5.00 yuan due",
            "                             08:00–08:00:12  1 × 5.00 yuan",
            "   13.4 s        粤B12345  charge filed",
        ]
    );
    let settled = MoneyRecord::ChargeSettled {
        paid: Default::default(),
        trade_no: claim.trade_no.clone(),
        transaction_id: None,
        bank_type: None,
    };
    let lines = [accepted(&claim), settled.into_record()]
        .map(|record| timeline.observe(&observed(Event::Tick, 20_000, vec![record])))
        .concat();
    assert_eq!(
        lines,
        [
            "   20.0 s        粤B12345  charge filed → ACCEPTED",
            "   20.0 s        粤B12345  charge filed → ACCEPTED → SUCCESS: 5.00 yuan paid",
        ]
    );
    assert_eq!(
        timeline.charges()[&claim.trade_no].standing,
        Standing::Settled
    );
}

#[test]
fn the_queue_is_told_while_wechat_is_cut_off_and_until_it_is_empty() {
    let mut timeline = Timeline::new(Moment(0), Paint::none());
    let claim = claim();
    timeline.cut_off(true);
    let due = MoneyRecord::ChargeOpened {
        claim: claim.clone(),
    }
    .into_record();
    let lines = timeline.observe(&read_at("out-1", 9_000, vec![due]));
    assert_eq!(
        lines.last().unwrap().trim_start(),
        "9.0 s                  queue: 1 charge waits for WeChat, 5.00 yuan"
    );
    timeline.cut_off(false);
    let filed = vec![sent(&claim), accepted(&claim)];
    let lines = timeline.observe(&observed(Event::Tick, 9_100, filed));
    assert!(lines.last().unwrap().ends_with("queue: empty"), "{lines:?}");
    let after = timeline.observe(&observed(Event::Tick, 9_900, Vec::new()));
    assert_eq!(after, Vec::<String>::new());
}

#[test]
fn a_reading_that_leads_to_nothing_says_why() {
    let mut timeline = Timeline::new(Moment(0), Paint::none());
    let mut again = read_at("in-1", 1_500, Vec::new());
    again.step.ignored = Some(Ignored::Duplicate);
    assert_eq!(
        timeline.observe(&again),
        ["    1.5 s  in-1  粤B12345  read again → nothing: the same car"]
    );
}

#[test]
fn a_barrier_rises_behind_the_decision_however_fast_it_is() {
    let mut timeline = Timeline::new(Moment(0), Paint::none());
    let mut happening = happening("in-1", 1_203, What::Raised { after_ms: 3 });
    assert_eq!(timeline.tell(&happening), None);
    let decided = read_at("in-1", 1_202, vec![opened(), raised("in-1")]);
    let rises = "    1.2 s  in-1  粤B12345  barrier rises, 3 ms after the reading";
    let lines = timeline.observe(&decided);
    assert_eq!((lines.len(), lines.last().unwrap().as_str()), (2, rises));
    happening.at = Moment(1_204);
    assert_eq!(timeline.tell(&happening).as_deref(), Some(rises));
}

#[test]
fn what_happens_on_the_ground_stands_in_the_same_columns() {
    let mut timeline = Timeline::new(Moment(500), Paint::none());
    let waits = What::CallsAttendant { waited_ms: 20_000 };
    assert_eq!(
        timeline.tell(&happening("out-2", 1_800, waits)).unwrap(),
        "    1.3 s  out-2 粤B12345  has waited for 20 s: calls the attendant"
    );
    assert_eq!(
        timeline.note(Moment(500), "over", Ink::Dim),
        "    0.0 s                  over"
    );
}

fn happening(lane: &str, ms: u64, what: What) -> Happening {
    Happening {
        at: Moment(ms),
        lane: LaneId(lane.into()),
        plate: plate(),
        what,
    }
}

trait IntoRecord {
    fn into_record(self) -> Record;
}

impl IntoRecord for MoneyRecord {
    fn into_record(self) -> Record {
        Record::Money(self)
    }
}

fn read_at(lane: &str, ms: u64, records: Vec<Record>) -> Observed {
    let mut read = PlateRead::by_hand(plate(), Some(PlateColor::Blue));
    read.confidence_permille = Some(950);
    let event = Event::PlateRead {
        lane: LaneId(lane.into()),
        camera: "265e1040-85e01fb7".into(),
        read,
    };
    observed(event, ms, records)
}

fn observed(event: Event, ms: u64, records: Vec<Record>) -> Observed {
    let step = Step {
        records,
        ..Step::default()
    };
    Observed {
        now: now(ms),
        event,
        step,
    }
}

fn opened() -> Record {
    let session = Session {
        id: SessionId("S1".into()),
        plate: plate(),
        color: Some(PlateColor::Blue),
        lane: LaneId("in-1".into()),
        entered: stamp(1_200),
        doubts: Vec::new(),
    };
    Record::Lane(LaneRecord::SessionOpened { session })
}

fn raised(lane: &str) -> Record {
    Record::Lane(LaneRecord::RaiseDecided {
        raise: 1,
        lane: LaneId(lane.into()),
        plate: Some(plate()),
        session: Some(SessionId("S1".into())),
        reason: RaiseReason::Entry,
        at: stamp(1_200),
    })
}

fn sent(claim: &Claim) -> Record {
    let trade_no = claim.trade_no.clone();
    MoneyRecord::ChargeSent {
        trade_no,
        body: None,
    }
    .into_record()
}

fn accepted(claim: &Claim) -> Record {
    let trade_no = claim.trade_no.clone();
    MoneyRecord::ChargeAccepted {
        trade_no,
        at: stamp(20_000),
    }
    .into_record()
}

fn claim() -> Claim {
    let tariff = "name = \"Demo\"\nversion = \"1\"\nthen = { every = \"1h\", fen = 500 }\n";
    let stay = Stay {
        entry: Wall(0),
        duration_ms: 12_200,
        ..Stay::default()
    };
    Claim {
        trade_no: "T1".into(),
        session: SessionId("S1".into()),
        plate: plate(),
        lane: LaneId("out-1".into()),
        entered: stamp(0),
        exited: stamp(12_200),
        stay_ms: 12_200,
        quote: Tariff::from_toml(tariff, "tariff.toml")
            .unwrap()
            .quote(&stay),
        opening: Opening::ToFile {
            despite_block: false,
        },
    }
}

fn plate() -> PlateNumber {
    PlateNumber::parse("粤B12345").unwrap().plate
}

fn stamp(ms: u64) -> Stamp {
    Stamp {
        now: now(ms),
        box_id: "demo-1".into(),
    }
}

fn now(ms: u64) -> Now {
    Now {
        moment: Moment(ms),
        wall: Wall(0).plus_ms(i64::try_from(ms).unwrap()),
        trusted: true,
        boot: BootId(1),
    }
}
