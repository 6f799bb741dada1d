//! All the virtual cameras, on one connection: they publish readings, note when an open command
//! arrives, and say that the relay was driven, as real ones do.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use parkgate::clock::{Clock, TrustRule};
use parkgate::lane::time::Wall;
use rumqttc::{AsyncClient, Event, EventLoop, Packet, Publish, QoS};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};

use crate::Outcome;
use crate::echo;

const OPENS_MAX: usize = 4096;
/// An open command that takes longer is missing.
const OPEN_WITHIN: Duration = Duration::from_secs(10);
/// How closely cars follow each other where their pace does not matter.
const PASS_PER_SECOND: u32 = 200;
/// Bytes of the picture that some readings carry, in base64.
const PICTURE_BYTES: usize = 300_000;

/// What a reading is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Form {
    pub qos: QoS,
    pub picture: bool,
    /// A police car: WeChat is not told of it.
    pub special: bool,
}

/// The cameras of all lanes.
pub struct Cameras {
    client: AsyncClient,
    opens: mpsc::Receiver<Open>,
    clock: Clock,
    picture: String,
    plates: usize,
    readings: u32,
}

struct Open {
    camera: String,
    at: Instant,
}

impl Cameras {
    pub async fn connect(port: u16) -> Outcome<Self> {
        let (client, network) = echo::connect("cameras", port);
        client
            .subscribe("device/+/message/down/gpio_out", QoS::AtMostOnce)
            .await?;
        let (noted, opens) = mpsc::channel(OPENS_MAX);
        tokio::spawn(listen(client.clone(), network, noted));
        Ok(Self {
            client,
            opens,
            clock: Clock::system(TrustRule::Rtc, Wall(0)),
            picture: "/9j/".repeat(PICTURE_BYTES / 4),
            plates: 0,
            readings: 0,
        })
    }

    /// Plates that were not seen before.
    pub fn fresh_plates(&mut self, count: usize, special: bool) -> Vec<String> {
        (0..count).map(|_| self.fresh_plate(special)).collect()
    }

    fn fresh_plate(&mut self, special: bool) -> String {
        self.plates += 1;
        match special {
            true => format!("粤{}警", letters(self.plates, 5)),
            false => format!("粤{}", letters(self.plates, 6)),
        }
    }

    /// Reads `plates` with `cameras` in turn, so many each second, and returns what passed from each
    /// publish to its open command.
    pub async fn read(
        &mut self,
        cameras: &[String],
        plates: &[String],
        form: Form,
        per_second: u32,
    ) -> Outcome<Vec<Duration>> {
        // Late answers to what was read before are nobody's any more.
        while self.opens.try_recv().is_ok() {}
        let mut sent: BTreeMap<&str, Vec<Instant>> = BTreeMap::new();
        let period = Duration::from_secs(1) / per_second;
        let mut due = Instant::now() + period;
        for (camera, plate) in cameras.iter().cycle().zip(plates) {
            let (topic, payload) = self.reading(camera, plate, form);
            sleep_until(due).await;
            let at = Instant::now();
            self.client.publish(topic, form.qos, false, payload).await?;
            sent.entry(camera).or_default().push(at);
            due += period;
        }
        let mut opened: BTreeMap<String, Vec<Instant>> = BTreeMap::new();
        for _ in plates {
            let open = timeout(OPEN_WITHIN, self.opens.recv()).await;
            let Ok(Some(open)) = open else {
                let first = &cameras[0];
                return Err(format!("a reading of {first} or the next was not answered").into());
            };
            opened.entry(open.camera).or_default().push(open.at);
        }
        let mut took = Vec::new();
        for (camera, sent) in sent {
            let opened = opened.remove(camera).unwrap_or_default();
            if opened.len() != sent.len() {
                return Err(format!("{camera} was opened {} times", opened.len()).into());
            }
            took.extend(opened.into_iter().zip(sent).map(|(open, read)| open - read));
        }
        Ok(took)
    }

    /// Reads `plates` as fast as the lanes serve them: a car at each, and then the next ones.
    pub async fn pass(&mut self, cameras: &[String], plates: &[String], form: Form) -> Outcome<()> {
        for side_by_side in plates.chunks(cameras.len()) {
            self.read(cameras, side_by_side, form, PASS_PER_SECOND)
                .await?;
        }
        Ok(())
    }

