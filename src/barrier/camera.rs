//! The relay output of a VZ camera.

use std::sync::Arc;

use super::{Barrier, Health, RaiseOrder, State};
use crate::camera::mqtt::Link;
use crate::camera::vz_mqtt::{OutputValue, VzCommand};

/// See the module.
pub struct CameraRelay {
    pub link: Arc<Link>,
    pub camera_id: String,
    /// From 0.
    pub output: u8,
    /// Length of the pulse, milliseconds.
    pub pulse_ms: u16,
}

impl Barrier for CameraRelay {
    fn raise(&self, order: &RaiseOrder) -> Result<(), String> {
        let command = VzCommand::GpioOut {
            io: self.output,
            value: OutputValue::Pulse,
            delay_ms: self.pulse_ms,
        };
        let id = order.command_id.clone();
        self.link
            .send(&self.camera_id, &command, id, order.valid_until)
            .map_err(|not_sent| not_sent.to_string())
    }

    fn state(&self) -> State {
        State {
            driver: "camera",
            device: format!("output {} of camera {}", self.output, self.camera_id),
            health: match self.link.is_up() {
                true => Health::Ready,
                false => Health::Failed("there is no connection to the broker".to_owned()),
            },
        }
    }

    fn needs_camera(&self) -> bool {
        true
    }
}
