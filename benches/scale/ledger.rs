//! Ledgers as years and long outages leave them.

use std::fs;
use std::path::Path;

use parkgate::charges::charge::{Claim, Opening};
use parkgate::charges::record::MoneyRecord;
use parkgate::lane::number::{LedgerId, SessionId};
use parkgate::lane::plate::{PlateColor, PlateNumber};
use parkgate::lane::raise::RaiseReason;
use parkgate::lane::service::ServiceState;
use parkgate::lane::session::{Ending, LaneId, Session};
use parkgate::lane::tariff::Stay;
use parkgate::lane::time::{BootId, Moment, Now, Stamp, Wall};
use parkgate::park::Park;
use parkgate::park::event::Event;
use parkgate::park::part::WHOLE_MAX;
use parkgate::park::record::{LaneRecord, Record, StepTaken};
use parkgate::park::rules::Rules;
use parkgate::store::ledger::{Identity, Ledger, Options};

use crate::Outcome;
use crate::daemon::{BOX, SITE, rules};

/// 2026-03-02T08:00:00+08:00.
const BEGAN: i64 = 1_772_409_600_000;
/// The day of Beijing on which that is.
pub const DAY: &str = "2026-03-02";
const LEDGER: u64 = 48_879;
/// Between two cars, milliseconds.
const APART_MS: u64 = 500;
const STAY_MS: u64 = 3_600_000;

/// A box with so many cars inside, and so many charges that WeChat has not taken on. Returns the size
/// of its whole state.
pub fn with_state(store: &Path, stays: u64, charges: u64) -> Outcome<u64> {
    let rules = rules(store)?;
    let mut park = Park::new(LedgerId(LEDGER), rules.clone());
    let records_of = |number| {
        let car = Car::new(number, &rules);
        let then = match number <= charges {
            true => car.is_let_out(),
            false => car.is_registered(),
        };
        [car.comes(), then].concat()
    };
    for number in 1..=charges + stays {
        let records = records_of(number);
        records.iter().for_each(|record| park.replay(record));
    }
    let mut ledger = open(store)?;
    let now = stamp(charges + stays).now;
    let mut bytes = 0;
    let parts = park.checkpoint_in_parts(now, WHOLE_MAX);
    let mut parts = parts.inspect(|part| {
        bytes += part
            .iter()
            .map(|record| record.payload.len())
            .sum::<usize>();
    });
    ledger.checkpoint_in_parts(&mut parts)?;
    drop(parts);
    ledger.settle();
    Ok(u64::try_from(bytes)?)
}

/// What such a box has in its ledger.
pub struct History {
    pub records: u64,
    /// Of the ledger's folder.
    pub bytes: u64,
    /// By number, each of `fen`, all of one day.
    pub charges: Vec<String>,
    pub fen: u64,
}

/// A box that has seen so many records go by, with a whole state in each segment as it writes them.
pub fn with_history(store: &Path, records: u64) -> Outcome<History> {
    let rules = rules(store)?;
    let mut park = Park::new(LedgerId(LEDGER), rules.clone());
    let mut ledger = open(store)?;
    let (mut number, mut charges, mut fen) = (0, Vec::new(), 0);
    while ledger.last_seq() < records {
        number += 1;
        let car = Car::new(number, &rules);
        let claim = car.claim();
        charges.push(claim.trade_no);
        fen = claim.quote.fee_fen;
        let all = [car.comes(), car.is_registered(), car.pays()].concat();
        all.iter().for_each(|record| park.replay(record));
        let stored: Vec<_> = all.iter().map(Record::to_stored).collect();
        ledger.commit(&stored)?;
        if ledger.wants_checkpoint() {
            ledger.checkpoint_in_parts(
                &mut *park.checkpoint_in_parts(stamp(number).now, WHOLE_MAX),
            )?;
        }
    }
    ledger.settle();
    let folder = fs::read_dir(store.join("ledger"))?;
    let sizes = folder.filter_map(|file| Some(file.ok()?.metadata().ok()?.len()));
    Ok(History {
        records: ledger.last_seq(),
        bytes: sizes.sum(),
        charges,
        fen,
    })
}

fn open(store: &Path) -> Outcome<Ledger> {
    let dir = store.join("ledger");
    fs::create_dir_all(&dir)?;
    let identity = Identity {
        site: SITE.into(),
        box_id: BOX.into(),
    };
    let (ledger, _) = Ledger::open(&dir, &identity, &Options::default(), LEDGER)?;
    Ok(ledger)
}

/// The `number`-th car, and what the ledger says of it.
struct Car<'a> {
    rules: &'a Rules,
    session: Session,
    entered: Stamp,
    left: Stamp,
}

impl<'a> Car<'a> {
    fn new(number: u64, rules: &'a Rules) -> Self {
        let plate = PlateNumber::parse(&plate(number)).expect("a plate").plate;
        let entered = stamp(number);
        let session = Session {
            id: SessionId::new(LedgerId(LEDGER), number),
            plate,
            color: Some(PlateColor::Blue),
            lane: LaneId("in-0".into()),
            entered: entered.clone(),
            doubts: Vec::new(),
        };
        let left = later(&entered, STAY_MS);
        Self {
            rules,
            session,
            entered,
            left,
        }
    }

    fn comes(&self) -> Vec<Record> {
        let Session {
            id, plate, color, ..
        } = self.session.clone();
        vec![
            head(&self.entered),
            Record::Lane(LaneRecord::SessionOpened {
                session: self.session.clone(),
            }),
            Record::Money(MoneyRecord::EntryOpened {
                session: id,
                plate,
                color,
                entered: self.entered.clone(),
                not_registrable: None,
            }),
            self.raise(&self.entered, RaiseReason::Entry),
        ]
    }

