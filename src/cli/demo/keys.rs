//! What a terminal sends, as keys: characters of several bytes, escape sequences and pasted text.

/// A key, or what stands for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// A character that was typed.
    Typed(char),
    /// A character that was pasted: never a command.
    Pasted(char),
    Enter,
    Backspace,
    /// Ctrl-U, Ctrl-W or Esc.
    Clear,
    Up,
    /// Ctrl-C or Ctrl-D.
    Quit,
    /// Bytes that are no UTF-8: a terminal with another encoding.
    Unreadable,
}

/// Puts keys together from bytes that come in any pieces.
#[derive(Debug, Default)]
pub struct Keys {
    state: State,
    pasting: bool,
    /// The first bytes of a character.
    partial: Vec<u8>,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Text,
    /// ESC came: the key, or the beginning of a sequence.
    Escape,
    /// `ESC [`, and the parameters so far.
    Sequence(Vec<u8>),
    /// `ESC O`: one more byte.
    Single,
}

const ESC: u8 = 0x1b;
/// A longer sequence is none that we know; its bytes are still swallowed up to its end.
const PARAMETERS_MAX: usize = 16;

impl Keys {
    /// The keys that these bytes complete.
    pub fn take(&mut self, bytes: &[u8]) -> Vec<Key> {
        let mut keys = Vec::new();
        for &byte in bytes {
            self.byte(byte, &mut keys);
        }
        keys
    }

    /// Whether an ESC waits for what follows. If nothing does for a while, it was the key.
    pub fn is_waiting(&self) -> bool {
        !matches!(self.state, State::Text) && !self.pasting
    }

    /// Nothing has followed.
    pub fn settle(&mut self) -> Option<Key> {
        match std::mem::take(&mut self.state) {
            State::Escape if !self.pasting => Some(Key::Clear),
            _ => None,
        }
    }

    fn byte(&mut self, byte: u8, keys: &mut Vec<Key>) {
        match std::mem::take(&mut self.state) {
            State::Text => self.text(byte, keys),
            State::Escape => match byte {
                b'[' => self.state = State::Sequence(Vec::new()),
                b'O' => self.state = State::Single,
                _ => {
                    if !self.pasting {
                        keys.push(Key::Clear);
                    }
                    self.text(byte, keys);
                }
            },
            State::Sequence(mut parameters) => match byte {
                0x40..=0x7e => self.sequence(&parameters, byte, keys),
                0x20..=0x3f => {
                    if parameters.len() < PARAMETERS_MAX {
                        parameters.push(byte);
                    }
                    self.state = State::Sequence(parameters);
                }
                // No byte of a sequence: what came before is forgotten.
                _ => self.text(byte, keys),
            },
            State::Single => self.sequence(&[], byte, keys),
        }
    }

    fn sequence(&mut self, parameters: &[u8], last: u8, keys: &mut Vec<Key>) {
        match (parameters, last) {
            (b"200", b'~') => self.pasting = true,
            (b"201", b'~') => self.pasting = false,
            ([], b'A') if !self.pasting => keys.push(Key::Up),
            // The keypad's Enter.
            ([], b'M') if !self.pasting => keys.push(Key::Enter),
            _ => {}
        }
    }

    fn text(&mut self, byte: u8, keys: &mut Vec<Key>) {
        if byte < 0x80 && !self.partial.is_empty() {
            self.partial.clear();
            keys.push(Key::Unreadable);
        }
        match byte {
            ESC => self.state = State::Escape,
            b' '..=b'~' => self.character(char::from(byte), keys),
            0x80.. => self.several_bytes(byte, keys),
            // Breaks between pasted lines separate nothing here.
            _ if self.pasting => {}
            b'\r' | b'\n' => keys.push(Key::Enter),
            0x08 | 0x7f => keys.push(Key::Backspace),
            0x15 | 0x17 => keys.push(Key::Clear),
            0x03 | 0x04 => keys.push(Key::Quit),
            _ => {}
        }
    }

    fn several_bytes(&mut self, byte: u8, keys: &mut Vec<Key>) {
        self.partial.push(byte);
        match std::str::from_utf8(&self.partial) {
            Ok(text) => {
                let c = text.chars().next();
                self.partial.clear();
                if let Some(c) = c.filter(|c| !c.is_control()) {
                    self.character(c, keys);
                }
            }
            Err(error) if error.error_len().is_none() => {}
            Err(_) => {
                // The last byte may begin the next character.
                let was_first = self.partial.len() == 1;
                self.partial.clear();
                keys.push(Key::Unreadable);
                if !was_first {
                    self.several_bytes(byte, keys);
                }
            }
        }
    }

    fn character(&self, c: char, keys: &mut Vec<Key>) {
        keys.push(match self.pasting {
            true => Key::Pasted(c),
            false => Key::Typed(c),
        });
    }
}
