//! Cars as a camera tells of them: the recorded message of `tests/fixtures` with another plate, number
//! and time in it, byte for byte the same otherwise.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use parkgate::lane::time::Wall;

const RECORDED: &str = include_str!("../../tests/fixtures/vz-mqtt/001-blue.json");
/// What stands in the recorded message for what differs from car to car.
const LICENSE: &str = "57KkQjZLN0gy";
const SERIAL: &str = "3f1c20aa-7be09d41";
const NUMBER: &str = "50101";
const CAPTURED: &str = "1772410530";
const SENT: &str = "1772410531";
const LOCAL: &str = r#""decday": 2,
              "dechour": 8,
              "decmin": 15,
              "decmon": 3,
              "decsec": 30,
              "decyear": 2026,"#;
/// Where cameras that are told to send one put the picture.
const BEFORE_PICTURE: &str = r#""gioouts": [],"#;
const PICTURE_BYTES: usize = 300_000;

/// Gives each car another plate, and each reading another number.
pub struct Cars {
    picture: Option<String>,
    plates: usize,
    readings: usize,
}

impl Cars {
    /// With a picture in each reading, or without.
    pub fn new(picture: bool) -> Self {
        Self {
            picture: picture.then(|| BASE64.encode(noise(PICTURE_BYTES))),
            plates: 0,
            readings: 0,
        }
    }

    /// A plate that was not seen before.
    pub fn another(&mut self) -> String {
        self.plates += 1;
        format!("粤{}", letters(self.plates))
    }

    /// The message in which a camera tells of a plate.
    pub fn message(&mut self, camera: &str, plate: &str, at: Wall) -> Vec<u8> {
        self.readings += 1;
        let seconds = at.0.div_euclid(1000).to_string();
        let number = (NUMBER_FROM + self.readings).to_string();
        let mut message = RECORDED
            .replace(LICENSE, &BASE64.encode(plate))
            .replace(SERIAL, camera)
            .replace(NUMBER, &number)
            .replace(SENT, &seconds)
            .replace(CAPTURED, &seconds)
            .replace(LOCAL, &local(at));
        if let Some(picture) = &self.picture {
            let with =
                format!("\"full_image_content\": \"{picture}\",\n          {BEFORE_PICTURE}");
            message = message.replace(BEFORE_PICTURE, &with);
        }
        message.into_bytes()
    }
}

/// All numbers are as long as the recorded one.
const NUMBER_FROM: usize = 10_000;

/// Beijing time, as the camera's own clock shows it.
fn local(at: Wall) -> String {
    let text = at.to_rfc3339();
    let number = |from: usize, to: usize| {
        let digits = text.get(from..to).unwrap_or_default();
        digits.parse::<u32>().unwrap_or_default()
    };
    format!(
        "\"decday\": {},\n              \"dechour\": {},\n              \"decmin\": {},\n              \
         \"decmon\": {},\n              \"decsec\": {},\n              \"decyear\": {},",
        number(8, 10),
        number(11, 13),
        number(14, 16),
        number(5, 7),
        number(17, 19),
        number(0, 4),
    )
}

/// Bytes that look like a compressed picture's, the same in each run.
fn noise(count: usize) -> Vec<u8> {
    let mut state: u32 = 2_463_534_242;
    let byte = |_| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_le_bytes()[3]
    };
    (0..count).map(byte).collect()
}

/// Texts so far apart that none is taken for a misreading of another: parabolas over 23 letters, two of
/// which meet in two places at most.
fn letters(number: usize) -> String {
    const LETTERS: [char; 23] = [
        'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'J', 'K', 'L', 'M', 'N', 'P', 'Q', 'R', 'S', 'T',
        'U', 'V', 'W', 'X', 'Y',
    ];
    let (a, b, c) = (number % 23, number / 23 % 23, number / 529 % 23);
    (0..6)
        .map(|x| LETTERS[(a + b * x + c * x * x) % 23])
        .collect()
}
