//! Cameras that say their readings as lines of text over a serial line.
//!
//! Either the sentence of docs/devices.md, which parkgate defines for makers of small boards and
//! which carries a checksum, or any other line that a configured pattern takes apart. No vendor's
//! protocol stands behind this dialect.

mod fields;
mod lines;
mod pattern;
mod sentence;

use serde::{Deserialize, Serialize};

use super::serial::{Dialect, Frame, FrameFault, Query};
use super::{CameraEvent, Report};
use crate::lane::time::Now;
use fields::Fields;
use lines::{Line, Lines};
use sentence::Sentence;

pub use pattern::{Pattern, PatternFault};

/// How the cameras of one port write.
#[derive(Clone, Debug)]
pub struct Settings {
    /// None: the sentence of docs/devices.md.
    pub pattern: Option<Pattern>,
    /// The confidence that means *certain*.
    pub confidence_max: u32,
    /// At least one.
    pub cameras: Vec<Camera>,
}

/// One camera on the line.
#[derive(Clone, Debug)]
pub struct Camera {
    /// Named in its events.
    pub id: String,
    /// What it calls itself in its lines. None: every line of the port is its own.
    pub address: Option<String>,
    /// What it is asked with, if it speaks only when asked.
    pub query: Option<Ask>,
}

/// A question that is put again and again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ask {
    /// The bytes, with a pattern; without one the sentence is made from the address.
    pub text: Option<String>,
    pub every_ms: u64,
}

/// The dialect of one port.
pub struct Text {
    settings: Settings,
    lines: Lines,
}

impl Text {
    /// Reads lines as `settings` say.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            lines: Lines::default(),
        }
    }

    fn read(&self, line: &Line, received: Now, frames: &mut Vec<Frame>) {
        let said = match &self.settings.pattern {
            None => self.sentence(line, received, frames),
            Some(pattern) => self.matched(pattern, line, received, frames),
        };
        match said {
            Ok(Some(event)) => frames.push(Frame::Good(Box::new(event))),
            Ok(None) => {}
            Err(fault) => frames.push(Frame::Bad(fault)),
        }
    }

    fn sentence(
        &self,
        line: &Line,
        received: Now,
        frames: &mut Vec<Frame>,
    ) -> Result<Option<CameraEvent>, FrameFault> {
        let Some(found) = sentence::find(&line.bytes) else {
            frames.push(Frame::Skipped);
            return Ok(None);
        };
        if found.is_preceded || line.is_cut {
            frames.push(Frame::Skipped);
        }
        let (address, report) = match sentence::read(found.bytes)? {
            Sentence::Reading(fields) => {
                let address = fields.address;
                (address, self.reading(fields, received)?)
            }
            Sentence::Alive { address } => (address, Report::Heartbeat),
            Sentence::Other => return Ok(None),
        };
        self.event(address, received, report).map(Some)
    }

    fn matched(
        &self,
        pattern: &Pattern,
        line: &Line,
        received: Now,
        frames: &mut Vec<Frame>,
    ) -> Result<Option<CameraEvent>, FrameFault> {
        // Without a checksum, the end of a line that was too long could pass for a line.
        if line.is_cut {
            return Err(FrameFault::TooLong);
        }
        let bytes = lines::without_noise(&line.bytes);
        if bytes.len() < line.bytes.len() {
            frames.push(Frame::Skipped);
        }
        if bytes.is_empty() {
            return Ok(None);
        }
        let text = pattern.read(bytes)?;
        let fields = text.fields();
        let address = fields.address;
        let report = self.reading(fields, received)?;
        self.event(address, received, report).map(Some)
    }

    fn reading(&self, fields: Fields<'_>, received: Now) -> Result<Report, FrameFault> {
        fields::reading(fields, self.settings.confidence_max, received).map(Report::Read)
    }

    fn event(
        &self,
        address: Option<&str>,
        received: Now,
        report: Report,
    ) -> Result<CameraEvent, FrameFault> {
        let is_it = |camera: &&Camera| match &camera.address {
            Some(own) => address == Some(own),
            None => true,
        };
        let camera = self.settings.cameras.iter().find(is_it);
        Ok(CameraEvent {
            camera_id: camera.ok_or(FrameFault::Stranger)?.id.clone(),
            received,
            // A reading is as old as its arrival: what the camera says about time is evidence.
            sent_at: None,
            retained: false,
            report,
        })
    }
}

impl Dialect for Text {
    fn take(&mut self, bytes: &[u8], received: Now) -> Vec<Frame> {
        let mut frames = Vec::new();
        for line in self.lines.take(bytes) {
            self.read(&line, received, &mut frames);
        }
        frames
    }

    fn is_midway(&self) -> bool {
        self.lines.is_midway()
    }

    fn forget(&mut self) -> bool {
        self.lines.forget()
    }

    fn queries(&self) -> Vec<Query> {
        let query = |camera: &Camera| {
            let ask = camera.query.as_ref()?;
            let address = camera.address.as_deref().unwrap_or_default();
            Some(Query {
                bytes: match &ask.text {
                    Some(text) => text.clone().into_bytes(),
                    None => sentence::query(address),
                },
                every_ms: ask.every_ms,
            })
        };
        self.settings.cameras.iter().filter_map(query).collect()
    }
}

#[cfg(test)]
mod tests;
