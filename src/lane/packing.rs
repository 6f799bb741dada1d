//! Values as a few dozen bytes, for what is kept in memory a hundred thousand times. Never on disk: the
//! form may change with any release.
//!
//! What many values have in common, such as lanes, boxes and boots, stands once in a table beside them.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::plate::{PlateColor, PlateNumber};
use super::time::{BootId, Moment, Now, Stamp, Wall};
use crate::json;

/// What packed values have in common. It grows with what is new in them, and nothing leaves it.
#[derive(Clone, Debug)]
pub struct Shared<F> {
    names: Table<Arc<str>>,
    boots: Table<BootId>,
    forms: Table<F>,
}

#[derive(Clone, Debug)]
struct Table<T> {
    values: Vec<T>,
    numbers: BTreeMap<T, u64>,
}

/// Packs one value.
pub struct Packer<'a, F> {
    out: Vec<u8>,
    shared: &'a mut Shared<F>,
}

/// Takes one value out of its bytes, field by field as it was packed.
pub struct Unpacker<'a, F> {
    bytes: &'a [u8],
    shared: &'a Shared<F>,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self {
            values: Vec::new(),
            numbers: BTreeMap::new(),
        }
    }
}

impl<T: Ord + Clone> Table<T> {
    fn enter(&mut self, value: T) -> u64 {
        let number = u64::try_from(self.values.len()).unwrap_or(u64::MAX);
        self.values.push(value.clone());
        self.numbers.insert(value, number);
        number
    }

    fn number_of(&mut self, value: &T) -> u64 {
        match self.numbers.get(value) {
            Some(number) => *number,
            None => self.enter(value.clone()),
        }
    }

    fn value(&self, number: u64) -> &T {
        let at = usize::try_from(number).unwrap_or(usize::MAX);
        &self.values[at]
    }
}

impl<F> Default for Shared<F> {
    fn default() -> Self {
        Self {
            names: Table::default(),
            boots: Table::default(),
            forms: Table::default(),
        }
    }
}

impl<'a, F: Ord + Clone> Packer<'a, F> {
    pub fn new(shared: &'a mut Shared<F>) -> Self {
        Self {
            out: Vec::with_capacity(128),
            shared,
        }
    }

    pub fn finish(self) -> Box<[u8]> {
        self.out.into_boxed_slice()
    }

    /// Seven bits a byte, the lowest first.
    pub fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.byte(u8::try_from(number & 0x7f).unwrap_or(0) | 0x80);
            number >>= 7;
        }
        self.byte(u8::try_from(number).unwrap_or(0));
    }

    /// As a number, with the sign lowest.
    pub fn signed(&mut self, number: i64) {
        self.number(number.cast_unsigned() << 1 ^ (number >> 63).cast_unsigned());
    }

    pub fn byte(&mut self, byte: u8) {
        self.out.push(byte);
    }

    pub fn text(&mut self, text: &str) {
        self.number(u64::try_from(text.len()).unwrap_or(u64::MAX));
        self.out.extend_from_slice(text.as_bytes());
    }

    /// A text that many values have.
    pub fn name(&mut self, name: &str) {
        let number = match self.shared.names.numbers.get(name) {
            Some(number) => *number,
            None => self.shared.names.enter(name.into()),
        };
        self.number(number);
    }

    /// Whatever else many values have.
    pub fn form(&mut self, form: &F) {
        let number = self.shared.forms.number_of(form);
        self.number(number);
    }

    /// What is rare or has many shapes.
    pub fn json<T: Serialize>(&mut self, value: &T) {
        let json = json::bytes(value);
        self.number(u64::try_from(json.len()).unwrap_or(u64::MAX));
        self.out.extend_from_slice(&json);
    }

    /// As [`Packer::json`], of what many values have.
    pub fn common<T: Serialize>(&mut self, value: &T) {
        let json = json::bytes(value);
        self.name(std::str::from_utf8(&json).unwrap_or_default());
    }

    pub fn plate(&mut self, plate: &PlateNumber) {
        let (text, shape) = plate.parts();
        self.byte(shape);
        self.text(text);
    }

    pub fn color(&mut self, color: Option<PlateColor>) {
        let at = PlateColor::ALL
            .iter()
            .position(|known| Some(*known) == color);
        self.byte(at.and_then(|at| u8::try_from(at + 1).ok()).unwrap_or(0));
    }

    pub fn wall(&mut self, wall: Wall) {
        self.signed(wall.0);
    }

    pub fn stamp(&mut self, stamp: &Stamp) {
        let Stamp { now, box_id } = stamp;
        let Now {
            moment,
            wall,
            trusted,
            boot,
        } = now;
        self.name(box_id);
        let boot = self.shared.boots.number_of(boot);
        self.number(boot << 1 | u64::from(*trusted));
        self.number(moment.0);
        self.wall(*wall);
    }
}

