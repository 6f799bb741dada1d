//! Entries and charges as they lie packed in memory.

use std::sync::Arc;

use super::charge::{Charge, ChargeState, Claim, Frozen, Opening};
use super::entry::{Entry, EntryState};
use super::frozen::{ChargeForm, ChargeText, EntryForm, EntryText, FormedCharge, FormedEntry};
use crate::lane::number::{NumberKey, SessionId};
use crate::lane::packing::{Packer, Unpacker};
use crate::lane::plate::PlateColor;
use crate::lane::service::ServiceState;
use crate::lane::session::LaneId;
use crate::lane::shelf::Shelved;
use crate::lane::tariff::{Line, Quote};

type EntryPacker<'a> = Packer<'a, Arc<EntryForm>>;
type EntryUnpacker<'a> = Unpacker<'a, Arc<EntryForm>>;
type ChargePacker<'a> = Packer<'a, Arc<ChargeForm>>;
type ChargeUnpacker<'a> = Unpacker<'a, Arc<ChargeForm>>;

/// What stands where nothing else is to follow.
const NONE: u8 = 0;
/// A body or a time as this release makes it.
const FORMED: u8 = 1;
/// A body or a time as a text.
const WRITTEN: u8 = 2;

impl Shelved for Entry {
    type Form = Arc<EntryForm>;

    fn key(&self) -> Option<NumberKey> {
        NumberKey::of_session(&self.session)
    }

    fn name_of(key: NumberKey) -> String {
        key.session().0
    }

    fn pack(&self, packer: &mut EntryPacker<'_>) {
        let Self {
            session: _,
            plate,
            color,
            entered,
            attempt,
            body,
            start_time,
            state,
        } = self;
        packer.plate(plate);
        packer.color(*color);
        packer.stamp(entered);
        packer.number((*attempt).into());
        match body {
            None => packer.byte(NONE),
            Some(EntryText::Formed(formed)) if is_of(formed, self) => {
                packer.byte(FORMED);
                packer.form(&formed.form);
                packer.wall(formed.start);
            }
            Some(other) => {
                packer.byte(WRITTEN);
                packer.text(&other.text());
            }
        }
        let sent = body.as_ref().and_then(EntryText::start_time);
        match start_time {
            None => packer.byte(NONE),
            start_time if *start_time == sent => packer.byte(FORMED),
            Some(other) => {
                packer.byte(WRITTEN);
                packer.text(other);
            }
        }
        match state {
            EntryState::Pending => packer.byte(0),
            EntryState::Sent => packer.byte(1),
            EntryState::Unknown => packer.byte(2),
            EntryState::Registered {
                parking_id,
                service,
                as_of,
                told_at,
            } => {
                packer.byte(if told_at.is_some() { 5 } else { 3 });
                packer.text(parking_id);
                pack_service(packer, service);
                packer.stamp(as_of);
                if let Some(told_at) = told_at {
                    packer.wall(*told_at);
                }
            }
            rare @ (EntryState::NotRegistrable(_) | EntryState::Refused(_)) => {
                packer.byte(4);
                packer.json(rare);
            }
        }
    }

    fn unpack(key: NumberKey, unpacker: &mut EntryUnpacker<'_>) -> Self {
        let (plate, color) = (unpacker.plate(), unpacker.color());
        let entered = unpacker.stamp();
        let attempt = u16::try_from(unpacker.number()).unwrap_or(u16::MAX);
        let body = match unpacker.byte() {
            NONE => None,
            FORMED => Some(EntryText::Formed(FormedEntry {
                form: Arc::clone(unpacker.form()),
                session: key,
                attempt,
                plate: plate.clone(),
                color: color.unwrap_or(PlateColor::Blue),
                start: unpacker.wall(),
            })),
            _ => Some(EntryText::of(unpacker.text())),
        };
        let start_time = match unpacker.byte() {
            NONE => None,
            FORMED => body.as_ref().and_then(EntryText::start_time),
            _ => Some(unpacker.text().to_owned()),
        };
        let state = match unpacker.byte() {
            0 => EntryState::Pending,
            1 => EntryState::Sent,
            2 => EntryState::Unknown,
            tag @ (3 | 5) => EntryState::Registered {
                parking_id: unpacker.text().to_owned(),
                service: unpack_service(unpacker),
                as_of: unpacker.stamp(),
                told_at: (tag == 5).then(|| unpacker.wall()),
            },
            _ => unpacker.json(),
        };
        Self {
            session: key.session(),
            plate,
            color,
            entered,
            attempt,
            body,
            start_time,
            state,
        }
    }
}

