//! The line on which a person types a plate, and what the keys ask for.

use super::keys::Key;

/// What is typed so far.
#[derive(Debug, Default)]
pub struct Line {
    text: String,
    /// The plate that was last driven.
    last: String,
}

/// What a person wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    /// A car, by the plate as typed; any car where it is empty.
    Drive {
        plate: String,
        way: Way,
    },
    /// Cut WeChat off, or bring it back.
    Network,
    /// The next fault.
    Fault,
    /// Stop or start the automatic traffic.
    Pause,
    Help,
    Quit,
    /// No room for what was typed.
    Full,
    /// The terminal does not speak UTF-8.
    Unreadable,
}

/// Which way a car shall go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    In,
    Out,
    /// In if it is outside, out if it is inside.
    Through,
}

/// The longest plate has nine characters; there is room for separators.
const CHARACTERS_MAX: usize = 24;

impl Line {
    /// What is typed so far.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Takes a key. The text stays until [`Self::done`], so that a mistake can be mended.
    ///
    /// Some small letters are commands on an empty line. Behind the first character of a plate only
    /// `i` and `o` are, which are no letters of a serial; plates are read in any case.
    pub fn press(&mut self, key: Key) -> Option<Wish> {
        match key {
            Key::Typed('i') => Some(self.drive(Way::In)),
            Key::Typed('o') => Some(self.drive(Way::Out)),
            Key::Enter => Some(self.drive(Way::Through)),
            Key::Typed(c) if self.text.is_empty() => self.first(c),
            Key::Typed(c) | Key::Pasted(c) => self.append(c),
            Key::Backspace => {
                self.text.pop();
                None
            }
            Key::Clear => {
                self.text.clear();
                None
            }
            Key::Up => {
                self.text.clone_from(&self.last);
                None
            }
            Key::Quit => Some(Wish::Quit),
            Key::Unreadable => Some(Wish::Unreadable),
        }
    }

    /// The car is on its way: the line is free for the next.
    pub fn done(&mut self, plate: &str) {
        self.text.clear();
        self.last = plate.to_owned();
    }

    fn drive(&self, way: Way) -> Wish {
        let plate = self.text.trim().to_owned();
        Wish::Drive { plate, way }
    }

    fn first(&mut self, c: char) -> Option<Wish> {
        match c {
            'n' => Some(Wish::Network),
            'f' => Some(Wish::Fault),
            'p' => Some(Wish::Pause),
            'h' | '?' => Some(Wish::Help),
            'q' => Some(Wish::Quit),
            ' ' => None,
            _ => self.append(c),
        }
    }

    fn append(&mut self, c: char) -> Option<Wish> {
        if self.text.chars().count() >= CHARACTERS_MAX {
            return Some(Wish::Full);
        }
        self.text.push(c);
        None
    }
}