/// Bytes that [`Packer`] did not make, or that are read in another order, give anything.
impl<'a, F: Ord + Clone> Unpacker<'a, F> {
    pub fn new(bytes: &'a [u8], shared: &'a Shared<F>) -> Self {
        Self { bytes, shared }
    }

    pub fn number(&mut self) -> u64 {
        let (mut number, mut shift) = (0, 0);
        loop {
            let byte = self.byte();
            number |= u64::from(byte & 0x7f) << shift;
            shift += 7;
            if byte < 0x80 || shift > 63 {
                return number;
            }
        }
    }

    pub fn signed(&mut self) -> i64 {
        let number = self.number();
        (number >> 1).cast_signed() ^ -(number & 1).cast_signed()
    }

    pub fn byte(&mut self) -> u8 {
        match self.bytes.split_first() {
            Some((byte, rest)) => {
                self.bytes = rest;
                *byte
            }
            None => 0,
        }
    }

    pub fn text(&mut self) -> &'a str {
        std::str::from_utf8(self.counted()).unwrap_or_default()
    }

    pub fn name(&mut self) -> &'a str {
        let number = self.number();
        self.shared.names.value(number)
    }

    pub fn form(&mut self) -> &'a F {
        let number = self.number();
        self.shared.forms.value(number)
    }

    pub fn json<T: DeserializeOwned>(&mut self) -> T {
        serde_json::from_slice(self.counted()).expect("it was written from such a value")
    }

    pub fn common<T: DeserializeOwned>(&mut self) -> T {
        serde_json::from_slice(self.name().as_bytes()).expect("it was written from such a value")
    }

    pub fn plate(&mut self) -> PlateNumber {
        let shape = self.byte();
        PlateNumber::of_parts(self.counted(), shape).expect("it was packed from a plate")
    }

    pub fn color(&mut self) -> Option<PlateColor> {
        let at = usize::from(self.byte()).checked_sub(1)?;
        PlateColor::ALL.get(at).copied()
    }

    pub fn wall(&mut self) -> Wall {
        Wall(self.signed())
    }

    pub fn stamp(&mut self) -> Stamp {
        let box_id = self.name().to_owned();
        let (boot, moment, wall) = (self.number(), self.number(), self.wall());
        Stamp {
            now: Now {
                moment: Moment(moment),
                wall,
                trusted: boot & 1 == 1,
                boot: *self.shared.boots.value(boot >> 1),
            },
            box_id,
        }
    }

    fn counted(&mut self) -> &'a [u8] {
        let length = usize::try_from(self.number()).unwrap_or(usize::MAX);
        let (counted, rest) = self.bytes.split_at(length.min(self.bytes.len()));
        self.bytes = rest;
        counted
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_packed_is_unpacked(
            number: u64,
            signed: i64,
            text: String,
            moment: u64,
            wall: i64,
            trusted: bool,
            boot: u64,
            color in 0..=PlateColor::ALL.len(),
        ) {
            let mut shared: Shared<u8> = Shared::default();
            let stamp = Stamp {
                now: Now { moment: Moment(moment), wall: Wall(wall), trusted, boot: BootId(boot) },
                box_id: text.clone(),
            };
            let color = PlateColor::ALL.get(color).copied();
            let mut packer = Packer::new(&mut shared);
            packer.number(number);
            packer.signed(signed);
            packer.text(&text);
            packer.stamp(&stamp);
            packer.color(color);
            packer.form(&7);
            packer.json(&stamp);
            let bytes = packer.finish();
            let mut unpacker = Unpacker::new(&bytes, &shared);
            prop_assert_eq!(unpacker.number(), number);
            prop_assert_eq!(unpacker.signed(), signed);
            prop_assert_eq!(unpacker.text(), &text);
            prop_assert_eq!(unpacker.stamp(), stamp.clone());
            prop_assert_eq!(unpacker.color(), color);
            prop_assert_eq!(unpacker.form(), &7);
            prop_assert_eq!(unpacker.json::<Stamp>(), stamp);
            prop_assert!(unpacker.bytes.is_empty());
        }
    }

    #[test]
    fn plates_of_every_shape_come_back() {
        for text in [
            "粤B12345",
            "粤BD12345",
            "粤B12345D",
            "粤BX1234应急",
            "WJ粤1234X",
            "民航B1234",
        ] {
            let plate = PlateNumber::parse(text).unwrap().plate;
            let mut shared: Shared<()> = Shared::default();
            let mut packer = Packer::new(&mut shared);
            packer.plate(&plate);
            let bytes = packer.finish();
            let unpacked = Unpacker::new(&bytes, &shared).plate();
            assert_eq!((unpacked.shape(), &unpacked), (plate.shape(), &plate));
        }
    }
}
