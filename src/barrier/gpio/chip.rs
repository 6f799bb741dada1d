//! The lines of a GPIO chip, through the kernel's character device. Nothing here decides anything:
//! what does is tested on a chip that does not exist.

use std::path::{Path, PathBuf};
use std::time::Duration;

use gpiocdev::Request;
use gpiocdev::chip::Chip as Device;
use gpiocdev::line::{EdgeDetection, EdgeKind, Offset, Value};
use gpiocdev::request::Builder;

use super::{Line, LineName};

/// Where lines come from.
pub trait Chip: Send {
    /// Takes a line as an output that is inactive. It is given back when the output is dropped.
    ///
    /// # Errors
    /// See [`LineFault`].
    fn output(&self, line: &Line) -> Result<Box<dyn Output>, LineFault>;

    /// Takes a line as an input that tells its edges.
    ///
    /// # Errors
    /// See [`LineFault`].
    fn input(&self, line: &Line, debounce: Duration) -> Result<Box<dyn Input>, LineFault>;
}

/// A line that is driven.
pub trait Output {
    /// Drives it.
    ///
    /// # Errors
    /// When it is not known to be driven so.
    fn set(&mut self, active: bool) -> Result<(), LineFault>;
}

/// A line that is listened to.
pub trait Input {
    /// Its level now.
    ///
    /// # Errors
    /// When the chip does not say.
    fn is_active(&mut self) -> Result<bool, LineFault>;

    /// Waits for its next edge; what it then is, or None if there was none in that time.
    ///
    /// # Errors
    /// When the chip says nothing any more.
    fn edge(&mut self, at_most: Duration) -> Result<Option<bool>, LineFault>;
}

/// Why a line cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineFault {
    #[error("{} is not there; `gpiodetect` lists the chips of this box", .0.display())]
    NoChip(PathBuf),
    #[error("{} is no GPIO chip; `gpiodetect` lists those of this box", .0.display())]
    NotAChip(PathBuf),
    #[error("{} may not be opened; let parkgate's user into its group, often gpio", .0.display())]
    Forbidden(PathBuf),
    #[error("{} has no line {line}; `gpioinfo` lists them", .chip.display())]
    NoLine { chip: PathBuf, line: LineName },
    #[error(
        "line {line} of {} is in use; `gpioinfo` tells by whom: a driver of the kernel, another \
         program, or a second lane", .chip.display()
    )]
    InUse { chip: PathBuf, line: LineName },
    #[error("line {line} of {} does not work: {detail}", .chip.display())]
    Other {
        chip: PathBuf,
        line: LineName,
        detail: String,
    },
}

/// The kernel's chips.
pub struct KernelChip;

impl Chip for KernelChip {
    fn output(&self, line: &Line) -> Result<Box<dyn Output>, LineFault> {
        let request = request_for(line)?.as_output(Value::Inactive).request();
        Ok(Box::new(KernelLine::new(line, request)?))
    }

    fn input(&self, line: &Line, debounce: Duration) -> Result<Box<dyn Input>, LineFault> {
        let request = request_for(line)?
            .as_input()
            .with_edge_detection(EdgeDetection::BothEdges)
            .with_debounce_period(debounce)
            .request();
        Ok(Box::new(KernelLine::new(line, request)?))
    }
}

/// Shown by `gpioinfo`.
const CONSUMER: &str = "parkgate";

struct KernelLine {
    line: Line,
    request: Request,
}

impl KernelLine {
    fn new(line: &Line, request: gpiocdev::Result<Request>) -> Result<Self, LineFault> {
        Ok(Self {
            line: line.clone(),
            request: request.map_err(|error| fault(line, &error))?,
        })
    }
}

impl Output for KernelLine {
    fn set(&mut self, active: bool) -> Result<(), LineFault> {
        let value = if active {
            Value::Active
        } else {
            Value::Inactive
        };
        let set = self.request.set_lone_value(value);
        set.map_err(|error| fault(&self.line, &error))
    }
}

impl Input for KernelLine {
    fn is_active(&mut self) -> Result<bool, LineFault> {
        let value = self.request.lone_value();
        let value = value.map_err(|error| fault(&self.line, &error))?;
        Ok(value == Value::Active)
    }

    fn edge(&mut self, at_most: Duration) -> Result<Option<bool>, LineFault> {
        let line = &self.line;
        let waited = self.request.wait_edge_event(at_most);
        if !waited.map_err(|error| fault(line, &error))? {
            return Ok(None);
        }
        let edge = self.request.read_edge_event();
        let edge = edge.map_err(|error| fault(line, &error))?;
        Ok(Some(edge.kind == EdgeKind::Rising))
    }
}

fn request_for(line: &Line) -> Result<Builder, LineFault> {
    let mut builder = Request::builder();
    builder
        .on_chip(&line.chip)
        .with_consumer(CONSUMER)
        .with_line(offset(line)?);
    match line.active_low {
        true => builder.as_active_low(),
        false => builder.as_active_high(),
    };
    Ok(builder)
}

/// Where the line is on its chip, if nobody else has it.
fn offset(line: &Line) -> Result<Offset, LineFault> {
    let device = Device::from_path(&line.chip).map_err(|error| chip_fault(&line.chip, &error))?;
    let lines = device
        .info()
        .map_err(|error| fault(line, &error))?
        .num_lines;
    let info = match &line.name {
        LineName::Name(name) => device.find_line_info(name),
        LineName::Offset(offset) if *offset < lines => {
            let info = device.line_info(*offset);
            Some(info.map_err(|error| fault(line, &error))?)
        }
        LineName::Offset(_) => None,
    };
    let (chip, name) = (line.chip.clone(), line.name.clone());
    match info {
        None => Err(LineFault::NoLine { chip, line: name }),
        Some(info) if info.used => Err(LineFault::InUse { chip, line: name }),
        Some(info) => Ok(info.offset),
    }
}

fn chip_fault(chip: &Path, error: &gpiocdev::Error) -> LineFault {
    match error {
        gpiocdev::Error::Os(errno) if [libc::EACCES, libc::EPERM].contains(&errno.0) => {
            LineFault::Forbidden(chip.to_owned())
        }
        gpiocdev::Error::Os(_) => LineFault::NoChip(chip.to_owned()),
        _ => LineFault::NotAChip(chip.to_owned()),
    }
}

fn fault(line: &Line, error: &gpiocdev::Error) -> LineFault {
    LineFault::Other {
        chip: line.chip.clone(),
        line: line.name.clone(),
        detail: error.to_string(),
    }
}
