//! From a command to a message.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Serialize;

use super::topic::Layout;
use crate::camera::local_time;
use crate::json;
use crate::lane::plate::PlateNumber;
use crate::lane::time::Wall;

/// What a pulse may last over MQTT.
const PULSE_MS: std::ops::RangeInclusive<u16> = 500..=5000;

/// A command to a camera and to what hangs behind it.
#[derive(Clone, Debug, PartialEq)]
pub enum VzCommand {
    /// Drives an output, from 0; 0 is the first relay. The pulse is clamped to 500–5000 ms.
    GpioOut {
        io: u8,
        value: OutputValue,
        delay_ms: u16,
    },
    /// Raises the barrier without naming an output. Protocol 1.1.14 and later; older cameras answer
    /// 405 or not at all.
    GateDirectOpen,
    /// Holds an output. Lost when the camera restarts; after a release `GpioOut` may need one extra
    /// pulse before it works again.
    SetIoLock { io: u8, lock: IoLock },
    /// Asks for a recognition now; it arrives as an ordinary reading.
    Trigger,
    /// Sends bytes out of the camera's serial port.
    SerialData {
        channel: u8,
        bytes: Vec<u8>,
        interval_ms: u16,
    },
    /// Speaks through the camera's own speaker; the volume is clamped to 1–100.
    TtsVoice {
        text: String,
        female: bool,
        volume: u8,
    },
    /// Sets the camera's clock. Only from a box that knows the time itself.
    SetTime { at: Wall },
    /// Puts a plate on the list by which the camera opens alone.
    WhiteListAdd {
        plate: PlateNumber,
        from: Wall,
        until: Wall,
        form: WhiteListForm,
    },
}

/// What to do with an output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutputValue {
    Off,
    On,
    /// On, then off after the delay, by the camera itself: nothing stays energised if the box dies.
    Pulse,
}

/// How an output is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IoLock {
    Release,
    High,
    Low,
}

/// What descriptions of the white list disagree on; to be verified on the device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WhiteListForm {
    /// The word for adding.
    pub operator_type: String,
    /// Whether the plate is written in base64.
    pub plate_in_base64: bool,
}

impl Default for WhiteListForm {
    fn default() -> Self {
        Self {
            operator_type: "update_or_add".into(),
            plate_in_base64: true,
        }
    }
}

/// A message to publish, never retained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    pub topic: String,
    pub payload: Vec<u8>,
}

/// Writes a command to the camera `serial`, spelt and laid out as it was heard. The camera echoes
/// `id` in its reply.
pub fn encode(layout: Layout, serial: &str, command: &VzCommand, id: &str, at: Wall) -> Outgoing {
    let name = command.name();
    let message = Message {
        id,
        sn: serial,
        name,
        version: "1.0",
        timestamp: at.0.div_euclid(1000),
        payload: command.payload(),
    };
    Outgoing {
        topic: layout.command(serial, name),
        payload: json::bytes(&message),
    }
}

#[derive(Serialize)]
struct Message<'a> {
    id: &'a str,
    sn: &'a str,
    name: &'static str,
    version: &'static str,
    timestamp: i64,
    payload: Option<Payload<'a>>,
}

#[derive(Serialize)]
struct Payload<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    body: Body<'a>,
}

/// What each command says, in the device's words.
#[derive(Serialize)]
#[serde(untagged)]
enum Body<'a> {
    Empty {},
    GpioOut {
        io: u8,
        value: u8,
        delay: u16,
    },
    IoLock {
        ioout: u8,
        status: u8,
    },
    #[serde(rename_all = "camelCase")]
    Serial {
        interval: u16,
        serial_data: [SerialData; 1],
    },
    Voice {
        voice_male: u8,
        voice_volume: u8,
        voice_data: String,
    },
    /// Beijing wall clock, in strings of two digits.
    Time {
        year: String,
        month: String,
        day: String,
        hour: String,
        min: String,
        sec: String,
    },
    WhiteList {
        operator_type: &'a str,
        dldb_rec: [Listed; 1],
    },
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SerialData {
    serial_channel: u8,
    data: String,
    data_len: usize,
}

