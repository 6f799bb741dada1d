//! Plates: numbers, colours, shapes (GA 36-2018; `gate-hardware.md` 2.1, `parking-domain.md` 4).

use serde::{Deserialize, Serialize, Serializer};

use super::reading::ReadWarning;

/// A normalised plate: upper case, half width, no separators, of a known [`Shape`]. Shown masked
/// above DEBUG.
///
/// Deserialising goes through [`PlateNumber::parse`]. Plates lie on disk for years, so a shape
/// that was once accepted is never taken out of the table again.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct PlateNumber {
    /// In place, since every step of a car names its plate many times. What is left over is 0.
    text: [u8; PLATE_BYTES_MAX],
    /// Follows from the text.
    shape: Shape,
}

/// A plate and what was done to get it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parsed {
    /// The plate, normalised.
    pub plate: PlateNumber,
    /// An I or O in the serial part, where neither exists, was read as 1 or 0.
    pub repaired: bool,
}

/// Why a text is no plate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlateFault {
    /// A word for "none".
    #[error("the text says that the vehicle has no plate")]
    Unlicensed,
    /// Nothing but blanks and separators.
    #[error("the plate is empty")]
    Empty,
    /// Fits no shape.
    #[error("the text fits no plate shape")]
    Invalid,
}

/// What kind of plate it is, by its characters alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Shape {
    /// Seven characters: small and large cars, motorcycles.
    Ordinary,
    /// Eight characters, the letter third: small new-energy cars.
    SmallNewEnergy,
    /// Eight characters, the letter last: large new-energy cars.
    LargeNewEnergy,
    /// 挂.
    Trailer,
    /// 学.
    DrivingSchool,
    /// 警.
    Police,
    /// 港 and 澳.
    CrossBorder,
    /// 使 and 领.
    Diplomatic,
    /// WJ.
    ArmedPolice,
    /// Two letters and five characters. A small new-energy plate that lost its province looks the
    /// same: see [`PlateNumber::is_special_in`].
    Military,
    /// 民航.
    CivilAviation,
    /// 应急.
    Emergency,
    /// Tractors and other farm vehicles.
    Farm,
    /// 临, a paper.
    Temporary,
}

const PROVINCES: &str = "京津冀晋蒙辽吉黑沪苏浙皖闽赣鲁豫鄂湘粤桂琼渝川贵云藏陕甘青宁新";

/// Longer texts are refused unread.
const TEXT_BYTES_MAX: usize = 96;
/// Characters of the longest shape.
const PLATE_CHARS_MAX: usize = 9;
/// Bytes of the longest text that fits a shape: an emergency vehicle's plate.
const PLATE_BYTES_MAX: usize = 15;

/// Words for "none", upper case.
const NONE_WORDS: [&str; 7] = ["_无_", "无", "无牌车", "无车牌", "无牌", "NULL", "UNKNOWN"];

/// Small letters are classes, see [`accept`]; everything else stands for itself.
const SHAPES: [(Shape, &str); 26] = [
    (Shape::Ordinary, "pcnnnnn"),
    (Shape::SmallNewEnergy, "pcendddd"),
    (Shape::LargeNewEnergy, "pcddddde"),
    (Shape::Trailer, "pcnnnn挂"),
    (Shape::DrivingSchool, "pcnnnn学"),
    (Shape::Police, "pcnnnn警"),
    (Shape::CrossBorder, "粤Znnnn港"),
    (Shape::CrossBorder, "粤Znnnn澳"),
    (Shape::Diplomatic, "pcnnnn领"),
    (Shape::Diplomatic, "使dddddd"),
    (Shape::Diplomatic, "dddddd使"),
    (Shape::Diplomatic, "领dddddd"),
    (Shape::Diplomatic, "dddddd领"),
    (Shape::ArmedPolice, "WJddddt"),
    (Shape::ArmedPolice, "WJpddddt"),
    (Shape::Military, "llnnnnn"),
    (Shape::CivilAviation, "民航cnnnn"),
    (Shape::Emergency, "pcrdddd应急"),
    (Shape::Farm, "pddddddd"),
    (Shape::Temporary, "临nnnnn"),
    (Shape::Temporary, "临nnnnnn"),
    (Shape::Temporary, "临nnnnnnn"),
    (Shape::Temporary, "临pcnnnn"),
    (Shape::Temporary, "临pcnnnnn"),
    (Shape::Temporary, "pcnnnn临"),
    (Shape::Temporary, "pcnnnnn临"),
];

