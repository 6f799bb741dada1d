//! Who uses which serial port: a port has one user, but for cameras that say which of them speaks.

use std::path::{Path, PathBuf};

use super::document::{Need, Section};
use super::lane::Lane;
use super::text::TextCamera;
use crate::serial::Parity;

/// How a serial line checks its bytes.
pub(super) fn parity(section: &mut Section<'_>) -> Option<Parity> {
    section.choice(
        "parity",
        Some("none"),
        &[
            ("none", Parity::None),
            ("even", Parity::Even),
            ("odd", Parity::Odd),
        ],
        &[],
    )
}

/// How a serial line ends its bytes.
pub(super) fn stop_bits(section: &mut Section<'_>) -> Option<u8> {
    let bits = section.integer("stop_bits", Need::Default("1".into()), 1..=2)?;
    u8::try_from(bits).ok()
}

/// The serial ports of the lanes so far.
#[derive(Default)]
pub(super) struct Ports {
    cameras: Vec<(String, TextCamera)>,
    barriers: Vec<(String, PathBuf)>,
}

impl Ports {
    /// Takes in the ports of one more lane, which `section` is of, and notes contradictions.
    pub(super) fn add(&mut self, section: &Section<'_>, lane: &Lane) {
        // Whatever the driver is, and whether it is understood or not.
        let barrier = section.given("barrier.port");
        let barrier = barrier.and_then(|port| port.get_ref().as_str());
        if let Some(port) = barrier {
            self.refuse_as_barrier(section, Path::new(port));
            self.barriers.push((lane.id.clone(), port.into()));
        }
        if let Some(camera) = lane.camera.text() {
            self.refuse_as_camera(section, camera);
            self.cameras.push((lane.id.clone(), camera.clone()));
        }
    }

    fn refuse_as_barrier(&self, section: &Section<'_>, port: &Path) {
        let mut cameras = self.cameras.iter();
        if let Some((lane, _)) = cameras.find(|(_, camera)| camera.line.port.path == port) {
            let text = format!(
                "is the port of lane {lane:?}'s camera; a port has one user, give the barrier one \
                 of its own"
            );
            section.fault("barrier.port", text);
        }
    }

    fn refuse_as_camera(&self, section: &Section<'_>, camera: &TextCamera) {
        let path = &camera.line.port.path;
        if let Some((lane, _)) = self.barriers.iter().find(|(_, port)| port == path) {
            let text = format!(
                "is the port of lane {lane:?}'s barrier; a port has one user, give the camera one \
                 of its own"
            );
            return section.fault("camera.port", text);
        }
        let on_port = self
            .cameras
            .iter()
            .filter(|(_, other)| other.line.port.path == *path);
        for (lane, other) in on_port {
            refuse_one_another(section, camera, other, lane);
        }
    }
}

fn refuse_one_another(
    section: &Section<'_>,
    camera: &TextCamera,
    other: &TextCamera,
    other_lane: &str,
) {
    if !camera.shares_line_with(other) {
        let text = format!(
            "lane {other_lane:?} opens this port with other settings; write the same baud, parity, \
             stop_bits, rs485, pattern and confidence_max in both"
        );
        section.fault("camera.port", text);
    } else if camera.address.is_none() || other.address.is_none() {
        let text = format!(
            "lane {other_lane:?} has a camera on this port, and nothing tells the two apart; give \
             each an address"
        );
        section.fault("camera.port", text);
    } else if camera.address == other.address {
        let text = format!("is the address of lane {other_lane:?}'s camera; write another one");
        section.fault("camera.address", text);
    }
}