    fn is_registered(&self) -> Vec<Record> {
        let session = self.session.id.clone();
        let body = format!(
            r#"{{"out_parking_no":"{}","plate_number":"{}","plate_color":"BLUE","notify_url":"https://pay.example.com/wx/parking-entry","start_time":"{}","parking_name":"测试停车场","free_duration":0}}"#,
            session.parking_no(0),
            self.session.plate.as_str(),
            self.entered.now.wall.to_rfc3339(),
        );
        vec![
            Record::Money(MoneyRecord::EntrySent {
                session: session.clone(),
                attempt: 0,
                body,
            }),
            head(&later(&self.entered, 300)),
            Record::Money(MoneyRecord::EntryRegistered {
                session,
                parking_id: "5K8264ILTKCH16CQ2502SI8ZNMTM67VS".into(),
                service: ServiceState::Normal,
                as_of: later(&self.entered, 300),
            }),
        ]
    }

    fn claim(&self) -> Claim {
        let quote = self.rules.tariff.quote(&Stay {
            entry: self.entered.now.wall,
            duration_ms: STAY_MS,
            color: self.session.color,
            ..Stay::default()
        });
        Claim {
            trade_no: self.session.id.trade_no(0),
            session: self.session.id.clone(),
            plate: self.session.plate.clone(),
            lane: LaneId("out-0".into()),
            entered: self.entered.clone(),
            exited: self.left.clone(),
            stay_ms: STAY_MS,
            quote,
            opening: Opening::ToFile {
                despite_block: false,
            },
        }
    }

    /// In an outage: the charge waits for its entry.
    fn is_let_out(&self) -> Vec<Record> {
        let trade_no = self.session.id.trade_no(0);
        let claim = self.claim();
        let opened = Record::Money(MoneyRecord::ChargeOpened { claim });
        let let_out = Record::Money(MoneyRecord::ChargeLetOut { trade_no });
        let raised = self.raise(&self.left, RaiseReason::SilentUnknown);
        vec![head(&self.left), opened, let_out, self.closed(), raised]
    }

    fn pays(&self) -> Vec<Record> {
        let claim = self.claim();
        let trade_no = claim.trade_no.clone();
        let body = format!(
            r#"{{"appid":"wxcbda96de0b165486","description":"停车费","out_trade_no":"{trade_no}","trade_scene":"PARKING","notify_url":"https://pay.example.com/wx/parking-pay","amount":{{"total":{},"currency":"CNY"}},"parking_info":{{"parking_id":"5K8264ILTKCH16CQ2502SI8ZNMTM67VS","plate_number":"{}","plate_color":"BLUE","start_time":"{}","end_time":"{}","parking_name":"测试停车场","charging_duration":3600,"device_id":"out0"}}}}"#,
            claim.quote.fee_fen,
            self.session.plate.as_str(),
            self.entered.now.wall.to_rfc3339(),
            self.left.now.wall.to_rfc3339(),
        );
        let settled = later(&self.left, 900);
        vec![
            head(&self.left),
            Record::Money(MoneyRecord::ChargeOpened { claim }),
            Record::Money(MoneyRecord::ChargeSent {
                trade_no: trade_no.clone(),
                body: Some(body),
            }),
            head(&settled),
            Record::Money(MoneyRecord::ChargeAccepted {
                trade_no: trade_no.clone(),
                at: settled.clone(),
            }),
            self.closed(),
            self.raise(
                &settled,
                RaiseReason::Accepted {
                    trade_no: trade_no.clone(),
                },
            ),
            head(&later(&settled, 5_000)),
            Record::Money(MoneyRecord::ChargeSettled {
                paid: Default::default(),
                trade_no,
                transaction_id: Some("4208450740201411110007820472".into()),
                bank_type: None,
            }),
        ]
    }

    fn closed(&self) -> Record {
        Record::Lane(LaneRecord::SessionClosed {
            session: self.session.id.clone(),
            plate: self.session.plate.clone(),
            lane: LaneId("out-0".into()),
            at: self.left.clone(),
            ending: Ending::Charged {
                trade_no: self.session.id.trade_no(0),
            },
            fee_fen: self.claim().quote.fee_fen,
            tally: None,
        })
    }

    fn raise(&self, at: &Stamp, reason: RaiseReason) -> Record {
        Record::Lane(LaneRecord::RaiseDecided {
            raise: at.now.moment.0,
            lane: self.session.lane.clone(),
            plate: Some(self.session.plate.clone()),
            session: Some(self.session.id.clone()),
            reason,
            at: at.clone(),
        })
    }
}

fn head(at: &Stamp) -> Record {
    Record::StepTaken(StepTaken {
        now: at.now,
        event: Event::Tick,
        waited_ms: None,
    })
}

fn stamp(number: u64) -> Stamp {
    let ms = number * APART_MS;
    Stamp {
        now: Now {
            moment: Moment(ms),
            wall: Wall(BEGAN).plus_ms(i64::try_from(ms).unwrap_or(i64::MAX)),
            trusted: true,
            boot: BootId(1),
        },
        box_id: BOX.into(),
    }
}

fn later(stamp: &Stamp, ms: u64) -> Stamp {
    let mut stamp = stamp.clone();
    stamp.now.moment = stamp.now.moment.after_ms(ms);
    stamp.now.wall = stamp
        .now
        .wall
        .plus_ms(i64::try_from(ms).unwrap_or(i64::MAX));
    stamp
}

/// A plate of its own for each of 240 000 cars; then they come again.
fn plate(number: u64) -> String {
    let letters = b"ABCDEFGHJKLMNPQRSTUVWXYZ";
    let letter = letters[usize::try_from(number / 10_000 % 24).unwrap_or(0)];
    format!("粤{}{:05}", char::from(letter), number % 10_000 + 10_000)
}
