//! The sentence that parkgate defines for makers of small boards; docs/devices.md tells it to them.
//!
//! `$PGR,address,number,age,plate,colour,confidence,time*CRC`. The checksum is the one of Modbus,
//! which such boards have at hand, and not NMEA's exclusive or: two flipped bits of one column pass
//! that one, and a plate that was changed on the way would be charged.

use super::fields::Fields;
use crate::camera::plate_text;
use crate::camera::serial::FrameFault;

/// Longer numbers and names are none.
const NUMBER_BYTES_MAX: usize = 10;

/// What a sentence says.
#[derive(Debug, PartialEq, Eq)]
pub enum Sentence<'a> {
    /// `$PGR`.
    Reading(Fields<'a>),
    /// `$PGH`.
    Alive { address: Option<&'a str> },
    /// The box's own question, or a sentence of a later version.
    Other,
}

/// Where a sentence stands in a line.
pub struct Found<'a> {
    /// From after its `$` to the end of the line.
    pub bytes: &'a [u8],
    /// Something stands before it that belongs to no sentence.
    pub is_preceded: bool,
}

/// The sentence in a line. No sentence has a `$` inside, so that noise before one does not matter.
pub fn find(line: &[u8]) -> Option<Found<'_>> {
    let start = line.iter().rposition(|byte| *byte == b'$')?;
    Some(Found {
        bytes: &line[start + 1..],
        is_preceded: start > 0,
    })
}

/// Reads a sentence without its `$`.
///
/// # Errors
/// What is wrong with it; nothing of it may be used then.
pub fn read(bytes: &[u8]) -> Result<Sentence<'_>, FrameFault> {
    let star = bytes.len().checked_sub(5);
    let star = star.filter(|star| bytes[*star] == b'*');
    let (body, written) = bytes.split_at(star.ok_or(FrameFault::Checksum)?);
    if checksum(&written[1..]) != Some(crc16(body)) {
        return Err(FrameFault::Checksum);
    }
    // Neither UTF-8 nor GB18030 has a comma inside of a character.
    let mut fields = body.split(|byte| *byte == b',');
    let mut next = || fields.next().unwrap_or_default();
    match next() {
        b"PGR" => {
            let (address, number, age) = (next(), next(), next());
            let (plate, color, confidence, time) = (next(), next(), next(), next());
            Ok(Sentence::Reading(Fields {
                address: word("address", address)?,
                number: number_of("number", number)?,
                age_s: match number_of("age", age)? {
                    Some(digits) => Some(digits.parse().map_err(|_| FrameFault::Field("age"))?),
                    None => None,
                },
                plate: plate_text::read(plate).ok_or(FrameFault::Encoding)?,
                color: plate_text::decode(color).ok_or(FrameFault::Encoding)?,
                confidence: word("confidence", confidence)?,
                time: word("time", time)?,
            }))
        }
        b"PGH" => Ok(Sentence::Alive {
            address: word("address", next())?,
        }),
        _ => Ok(Sentence::Other),
    }
}

/// The question for a reading.
pub fn query(address: &str) -> Vec<u8> {
    compose(format!("PGQ,{address}").as_bytes())
}

/// A sentence of `body`, complete with its end.
pub fn compose(body: &[u8]) -> Vec<u8> {
    let mut sentence = vec![b'$'];
    sentence.extend(body);
    sentence.extend(format!("*{:04X}\r\n", crc16(body)).into_bytes());
    sentence
}

/// CRC-16/MODBUS: polynomial 0xA001 reflected, initially 0xFFFF.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0xffff, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte), |crc, _| match crc & 1 {
            1 => (crc >> 1) ^ 0xa001,
            _ => crc >> 1,
        })
    })
}

fn checksum(digits: &[u8]) -> Option<u16> {
    let text = std::str::from_utf8(digits).ok()?;
    let is_hex = text.bytes().all(|byte| byte.is_ascii_hexdigit());
    u16::from_str_radix(text, 16).ok().filter(|_| is_hex)
}

/// An ASCII field; None if it is empty.
fn word<'a>(name: &'static str, bytes: &'a [u8]) -> Result<Option<&'a str>, FrameFault> {
    let text = std::str::from_utf8(bytes)
        .ok()
        .filter(|text| text.is_ascii());
    let text = text.ok_or(FrameFault::Field(name))?.trim();
    Ok(Some(text).filter(|text| !text.is_empty()))
}

fn number_of<'a>(name: &'static str, bytes: &'a [u8]) -> Result<Option<&'a str>, FrameFault> {
    let text = word(name, bytes)?;
    let is_number = |text: &str| {
        text.len() <= NUMBER_BYTES_MAX && text.bytes().all(|byte| byte.is_ascii_digit())
    };
    match text {
        Some(text) if !is_number(text) => Err(FrameFault::Field(name)),
        text => Ok(text),
    }
}