#[derive(Serialize)]
struct Listed {
    plate: String,
    enable: u8,
    need_alarm: u8,
    enable_time: String,
    overdue_time: String,
    time_seg_enable: u8,
    seg_time_start: &'static str,
    seg_time_end: &'static str,
    context: &'static str,
}

impl VzCommand {
    fn name(&self) -> &'static str {
        match self {
            Self::GpioOut { .. } => "gpio_out",
            Self::GateDirectOpen => "gate_direct_open",
            Self::SetIoLock { .. } => "set_io_lock_status",
            Self::Trigger => "ivs_trigger",
            Self::SerialData { .. } => "serial_data",
            Self::TtsVoice { .. } => "tts_voice",
            Self::SetTime { .. } => "set_time",
            Self::WhiteListAdd { .. } => "white_list_operator",
        }
    }

    fn payload(&self) -> Option<Payload<'_>> {
        let kind = match self {
            Self::GateDirectOpen => return None,
            Self::TtsVoice { .. } => "play_voice",
            _ => self.name(),
        };
        let body = self.body();
        Some(Payload { kind, body })
    }

    fn body(&self) -> Body<'_> {
        match self {
            Self::GpioOut {
                io,
                value,
                delay_ms,
            } => Body::GpioOut {
                io: *io,
                value: match value {
                    OutputValue::Off => 0,
                    OutputValue::On => 1,
                    OutputValue::Pulse => 2,
                },
                delay: *delay_ms.clamp(PULSE_MS.start(), PULSE_MS.end()),
            },
            Self::SetIoLock { io, lock } => Body::IoLock {
                ioout: *io,
                status: match lock {
                    IoLock::Release => 0,
                    IoLock::High => 1,
                    IoLock::Low => 2,
                },
            },
            Self::GateDirectOpen | Self::Trigger => Body::Empty {},
            Self::SerialData {
                channel,
                bytes,
                interval_ms,
            } => Body::Serial {
                interval: *interval_ms,
                serial_data: [SerialData {
                    serial_channel: *channel,
                    data: BASE64.encode(bytes),
                    data_len: bytes.len(),
                }],
            },
            Self::TtsVoice {
                text,
                female,
                volume,
            } => Body::Voice {
                voice_male: u8::from(*female),
                voice_volume: *volume.clamp(&1, &100),
                voice_data: BASE64.encode(text),
            },
            Self::SetTime { at } => set_time(*at),
            Self::WhiteListAdd {
                plate,
                from,
                until,
                form,
            } => Body::WhiteList {
                operator_type: &form.operator_type,
                dldb_rec: [Listed {
                    plate: if form.plate_in_base64 {
                        BASE64.encode(plate.as_str())
                    } else {
                        plate.as_str().to_owned()
                    },
                    enable: 1,
                    need_alarm: 0,
                    enable_time: date_and_time(*from),
                    overdue_time: date_and_time(*until),
                    time_seg_enable: 0,
                    seg_time_start: "00:00:00",
                    seg_time_end: "00:00:00",
                    context: "",
                }],
            },
        }
    }
}

fn set_time(at: Wall) -> Body<'static> {
    let Some(local) = local_time::local_of(at) else {
        return Body::Empty {};
    };
    Body::Time {
        year: format!("{:04}", local.year()),
        month: format!("{:02}", local.month()),
        day: format!("{:02}", local.day()),
        hour: format!("{:02}", local.hour()),
        min: format!("{:02}", local.minute()),
        sec: format!("{:02}", local.second()),
    }
}

fn date_and_time(wall: Wall) -> String {
    local_time::local_of(wall)
        .map(|local| local.strftime("%Y-%m-%d %H:%M:%S").to_string())
        .unwrap_or_default()
}
