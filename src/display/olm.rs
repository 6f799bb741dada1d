//! Frames of the 0x64 boards (OLM-M1D and relatives; `gate-hardware.md` 4.1).
//!
//! `DA VR PN PN CMD DL DATA… CRC CRC`, with a length of one byte at `VR` 0x64 and of two, low byte
//! first, at 0xC8. There is no start mark: a frame is where header, length and checksum fit.

const VERSION_100: u8 = 0x64;
const VERSION_200: u8 = 0xc8;
/// The packet number of a single or last packet.
const LAST_PACKET: [u8; 2] = [0xff, 0xff];
const CRC_LEN: usize = 2;
/// Longer data is taken for noise.
const DATA_MAX: usize = 1024;

/// One frame, checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// The board.
    pub address: u8,
    /// What the frame commands or answers.
    pub command: u8,
    /// Without header and checksum.
    pub data: &'a [u8],
}

impl Frame<'_> {
    /// In a reply to a command: whether the board accepted it. None if this is no plain reply.
    pub fn ack(&self) -> Option<bool> {
        match self.data {
            [code] => Some(*code == 0),
            _ => None,
        }
    }
}

/// The frames in `bytes`, in order. Noise before, between and after them is skipped, one byte at a
/// time, so that a stray first byte does not cost the frame that follows.
pub fn frames(mut bytes: &[u8]) -> impl Iterator<Item = Frame<'_>> {
    std::iter::from_fn(move || {
        while !bytes.is_empty() {
            if let Some((frame, rest)) = first(bytes) {
                bytes = rest;
                return Some(frame);
            }
            bytes = &bytes[1..];
        }
        None
    })
}

/// The frame that starts with the first byte, and what follows it.
fn first(bytes: &[u8]) -> Option<(Frame<'_>, &[u8])> {
    let &[
        address,
        version,
        packet_low,
        packet_high,
        command,
        ref tail @ ..,
    ] = bytes
    else {
        return None;
    };
    let (data_len, length_len) = match (version, tail) {
        (VERSION_100, [len, ..]) => (usize::from(*len), 1),
        (VERSION_200, [low, high, ..]) => (usize::from(u16::from_le_bytes([*low, *high])), 2),
        _ => return None,
    };
    if [packet_low, packet_high] != LAST_PACKET || data_len > DATA_MAX {
        return None;
    }
    let data_at = 5 + length_len;
    let data = bytes.get(data_at..data_at + data_len)?;
    let (covered, tail) = bytes.split_at(data_at + data_len);
    let (crc, rest) = tail.split_at_checked(CRC_LEN)?;
    let frame = Frame {
        address,
        command,
        data,
    };
    (crc == crc16_modbus(covered).to_le_bytes()).then_some((frame, rest))
}

/// CRC-16/MODBUS: polynomial 0xA001 reflected, start 0xFFFF.
pub fn crc16_modbus(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0xffff, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte), |crc, _| {
            if crc & 1 == 1 {
                (crc >> 1) ^ 0xa001
            } else {
                crc >> 1
            }
        })
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SPEAK: &[u8] = b"\x00\x64\xff\xff\x30\x09\x01\xbb\xb6\xd3\xad\xb9\xe2\xc1\xd9\x32\x58";
    const ACK: &[u8] = b"\x00\x64\xff\xff\x30\x01\x00\x36\xbb";
    const STOP: &[u8] = b"\x00\x64\xff\xff\x31\x00\x64\x67";

    #[test]
    fn documented_frames_are_read() {
        let speak = only(SPEAK);
        assert_eq!(
            (speak.address, speak.command, speak.data.len()),
            (0, 0x30, 9)
        );
        assert_eq!(speak.ack(), None);
        assert_eq!((only(ACK).command, only(ACK).ack()), (0x30, Some(true)));
        assert_eq!((only(STOP).command, only(STOP).data), (0x31, &[][..]));
    }

    #[test]
    fn a_refusal_is_no_acknowledgement() {
        let mut nack = ACK[..6].to_vec();
        nack.push(3);
        nack.extend(crc16_modbus(&nack).to_le_bytes());
        assert_eq!(only(&nack).ack(), Some(false));
    }

    #[test]
    fn two_byte_lengths_are_read() {
        let mut frame = vec![7, VERSION_200, 0xff, 0xff, 0x6f, 0x2c, 0x01];
        frame.extend([b'x'; 300]);
        frame.extend(crc16_modbus(&frame).to_le_bytes());
        let read = only(&frame);
        assert_eq!((read.address, read.data.len()), (7, 300));
    }

    #[test]
    fn noise_costs_no_frame() {
        for noise in [
            &[0x00, 0xff][..],
            &[0x00],
            &[0x00, 0x64],
            &[0x00, 0x64, 0xff, 0xff],
        ] {
            let bytes = [noise, ACK, noise, STOP, noise].concat();
            let commands: Vec<_> = frames(&bytes).map(|frame| frame.command).collect();
            assert_eq!(commands, [0x30, 0x31], "{noise:x?}");
        }
    }

    #[test]
    fn a_wrong_checksum_is_no_frame() {
        let mut bad = ACK.to_vec();
        bad[6] ^= 1;
        assert_eq!(frames(&bad).count(), 0);
        assert_eq!(frames(&ACK[..8]).count(), 0);
    }

    proptest! {
        #[test]
        fn any_bytes_are_scanned(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            let _ = frames(&bytes).count();
        }
    }

    fn only(bytes: &[u8]) -> Frame<'_> {
        let mut found = frames(bytes);
        let frame = found.next().expect("one frame");
        assert_eq!(found.next(), None);
        frame
    }
}
