//! JSON as records, requests and commands are written in.

use std::io::{self, Write};

use serde::Serialize;

/// `value` as JSON. It is made of structs, strings and integers, as everything here is: then there is
/// nothing that could not be written.
pub fn bytes<T: Serialize>(value: &T) -> Vec<u8> {
    let mut sheet = Sheet {
        bytes: [0; SHEET_BYTES],
        used: 0,
    };
    match serde_json::to_writer(&mut sheet, value) {
        Ok(()) => sheet.bytes[..sheet.used].to_vec(),
        Err(_) => serde_json::to_vec(value).expect("structs of strings and integers"),
    }
}

/// Longer than what a step writes. What is longer all the same, as a checkpoint is, is written anew.
const SHEET_BYTES: usize = 2048;

/// Takes the hundreds of scraps in which JSON is written at less cost than a vector that grows.
struct Sheet {
    bytes: [u8; SHEET_BYTES],
    used: usize,
}

impl Write for Sheet {
    fn write(&mut self, scrap: &[u8]) -> io::Result<usize> {
        self.write_all(scrap).map(|()| scrap.len())
    }

    #[inline]
    fn write_all(&mut self, scrap: &[u8]) -> io::Result<()> {
        let end = self.used + scrap.len();
        let Some(room) = self.bytes.get_mut(self.used..end) else {
            return Err(io::ErrorKind::WriteZero.into());
        };
        room.copy_from_slice(scrap);
        self.used = end;
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_and_long_values_are_written_alike() {
        for length in [
            0,
            1,
            SHEET_BYTES - 3,
            SHEET_BYTES - 2,
            SHEET_BYTES - 1,
            100_000,
        ] {
            let value = ["粤\"".repeat(length / 8), "x".repeat(length)];
            assert_eq!(bytes(&value), serde_json::to_vec(&value).unwrap());
            assert_eq!(bytes(&value[1]), serde_json::to_vec(&value[1]).unwrap());
        }
    }
}
