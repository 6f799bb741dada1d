//! `barrier` of a `[[lane]]`: what moves the arm.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::document::{Need, Section, Takes};
use super::lane::Lane;
use super::port;
use super::value::{shortened, wrong_type};
use crate::barrier::gpio::LineName;
use crate::serial::{Parity, PortSettings};

/// What moves the arm.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "driver", rename_all = "snake_case")]
pub enum Barrier {
    /// A relay output of the lane's camera.
    Camera {
        /// From 0.
        output: u8,
        pulse_ms: u64,
    },
    /// A relay on a line of the box's own GPIO chip.
    Gpio(Gpio),
    /// A relay of a Modbus RTU board.
    Modbus(Modbus),
}

/// A relay on a line, and what else hangs on the chip.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gpio {
    pub chip: PathBuf,
    pub line: LineName,
    /// Whether a low level closes the relay.
    pub active_low: bool,
    pub pulse_ms: u64,
    /// The arm's upper limit switch.
    pub arm_up_line: Option<LineName>,
    pub arm_up_active_low: bool,
    /// The loop under the arm.
    pub loop_line: Option<LineName>,
    pub loop_active_low: bool,
    pub debounce_ms: u64,
}

/// A relay of a board.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Modbus {
    pub port: PortSettings,
    /// The board's address.
    pub unit: u8,
    /// From 0.
    pub coil: u16,
    pub pulse_ms: u64,
}

#[derive(Clone, Copy)]
enum Driver {
    Camera,
    Gpio,
    Modbus,
}

impl Barrier {
    pub(super) fn read(section: &mut Section<'_>) -> Self {
        let driver = section.choice(
            "driver",
            None,
            &[
                ("camera", Driver::Camera),
                ("gpio", Driver::Gpio),
                ("modbus", Driver::Modbus),
            ],
            &["serial"],
        );
        let pulse_ms = section
            .duration_ms("pulse", Need::Default("\"500ms\"".into()), 500, 500..=5000)
            .unwrap_or_default();
        match driver {
            Some(Driver::Camera) => camera(section, pulse_ms),
            Some(Driver::Gpio) => Self::Gpio(Gpio::read(section, pulse_ms)),
            Some(Driver::Modbus) => Self::Modbus(Modbus::read(section, pulse_ms)),
            None => {
                section.allow_unknown();
                section.perhaps(|section| {
                    let barrier = camera(section, pulse_ms);
                    Gpio::read(section, pulse_ms);
                    Modbus::read(section, pulse_ms);
                    barrier
                })
            }
        }
    }
}

fn camera(section: &mut Section<'_>, pulse_ms: u64) -> Barrier {
    let output = section.small("output", Need::Default("0".into()), 3);
    Barrier::Camera {
        output: output.unwrap_or_default(),
        pulse_ms,
    }
}

impl Gpio {
    fn read(section: &mut Section<'_>, pulse_ms: u64) -> Self {
        let before = section.faults();
        let chip = section.path("chip", Need::Required);
        let line = line_name(section, "line", Need::Required);
        let active_low = level(section, "active", None);
        let arm_up_line = line_name(section, "arm_up_line", Need::Optional);
        let arm_up_active_low = level(section, "arm_up_active", Some("arm_up_line"));
        let loop_line = line_name(section, "loop_line", Need::Optional);
        let loop_active_low = level(section, "loop_active", Some("loop_line"));
        let debounce_ms =
            section.duration_ms("debounce", Need::Default("\"20ms\"".into()), 20, 1..=1000);
        let gpio = Self {
            chip: chip.unwrap_or_default(),
            line: line.unwrap_or(LineName::Offset(0)),
            active_low,
            pulse_ms,
            arm_up_line,
            arm_up_active_low,
            loop_line,
            loop_active_low,
            debounce_ms: debounce_ms.unwrap_or_default(),
        };
        if section.faults() == before && section.has("line") {
            gpio.check(section);
        }
        gpio
    }

    /// Each of its lines is another one.
    fn check(&self, section: &Section<'_>) {
        let lines = self.lines();
        for (number, (key, line)) in lines.iter().enumerate() {
            let earlier = lines.iter().take(number);
            if let Some((taken_by, _)) = earlier.clone().find(|(_, other)| other == line) {
                let text = format!("line {line} is {taken_by} already; write another line");
                section.fault(key, text);
            }
        }
    }

    fn lines(&self) -> Vec<(&'static str, &LineName)> {
        let optional = [
            ("arm_up_line", &self.arm_up_line),
            ("loop_line", &self.loop_line),
        ];
        let optional = optional
            .into_iter()
            .filter_map(|(key, line)| Some((key, line.as_ref()?)));
        std::iter::once(("line", &self.line))
            .chain(optional)
            .collect()
    }
}