    /// Reads a fresh plate every 2 ms until one is answered, and waits out the others.
    pub async fn until_served(&mut self, camera: &str) -> Outcome<Instant> {
        let form = Form {
            qos: QoS::AtMostOnce,
            picture: false,
            special: false,
        };
        let give_up = Instant::now() + OPEN_WITHIN;
        let served = loop {
            let plate = self.fresh_plate(false);
            let (topic, payload) = self.reading(camera, &plate, form);
            self.client.publish(topic, form.qos, false, payload).await?;
            match timeout(Duration::from_millis(2), self.opens.recv()).await {
                Ok(Some(open)) => break open.at,
                Ok(None) => return Err("the cameras' connection is lost".into()),
                Err(_) if Instant::now() > give_up => return Err("nobody serves".into()),
                Err(_) => {}
            }
        };
        while let Ok(Some(_)) = timeout(Duration::from_millis(300), self.opens.recv()).await {}
        Ok(served)
    }

    /// As a camera of this dialect sends it, after the recorded ones in `tests/fixtures`.
    fn reading(&mut self, camera: &str, plate: &str, form: Form) -> (String, String) {
        self.readings += 1;
        let now = self.clock.now().wall;
        let (seconds, ms) = (now.0.div_euclid(1000), now.0.rem_euclid(1000));
        let license = BASE64.encode(plate);
        let color = if form.special { 3 } else { 1 };
        let mut message = json!({
            "id": format!("m{:015}", self.readings),
            "sn": camera,
            "name": "ivs_result",
            "version": "1.0",
            "timestamp": seconds,
            "payload": { "AlarmInfoPlate": {
                "channel": 0,
                "deviceName": "Z2F0ZS1pbg==",
                "ipaddr": "192.168.10.21",
                "result": { "PlateResult": {
                    "bright": 0,
                    "carBright": 0,
                    "carColor": 255,
                    "car_brand": { "brand": 255, "type": 255, "year": 65535 },
                    "colorType": color,
                    "colorValue": 0,
                    "confidence": 98,
                    "direction": 0,
                    "gioouts": [],
                    "imagePath": "",
                    "is_encrypted": 0,
                    "is_fake_plate": 0,
                    "isoffline": 0,
                    "license": license,
                    "location": { "RECT": { "bottom": 560, "left": 880, "right": 1050, "top": 512 } },
                    "plateid": self.readings,
                    "timeStamp": { "Timeval": { "sec": seconds, "usec": ms * 1000 } },
                    "timeUsed": 120_334,
                    "triggerType": 8,
                    "type": color,
                    "plates": [{ "color": color, "license": license, "plate_width": 170 }],
                } },
                "serialno": camera,
                "user_data": "",
            } },
        });
        if form.picture {
            message["payload"]["AlarmInfoPlate"]["result"]["PlateResult"]["full_image_content"] =
                Value::String(self.picture.clone());
        }
        let topic = format!("device/{camera}/message/up/ivs_result");
        (topic, message.to_string())
    }
}

/// Notes when an open command arrives before it looks at anything else.
async fn listen(client: AsyncClient, mut network: EventLoop, noted: mpsc::Sender<Open>) {
    while let Ok(event) = network.poll().await {
        let at = Instant::now();
        let Event::Incoming(Packet::Publish(publish)) = event else {
            continue;
        };
        let Some((camera, reply)) = reply(&publish) else {
            continue;
        };
        let topic = format!("{}/reply", publish.topic);
        let replied = client.try_publish(topic, QoS::AtMostOnce, false, reply);
        if replied.is_err() || noted.send(Open { camera, at }).await.is_err() {
            return;
        }
    }
}

fn reply(open: &Publish) -> Option<(String, String)> {
    let open: Value = serde_json::from_slice(&open.payload).ok()?;
    let reply = json!({
        "id": open["id"],
        "sn": open["sn"],
        "name": "gpio_out",
        "version": "1.0",
        "timestamp": open["timestamp"],
        "code": 200,
        "payload": null,
    });
    Some((open["sn"].as_str()?.to_owned(), reply.to_string()))
}

/// Texts so far apart that none is taken for a misreading of another: polynomials over 23 letters, two of
/// which meet in three places at most.
fn letters(number: usize, count: usize) -> String {
    const LETTERS: [char; 23] = [
        'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'J', 'K', 'L', 'M', 'N', 'P', 'Q', 'R', 'S', 'T',
        'U', 'V', 'W', 'X', 'Y',
    ];
    let [a, b, c, d] = [1, 23, 529, 12_167].map(|place| number / place % 23);
    (0..count)
        .map(|x| LETTERS[(a + b * x + c * x * x + d * x * x * x) % 23])
        .collect()
}
