//! DER, as far as a request and a PKCS#12 file need it: elements of one-byte tags and definite lengths.

pub const INTEGER: u8 = 0x02;
pub const BIT_STRING: u8 = 0x03;
pub const OCTETS: u8 = 0x04;
pub const OID: u8 = 0x06;
pub const UTF8: u8 = 0x0C;
pub const PRINTABLE: u8 = 0x13;
pub const SEQUENCE: u8 = 0x30;
pub const SET: u8 = 0x31;
/// `[0]` around an element.
pub const CONTEXT_0: u8 = 0xA0;
/// `[0]` in the place of an octet string's tag.
pub const CONTEXT_0_OCTETS: u8 = 0x80;

/// One element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Element<'a> {
    pub tag: u8,
    pub contents: &'a [u8],
}

/// Contents of the first element, which has this tag, and what follows it.
pub fn read(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (element, rest) = next(bytes)?;
    (element.tag == tag).then_some((element.contents, rest))
}

/// All elements, one behind the other to the end.
pub fn elements(mut bytes: &[u8]) -> Option<Vec<Element<'_>>> {
    let mut elements = Vec::new();
    while !bytes.is_empty() {
        let (element, rest) = next(bytes)?;
        elements.push(element);
        bytes = rest;
    }
    Some(elements)
}

fn next(bytes: &[u8]) -> Option<(Element<'_>, &[u8])> {
    let (&[tag, first], rest) = bytes.split_first_chunk()?;
    let (length, rest) = match first {
        0..=0x7F => (usize::from(first), rest),
        0x81..=0x84 => {
            let (length, rest) = rest.split_at_checked(usize::from(first & 0x7F))?;
            let sum = |sum: usize, byte: &u8| sum.checked_mul(256)?.checked_add(usize::from(*byte));
            (length.iter().try_fold(0, sum)?, rest)
        }
        _ => return None,
    };
    let (contents, rest) = rest.split_at_checked(length)?;
    Some((Element { tag, contents }, rest))
}

/// A sequence of what is written already.
pub fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    write(SEQUENCE, &parts.concat())
}

/// One element: tag, length, contents.
pub fn write(tag: u8, contents: &[u8]) -> Vec<u8> {
    let length = contents.len().to_be_bytes();
    let first = length.iter().position(|byte| *byte != 0);
    let length = &length[first.unwrap_or(length.len() - 1)..];
    let mut element = vec![tag];
    match length {
        [short] if *short < 0x80 => element.push(*short),
        long => {
            // A length has at most eight bytes.
            element.push(0x80 | u8::try_from(long.len()).unwrap_or(8));
            element.extend_from_slice(long);
        }
    }
    element.extend_from_slice(contents);
    element
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back_at_every_length_and_torn_bytes_are_refused() {
        for length in [0, 1, 127, 128, 255, 256, 65_535, 65_536] {
            let contents = vec![0x5A; length];
            let element = write(OCTETS, &contents);
            assert_eq!(
                read(&element, OCTETS),
                Some((&contents[..], &[][..])),
                "{length}"
            );
            assert_eq!(read(&element, SEQUENCE), None);
            assert_eq!(read(&element[..element.len() - 1], OCTETS), None);
        }
        let two = [write(INTEGER, &[3]), write(OID, &[1, 2])].concat();
        assert_eq!(elements(&two).unwrap().len(), 2);
        assert_eq!(elements(&two[..two.len() - 1]), None);
        assert_eq!(
            read(&[0x30, 0x80, 0, 0], SEQUENCE),
            None,
            "no definite length"
        );
    }
}