impl Modbus {
    fn read(section: &mut Section<'_>, pulse_ms: u64) -> Self {
        let path = section.path("port", Need::Required);
        let baud = section.integer("baud", Need::Default("9600".into()), 1200..=230_400);
        let parity = port::parity(section);
        let stop_bits = port::stop_bits(section);
        let unit = section.integer("unit", Need::Default("1".into()), 1..=247);
        let coil = section.integer("coil", Need::Default("0".into()), 0..=65_535);
        Self {
            port: PortSettings {
                path: path.unwrap_or_default(),
                baud: small(baud),
                parity: parity.unwrap_or(Parity::None),
                stop_bits: stop_bits.unwrap_or_default(),
            },
            unit: small(unit),
            coil: small(coil),
            pulse_ms,
        }
    }
}

/// Notes what a lane's barrier has in common with another lane's and must not.
pub(super) fn compare(section: &Section<'_>, lane: &Lane, other: &Lane) {
    match (&lane.barrier, &other.barrier) {
        (Barrier::Gpio(own), Barrier::Gpio(others)) if own.chip == others.chip => {
            let taken: Vec<&LineName> = others.lines().iter().map(|(_, line)| *line).collect();
            for (key, line) in own.lines() {
                if section.has(&format!("barrier.{key}")) && taken.contains(&line) {
                    let text = format!(
                        "line {line} of this chip is lane {:?}'s already; write another line",
                        other.id
                    );
                    section.fault(&format!("barrier.{key}"), text);
                }
            }
        }
        (Barrier::Modbus(own), Barrier::Modbus(others)) if own.port.path == others.port.path => {
            own.compare(section, others, &other.id);
        }
        _ => {}
    }
}

impl Modbus {
    fn compare(&self, section: &Section<'_>, others: &Self, other_id: &str) {
        if !section.has("barrier.port") {
            return;
        }
        let (own, theirs) = (&self.port, &others.port);
        let settings = [
            ("baud", own.baud == theirs.baud, theirs.baud.to_string()),
            (
                "parity",
                own.parity == theirs.parity,
                format!("\"{}\"", theirs.parity),
            ),
            (
                "stop_bits",
                own.stop_bits == theirs.stop_bits,
                theirs.stop_bits.to_string(),
            ),
        ];
        for (key, same, theirs) in settings {
            if !same {
                let text = format!(
                    "lane {other_id:?} opens this port with {theirs}, and a port has one setting; write {key} = {theirs}"
                );
                section.fault(&format!("barrier.{key}"), text);
            }
        }
        if (self.unit, self.coil) == (others.unit, others.coil) {
            let text = format!(
                "coil {} of unit {} is the relay of lane {other_id:?} already; write another coil or unit",
                self.coil, self.unit
            );
            section.fault("barrier.coil", text);
        }
    }
}

/// A name in quotes, or an offset without.
fn line_name(section: &mut Section<'_>, key: &'static str, need: Need) -> Option<LineName> {
    const RANGE: &str = "name, or number from 0";
    let value = section.value(key, need, RANGE, Takes::Text)?;
    let found = value.get_ref();
    let line = match (found.as_str(), found.as_integer()) {
        (Some(text), _) => name(text),
        (_, Some(number)) => u32::from_str_radix(number.as_str(), number.radix())
            .map(LineName::Offset)
            .map_err(|_| {
                let found = section.excerpt(value);
                format!("{found} is no line; write its number on the chip, from 0")
            }),
        _ => Err(wrong_type(
            value,
            "the line's name in quotes, or its number without",
        )),
    };
    match line {
        Ok(line) => Some(line),
        Err(text) => {
            section.note(key, &value.span(), text);
            None
        }
    }
}

fn name(text: &str) -> Result<LineName, String> {
    let shown = shortened(text);
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(format!(
            "{shown:?} is a number in quotes; write {shown} for a number, or the line's name"
        ));
    }
    // The kernel's names have at most 31 bytes.
    match (1..=31).contains(&text.len()) && !text.contains(char::is_control) {
        true => Ok(LineName::Name(text.to_owned())),
        false => Err(format!(
            "{shown:?} is no name of a line; `gpioinfo` shows them"
        )),
    }
}

/// Whether a low level means *active*; `of` is the key of the line, if it may be left out.
fn level(section: &mut Section<'_>, key: &'static str, of: Option<&'static str>) -> bool {
    let low = section.choice(key, Some("high"), &[("high", false), ("low", true)], &[]);
    if let Some(of) = of
        && section.has(key)
        && !section.has(of)
    {
        section.fault(key, format!("of no line; add {of} = …, or leave it out"));
    }
    low.unwrap_or_default()
}

/// A number whose range was checked. A faulty one is never used.
fn small<T: TryFrom<u64> + Default>(number: Option<u64>) -> T {
    let number = number.and_then(|number| T::try_from(number).ok());
    number.unwrap_or_default()
}