impl PlateNumber {
    /// Reads a plate as a device or a person wrote it: full or half width, any case, with or
    /// without separators.
    ///
    /// # Errors
    /// [`PlateFault`] where the text says "none", is empty, or fits no [`Shape`].
    pub fn parse(text: &str) -> Result<Parsed, PlateFault> {
        if text.len() > TEXT_BYTES_MAX {
            return Err(PlateFault::Invalid);
        }
        let trimmed = text.trim_matches(is_padding);
        let is_it = |word: &str| word.chars().eq(trimmed.chars().map(half_width_upper));
        if NONE_WORDS.into_iter().any(is_it) {
            return Err(PlateFault::Unlicensed);
        }
        let (mut bare, mut count) = (['\0'; PLATE_CHARS_MAX], 0);
        let chars = text.chars().map(half_width_upper);
        for c in chars.filter(|c| !is_separator(*c)) {
            *bare.get_mut(count).ok_or(PlateFault::Invalid)? = c;
            count += 1;
        }
        if count == 0 {
            return Err(PlateFault::Empty);
        }
        let bare = &mut bare[..count];
        let (shape, repaired) = fit(bare).ok_or(PlateFault::Invalid)?;
        let (mut text, mut bytes) = ([0; PLATE_BYTES_MAX], 0);
        for c in bare {
            let room = text.get_mut(bytes..).ok_or(PlateFault::Invalid)?;
            if room.len() < c.len_utf8() {
                return Err(PlateFault::Invalid);
            }
            bytes += c.encode_utf8(room).len();
        }
        let plate = Self { text, shape };
        Ok(Parsed { plate, repaired })
    }

    /// The text and the number of its shape, by which [`PlateNumber::of_parts`] need not look for it again.
    pub(super) fn parts(&self) -> (&str, u8) {
        let shape = Shape::ALL.iter().position(|shape| *shape == self.shape);
        let shape = shape.and_then(|at| u8::try_from(at).ok());
        (self.as_str(), shape.unwrap_or(0))
    }

    /// What [`PlateNumber::parts`] gave.
    pub(super) fn of_parts(bytes: &[u8], shape: u8) -> Option<Self> {
        let mut text = [0; PLATE_BYTES_MAX];
        text.get_mut(..bytes.len())?.copy_from_slice(bytes);
        let shape = *Shape::ALL.get(usize::from(shape))?;
        Some(Self { text, shape })
    }

    /// What kind of plate this is.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// Police, armed police, military and emergency vehicles, which park free by law (E22).
    pub fn is_special(&self) -> bool {
        matches!(
            self.shape(),
            Shape::Police | Shape::ArmedPolice | Shape::Military | Shape::Emergency
        )
    }

    /// The same, for one who raises a barrier by it: all these plates are white, and a plate that
    /// the camera saw in another colour is not one of them. A military plate must have been *seen*
    /// white, since letters and digits alone are what remains of a half-hidden new-energy plate.
    pub fn is_special_in(&self, seen: Option<PlateColor>) -> bool {
        match seen {
            Some(color) => color == PlateColor::White && self.is_special(),
            None => self.shape() != Shape::Military && self.is_special(),
        }
    }

    /// The whole plate: for WeChat, the ledger and comparison, not for logs above DEBUG.
    pub fn as_str(&self) -> &str {
        let bytes = self.text.iter().position(|byte| *byte == 0);
        let text = &self.text[..bytes.unwrap_or(PLATE_BYTES_MAX)];
        std::str::from_utf8(text).expect("it was made of whole characters")
    }

    /// The plate with its middle hidden, `粤B·8***88`, for logs and screens.
    pub fn masked(&self) -> String {
        let chars: Vec<char> = self.as_str().chars().collect();
        let shown_tail = 2.min(chars.len().saturating_sub(5));
        let head: String = chars.iter().take(2).collect();
        let third: String = chars.iter().skip(2).take(1).collect();
        let tail: String = chars[chars.len() - shown_tail..].iter().collect();
        format!("{head}·{third}***{tail}")
    }
}

/// Masked, so that a stray `{:?}` leaks nothing.
impl std::fmt::Debug for PlateNumber {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.masked())
    }
}

impl TryFrom<String> for PlateNumber {
    type Error = PlateFault;

    fn try_from(text: String) -> Result<Self, PlateFault> {
        Self::parse(&text).map(|parsed| parsed.plate)
    }
}

impl Serialize for PlateNumber {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// WeChat's word for the plate's colour (`wechat-pay.md` 2.0).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum PlateColor {
    Blue,
    Green,
    Yellow,
    Black,
    White,
    /// Yellow-green, large new-energy vehicles.
    LimeGreen,
}

impl PlateColor {
    /// Every colour.
    pub(super) const ALL: [Self; 6] = [
        Self::Blue,
        Self::Green,
        Self::Yellow,
        Self::Black,
        Self::White,
        Self::LimeGreen,
    ];
}