/// Whether a body says of its entry what the entry says itself.
fn is_of(formed: &FormedEntry, entry: &Entry) -> bool {
    Some(formed.session) == entry.key()
        && formed.attempt == entry.attempt
        && formed.plate == entry.plate
        && Some(formed.color) == entry.color
}

impl Shelved for Charge {
    type Form = Arc<ChargeForm>;

    fn key(&self) -> Option<NumberKey> {
        NumberKey::of_trade_no(&self.claim.trade_no)
    }

    fn name_of(key: NumberKey) -> String {
        key.trade_no()
    }

    fn pack(&self, packer: &mut ChargePacker<'_>) {
        let Self {
            claim,
            state,
            body,
            in_doubt,
            unproven,
            let_out,
            superseded,
        } = self;
        let flags = [*in_doubt, *unproven, *let_out, *superseded];
        packer.byte(
            (0..)
                .zip(flags)
                .map(|(bit, flag)| u8::from(flag) << bit)
                .sum(),
        );
        pack_claim(packer, claim);
        match state {
            ChargeState::WaitingForEntry => packer.byte(0),
            ChargeState::Due => packer.byte(1),
            ChargeState::Sent => packer.byte(2),
            ChargeState::Unknown { refused: None } => packer.byte(3),
            ChargeState::ToRepeat => packer.byte(4),
            ChargeState::Accepted { at } => {
                packer.byte(5);
                packer.stamp(at);
            }
            rare => {
                packer.byte(6);
                packer.json(rare);
            }
        }
        match body {
            None => packer.byte(NONE),
            Some(frozen) => pack_frozen(packer, frozen, claim),
        }
    }

    fn unpack(key: NumberKey, unpacker: &mut ChargeUnpacker<'_>) -> Self {
        let flags = unpacker.byte();
        let flag = |bit: u8| flags >> bit & 1 == 1;
        let claim = unpack_claim(key, unpacker);
        let state = match unpacker.byte() {
            0 => ChargeState::WaitingForEntry,
            1 => ChargeState::Due,
            2 => ChargeState::Sent,
            3 => ChargeState::Unknown { refused: None },
            4 => ChargeState::ToRepeat,
            5 => ChargeState::Accepted {
                at: unpacker.stamp(),
            },
            _ => unpacker.json(),
        };
        Self {
            body: unpack_frozen(key, unpacker),
            claim,
            state,
            in_doubt: flag(0),
            unproven: flag(1),
            let_out: flag(2),
            superseded: flag(3),
        }
    }
}

fn pack_claim(packer: &mut ChargePacker<'_>, claim: &Claim) {
    let Claim {
        trade_no,
        session,
        plate,
        lane,
        entered,
        exited,
        stay_ms,
        quote: Quote { fee_fen, lines },
        opening,
    } = claim;
    // The charge's number tells it.
    let is_told = NumberKey::of_trade_no(trade_no).is_some_and(|key| key.session() == *session);
    packer.text(if is_told { "" } else { &session.0 });
    packer.plate(plate);
    packer.name(&lane.0);
    packer.stamp(entered);
    packer.stamp(exited);
    packer.number(*stay_ms);
    packer.number(*fee_fen);
    packer.number(u64::try_from(lines.len()).unwrap_or(u64::MAX));
    for line in lines {
        pack_line(packer, line);
    }
    match opening {
        Opening::ToFile { despite_block } => packer.byte(u8::from(*despite_block)),
        rare @ Opening::ToStaff(_) => {
            packer.byte(2);
            packer.json(rare);
        }
    }
}

