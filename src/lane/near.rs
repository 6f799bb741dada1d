//! Near matching: which parked car a misread exit plate may be (E3; `gate-hardware.md` 2.5,
//! `parking-domain.md` 4). Charging the wrong driver is worse than asking, so [`best`] refuses
//! where two cars are close.

use super::plate::{self, PlateNumber};

/// A distance in halves of an edit: a look-alike costs one, any other edit two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HalfEdits(pub u16);

impl HalfEdits {
    /// One whole edit.
    pub const ONE_EDIT: Self = Self(2);
    /// Beyond every limit.
    pub const FAR: Self = Self(u16::MAX);
}

/// How near is near.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// The province most cars here come from, `粤`. Where one of two plates has it, a different or
    /// lost province costs half an edit only.
    pub home: Option<char>,
    /// Plates further away are not considered.
    pub limit: HalfEdits,
    /// The next candidate must be at least this much further away.
    pub margin: HalfEdits,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            home: None,
            limit: HalfEdits(4),
            margin: HalfEdits::ONE_EDIT,
        }
    }
}

/// What [`best`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Match<'a> {
    /// Nothing within the limit.
    None,
    /// One plate, with no other close to it.
    Unique {
        plate: &'a PlateNumber,
        distance: HalfEdits,
    },
    /// At least two plates that the reading may be.
    Ambiguous {
        nearest: &'a PlateNumber,
        distance: HalfEdits,
        rival: &'a PlateNumber,
        rival_distance: HalfEdits,
    },
}

/// The candidate that `read` most likely is. `read` may be a plate or what is left of one; the same
/// plate given twice counts once; an equal plate needs no margin.
pub fn best<'a>(
    read: &str,
    candidates: impl IntoIterator<Item = &'a PlateNumber>,
    rules: &Rules,
) -> Match<'a> {
    let read = plate::normalise(read);
    let mut nearest: Option<(HalfEdits, &PlateNumber)> = None;
    let mut rival: Option<(HalfEdits, &PlateNumber)> = None;
    for plate in candidates {
        let distance = distance(&read, plate.as_str(), rules.home);
        if distance > rules.limit || nearest.is_some_and(|(_, known)| known == plate) {
            continue;
        }
        // By distance, then by plate: the answer does not depend on the candidates' order.
        let found = Some((distance, plate));
        if nearest.is_none() || found < nearest {
            rival = nearest;
            nearest = found;
        } else if rival.is_none() || found < rival {
            rival = found;
        }
    }
    match (nearest, rival) {
        (None, _) => Match::None,
        (Some((distance, nearest)), Some((rival_distance, rival)))
            if distance.0 > 0 && rival_distance.0 - distance.0 < rules.margin.0 =>
        {
            Match::Ambiguous {
                nearest,
                distance,
                rival,
                rival_distance,
            }
        }
        (Some((distance, plate)), _) => Match::Unique { plate, distance },
    }
}

/// The candidates within the limit, nearest first, at most `count`: what an attendant chooses from.
pub fn ranked<'a>(
    read: &str,
    candidates: impl IntoIterator<Item = &'a PlateNumber>,
    rules: &Rules,
    count: usize,
) -> Vec<(HalfEdits, &'a PlateNumber)> {
    let read = plate::normalise(read);
    let mut near: Vec<_> = candidates
        .into_iter()
        .map(|plate| (distance(&read, plate.as_str(), rules.home), plate))
        .filter(|(distance, _)| *distance <= rules.limit)
        .collect();
    near.sort_unstable();
    near.dedup();
    near.truncate(count);
    near
}

/// Longer texts are never near anything.
const CHARS_MAX: usize = 16;

/// Characters that cameras take for one another.
const LOOK_ALIKES: [&str; 19] = [
    "0DQO", "8B", "2Z", "5S", "1ILT7", "6G", "UVY", "MNHW", "KX", "EF", "CG", "京苏", "粤鄂",
    "湘渝", "豫陕", "皖晋", "闽甘", "云贵", "川辽",
];

/// How far apart two normalised texts are; symmetric, and zero only for equal ones.
pub fn distance(a: &str, b: &str, home: Option<char>) -> HalfEdits {
    if a == b {
        return HalfEdits(0);
    }
    let (Some((a, a_len)), Some((b, b_len))) = (chars(a), chars(b)) else {
        return HalfEdits::FAR;
    };
    let (a, b) = (&a[..a_len], &b[..b_len]);
    // Levenshtein's table, one row at a time.
    let mut above = [0_u16; CHARS_MAX + 1];
    for j in 0..b.len() {
        above[j + 1] = above[j] + lost(b, j, home);
    }
    for i in 0..a.len() {
        let mut row = [0_u16; CHARS_MAX + 1];
        row[0] = above[0] + lost(a, i, home);
        for j in 0..b.len() {
            let swapped = above[j] + substituted(a[i], b[j], i == 0 && j == 0, home);
            let without_a = above[j + 1] + lost(a, i, home);
            let without_b = row[j] + lost(b, j, home);
            row[j + 1] = swapped.min(without_a).min(without_b);
        }
        above = row;
    }
    HalfEdits(above[b.len()])
}

fn chars(text: &str) -> Option<([char; CHARS_MAX], usize)> {
    let mut chars = ['\0'; CHARS_MAX];
    let mut len = 0;
    for c in text.chars() {
        *chars.get_mut(len)? = c;
        len += 1;
    }
    Some((chars, len))
}

/// Half edits for a character that one of the two readings does not have.
fn lost(text: &[char], at: usize, home: Option<char>) -> u16 {
    if at == 0 && Some(text[0]) == home {
        1
    } else {
        2
    }
}

/// Half edits for one character read as another.
fn substituted(a: char, b: char, first: bool, home: Option<char>) -> u16 {
    if a == b {
        0
    } else if look_alike(a, b) || (first && is_other_province(a, b, home)) {
        1
    } else {
        2
    }
}

fn look_alike(a: char, b: char) -> bool {
    let has = |group: &str, wanted| group.chars().any(|c| c == wanted);
    a.is_ascii() == b.is_ascii()
        && LOOK_ALIKES
            .iter()
            .any(|group| has(group, a) && has(group, b))
}

/// Two provinces, one of them the home of most cars here.
fn is_other_province(a: char, b: char, home: Option<char>) -> bool {
    home.is_some_and(|home| a == home || b == home)
        && plate::is_province(a)
        && plate::is_province(b)
}

#[cfg(test)]
#[path = "tests/near.rs"]
mod tests;
