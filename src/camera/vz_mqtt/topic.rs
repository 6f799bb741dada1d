//! Topics. The camera's web page can set them freely; these are the layouts in use.

/// Longer serials are not serials.
const SERIAL_BYTES_MAX: usize = 64;

/// How a camera arranges its topics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Layout {
    /// `device/{sn}/message/…`, as documented.
    #[default]
    Documented,
    /// `{sn}/device/message/…`, seen in the field.
    SerialFirst,
    /// `$/device/{sn}/message/…`, of one platform. Some brokers refuse it.
    Dollar,
}

/// What a topic is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind<'a> {
    /// A message of the camera.
    Up(&'a str),
    /// A command to the camera.
    Down(&'a str),
    /// Its reply to one.
    Reply(&'a str),
}

/// A topic, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Topic<'a> {
    /// Where the serial stands.
    pub layout: Layout,
    /// The serial as the camera writes it; it writes it so in every topic.
    pub serial: &'a str,
    /// What it is for.
    pub kind: Kind<'a>,
}

impl<'a> Topic<'a> {
    /// Takes a topic apart; None if it is no topic of this dialect.
    pub fn parse(topic: &'a str) -> Option<Self> {
        let mut levels = [""; 7];
        let mut count = 0;
        for level in topic.split('/') {
            *levels.get_mut(count)? = level;
            count += 1;
        }
        let (layout, serial, rest) = match levels[..count] {
            ["device", serial, "message", ..] => (Layout::Documented, serial, 3),
            [serial, "device", "message", ..] => (Layout::SerialFirst, serial, 3),
            ["$", "device", serial, "message", ..] => (Layout::Dollar, serial, 4),
            _ => return None,
        };
        let kind = match levels[rest..count] {
            ["up", name] => Kind::Up(name),
            ["down", name] => Kind::Down(name),
            ["down", name, "reply"] => Kind::Reply(name),
            _ => return None,
        };
        let known = !serial.trim().is_empty() && serial.len() <= SERIAL_BYTES_MAX;
        known.then_some(Self {
            layout,
            serial,
            kind,
        })
    }

    /// The serial as parkgate names the camera: trimmed, lower case.
    pub fn camera_id(&self) -> String {
        camera_id(self.serial)
    }
}

impl Layout {
    /// All of them, the documented one first.
    pub const ALL: [Self; 3] = [Self::Documented, Self::SerialFirst, Self::Dollar];

    /// The topic of the command `name` to a camera.
    pub fn command(self, serial: &str, name: &str) -> String {
        [&self.device(serial), "/message/down/", name].concat()
    }

    /// The filters for everything that a camera says; `+` for every camera.
    pub fn filters(self, serial: &str) -> [String; 2] {
        let device = self.device(serial);
        [
            format!("{device}/message/up/+"),
            format!("{device}/message/down/+/reply"),
        ]
    }

    /// The filter for everything that is said by and to a camera.
    pub fn everything(self, serial: &str) -> String {
        format!("{}/message/#", self.device(serial))
    }

    fn device(self, serial: &str) -> String {
        match self {
            Self::Documented => ["device/", serial].concat(),
            Self::SerialFirst => [serial, "/device"].concat(),
            Self::Dollar => ["$/device/", serial].concat(),
        }
    }
}

/// The name under which parkgate knows the camera of a serial.
pub fn camera_id(serial: &str) -> String {
    serial.trim().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_layout_is_taken_apart() {
        for (topic, layout, kind) in [
            (
                "device/3F-1/message/up/ivs_result",
                Layout::Documented,
                Kind::Up("ivs_result"),
            ),
            (
                "3F-1/device/message/up/keep_alive",
                Layout::SerialFirst,
                Kind::Up("keep_alive"),
            ),
            (
                "$/device/3F-1/message/up/gpio_in",
                Layout::Dollar,
                Kind::Up("gpio_in"),
            ),
            (
                "device/3F-1/message/down/gpio_out",
                Layout::Documented,
                Kind::Down("gpio_out"),
            ),
            (
                "3F-1/device/message/down/x/reply",
                Layout::SerialFirst,
                Kind::Reply("x"),
            ),
            (
                "$/device/3F-1/message/down/x/reply",
                Layout::Dollar,
                Kind::Reply("x"),
            ),
        ] {
            let read = Topic::parse(topic).unwrap_or_else(|| panic!("{topic}"));
            assert_eq!(
                (read.layout, read.serial, read.kind),
                (layout, "3F-1", kind)
            );
            assert_eq!(read.camera_id(), "3f-1");
        }
    }

    #[test]
    fn other_topics_are_not_ours() {
        for topic in [
            "",
            "/",
            "device",
            "device/3f-1/message/up",
            "device/3f-1/message/up/a/b",
            "device//message/up/ivs_result",
            "device/ /message/up/ivs_result",
            "device/3f-1/message/sideways/x",
            "/device/push/result",
            "a/b/c/d/e/f/g/h/i",
        ] {
            assert_eq!(Topic::parse(topic), None, "{topic}");
        }
        assert_eq!(
            Topic::parse(&format!("device/{}/message/up/x", "a".repeat(65))),
            None
        );
    }

    #[test]
    fn commands_go_where_the_camera_was_heard() {
        for layout in Layout::ALL {
            let topic = layout.command("3F-1", "gpio_out");
            let read = Topic::parse(&topic).unwrap();
            assert_eq!((read.layout, read.serial), (layout, "3F-1"));
            assert_eq!(read.kind, Kind::Down("gpio_out"));
        }
    }
}