fn unpack_claim(key: NumberKey, unpacker: &mut ChargeUnpacker<'_>) -> Claim {
    Claim {
        trade_no: key.trade_no(),
        session: match unpacker.text() {
            "" => key.session(),
            other => SessionId(other.to_owned()),
        },
        plate: unpacker.plate(),
        lane: LaneId(unpacker.name().to_owned()),
        entered: unpacker.stamp(),
        exited: unpacker.stamp(),
        stay_ms: unpacker.number(),
        quote: Quote {
            fee_fen: unpacker.number(),
            lines: (0..unpacker.number())
                .map(|_| unpack_line(unpacker))
                .collect(),
        },
        opening: match unpacker.byte() {
            despite_block @ (0 | 1) => Opening::ToFile {
                despite_block: despite_block == 1,
            },
            _ => unpacker.json(),
        },
    }
}

fn pack_line(packer: &mut ChargePacker<'_>, line: &Line) {
    let Line {
        what,
        zone,
        of,
        from_ms,
        to_ms,
        units,
        price_fen,
        amount_fen,
    } = line;
    packer.common(what);
    for name in [zone, of] {
        match name {
            None => packer.byte(NONE),
            Some(name) => {
                packer.byte(WRITTEN);
                packer.text(name);
            }
        }
    }
    packer.number(*from_ms);
    packer.number(*to_ms);
    packer.number(*units);
    packer.number(*price_fen);
    packer.signed(*amount_fen);
}

fn unpack_line(unpacker: &mut ChargeUnpacker<'_>) -> Line {
    let what = unpacker.common();
    let mut name = || match unpacker.byte() {
        NONE => None,
        _ => Some(unpacker.text().to_owned()),
    };
    let (zone, of) = (name(), name());
    Line {
        what,
        zone,
        of,
        from_ms: unpacker.number(),
        to_ms: unpacker.number(),
        units: unpacker.number(),
        price_fen: unpacker.number(),
        amount_fen: unpacker.signed(),
    }
}

fn pack_frozen(packer: &mut ChargePacker<'_>, frozen: &Frozen, claim: &Claim) {
    let Frozen {
        text,
        parking_id,
        service,
    } = frozen;
    let is_formed = |formed: &FormedCharge| {
        let of = NumberKey::of_trade_no(&claim.trade_no);
        formed.parking_id == *parking_id && Some(formed.trade_no) == of
    };
    packer.byte(match text {
        ChargeText::Formed(formed) if is_formed(formed) => FORMED,
        _ => WRITTEN,
    });
    packer.text(parking_id);
    pack_service(packer, service);
    match text {
        ChargeText::Formed(formed) if is_formed(formed) => {
            packer.form(&formed.form);
            packer.number(formed.total);
            packer.plate(&formed.plate);
            packer.color(Some(formed.color));
            packer.wall(formed.start);
            packer.wall(formed.end);
            packer.number(formed.duration_s);
        }
        other => packer.text(&other.text()),
    }
}

fn unpack_frozen(key: NumberKey, unpacker: &mut ChargeUnpacker<'_>) -> Option<Frozen> {
    let how = unpacker.byte();
    if how == NONE {
        return None;
    }
    let parking_id = unpacker.text().to_owned();
    let service = unpack_service(unpacker);
    let text = match how {
        FORMED => ChargeText::Formed(FormedCharge {
            form: Arc::clone(unpacker.form()),
            trade_no: key,
            total: unpacker.number(),
            parking_id: parking_id.clone(),
            plate: unpacker.plate(),
            color: unpacker.color().unwrap_or(PlateColor::Blue),
            start: unpacker.wall(),
            end: unpacker.wall(),
            duration_s: unpacker.number(),
        }),
        _ => ChargeText::of(unpacker.text()),
    };
    Some(Frozen {
        text,
        parking_id,
        service,
    })
}

fn pack_service<F: Ord + Clone>(packer: &mut Packer<'_, F>, service: &ServiceState) {
    match service {
        ServiceState::Normal => packer.byte(0),
        ServiceState::Blocked(why) => {
            packer.byte(1);
            packer.text(why);
        }
    }
}

fn unpack_service<F: Ord + Clone>(unpacker: &mut Unpacker<'_, F>) -> ServiceState {
    match unpacker.byte() {
        0 => ServiceState::Normal,
        _ => ServiceState::Blocked(unpacker.text().to_owned()),
    }
}