/// The colour to bill with, from the shape and the device's word (`gate-hardware.md` 2.1, rules 1–3):
/// an eight-character new-energy shape decides, elsewhere the device does, and an unknown colour
/// stays unknown. The warnings say where the two disagree.
pub fn settle_color(
    plate: &PlateNumber,
    device: Option<PlateColor>,
) -> (Option<PlateColor>, Vec<ReadWarning>) {
    use PlateColor::{Green, LimeGreen};
    let shape = plate.shape();
    let decided = match shape {
        Shape::SmallNewEnergy => Some(Green),
        Shape::LargeNewEnergy => Some(LimeGreen),
        _ => None,
    };
    if let Some(color) = decided {
        let warning = match device {
            Some(named) if named == color => None,
            None | Some(Green) => Some(ReadWarning::ColorFromShape),
            Some(_) => Some(ReadWarning::ColorConflict),
        };
        return (decided, warning.into_iter().collect());
    }
    let colors = shape.colors();
    match device {
        // WeChat has no word for these plates.
        _ if colors.is_empty() => (None, Vec::new()),
        None => (None, Vec::new()),
        Some(named) if colors.contains(&named) => (device, Vec::new()),
        // Green on seven characters: most likely an eight-character plate that lost one.
        Some(Green | LimeGreen) if matches!(shape, Shape::Ordinary | Shape::Military) => {
            (device, vec![ReadWarning::LengthSuspect])
        }
        Some(_) => (device, vec![ReadWarning::ColorConflict]),
    }
}

impl Shape {
    const ALL: [Self; 14] = [
        Self::Ordinary,
        Self::SmallNewEnergy,
        Self::LargeNewEnergy,
        Self::Trailer,
        Self::DrivingSchool,
        Self::Police,
        Self::CrossBorder,
        Self::Diplomatic,
        Self::ArmedPolice,
        Self::Military,
        Self::CivilAviation,
        Self::Emergency,
        Self::Farm,
        Self::Temporary,
    ];

    /// The colours in which this shape exists; none where WeChat has no word for it.
    pub fn colors(self) -> &'static [PlateColor] {
        use PlateColor::{Black, Blue, Green, LimeGreen, White, Yellow};
        match self {
            Self::Ordinary => &[Blue, Yellow, Black],
            Self::SmallNewEnergy => &[Green],
            Self::LargeNewEnergy => &[LimeGreen],
            Self::Trailer | Self::DrivingSchool => &[Yellow],
            Self::CrossBorder | Self::Diplomatic => &[Black],
            Self::Police | Self::ArmedPolice | Self::Military | Self::Emergency => &[White],
            Self::CivilAviation => &[Green],
            Self::Farm | Self::Temporary => &[],
        }
    }
}

/// Whether `c` is the first character of a province's plates.
pub fn is_province(c: char) -> bool {
    !c.is_ascii() && PROVINCES.contains(c)
}

/// `text` in half width and upper case, without separators: what [`super::near`] compares where a
/// reading fits no shape.
pub fn normalise(text: &str) -> String {
    text.chars()
        .map(half_width_upper)
        .filter(|c| !is_separator(*c))
        .collect()
}

fn half_width_upper(c: char) -> char {
    let half = match c {
        '\u{3000}' => ' ',
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        _ => c,
    };
    half.to_ascii_uppercase()
}

/// What devices write around a plate: blanks, and NULs from fixed-length fields.
fn is_padding(c: char) -> bool {
    c.is_whitespace() || c.is_control()
}

/// What devices and people write between the characters of a plate.
fn is_separator(c: char) -> bool {
    is_padding(c) || matches!(c, '·' | '•' | '・' | '･' | '‧' | '∙' | '.' | '-' | '_')
}

/// The first shape that the characters fit, and whether an I or O had to be repaired for it.
fn fit(chars: &mut [char]) -> Option<(Shape, bool)> {
    let (shape, pattern) = SHAPES.iter().find(|(_, pattern)| fits(pattern, chars))?;
    let mut repaired = false;
    for (class, c) in pattern.chars().zip(chars) {
        let meant = accept(class, *c)?;
        repaired |= meant != *c;
        *c = meant;
    }
    Some((*shape, repaired))
}

fn fits(pattern: &str, chars: &[char]) -> bool {
    let mut classes = pattern.chars();
    let is_accepted = |c: &char| {
        classes
            .next()
            .is_some_and(|class| accept(class, *c).is_some())
    };
    chars.iter().all(is_accepted) && classes.next().is_none()
}

/// The character that `c` stands for at a place of `class`, if it may stand there.
fn accept(class: char, c: char) -> Option<char> {
    let repaired = match c {
        'I' => '1',
        'O' => '0',
        other => other,
    };
    match class {
        // Province.
        'p' => is_province(c).then_some(c),
        // Authority within the province.
        'c' => (c.is_ascii_uppercase() && c != 'I').then_some(c),
        // Any letter.
        'l' => c.is_ascii_uppercase().then_some(c),
        // Serial: digits and letters without I and O.
        'n' => (repaired.is_ascii_uppercase() || repaired.is_ascii_digit()).then_some(repaired),
        'd' => repaired.is_ascii_digit().then_some(repaired),
        // New energy: D and F, then A B C E for pure electric, G H J K for others.
        'e' => matches!(c, 'A'..='H' | 'J' | 'K').then_some(c),
        // Armed police, last place.
        't' => (repaired.is_ascii_digit() || "BDHJSTX".contains(repaired)).then_some(repaired),
        // Fire and rescue.
        'r' => matches!(c, 'X' | 'S').then_some(c),
        literal => (literal == c).then_some(c),
    }
}

#[cfg(test)]
#[path = "tests/plate.rs"]
mod tests;
