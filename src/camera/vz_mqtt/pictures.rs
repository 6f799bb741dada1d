//! Pictures, cut out of a message before it is read. They are most of its bytes, and nothing here
//! looks at them.

use std::borrow::Cow;
use std::ops::Range;

/// Longer strings are pictures: nothing that is read of a reading may be a tenth as long.
const PICTURE_BYTES_MIN: usize = 4096;
/// So much stays at either end, more than any text that is read may be long: in the wrong place a
/// picture remains too long for it.
const END_BYTES: usize = 512;

/// `message` without the inside of its pictures. Whatever is a string in it stays one, and whatever is
/// not stays that; only what is wrong within a picture is wrong no more.
pub fn cut(message: &[u8]) -> Cow<'_, [u8]> {
    let (mut rest, mut from) = (Vec::new(), 0);
    for inside in insides(message) {
        rest.extend_from_slice(&message[from..inside.start]);
        from = inside.end;
    }
    if from == 0 {
        return Cow::Borrowed(message);
    }
    rest.extend_from_slice(&message[from..]);
    Cow::Owned(rest)
}

/// Where the insides of the pictures stand, in order: between two quotes, where there are many bytes that
/// look like base64 at both ends. So no quote goes, and no escape begins or ends where it is cut.
pub fn insides(message: &[u8]) -> impl Iterator<Item = Range<usize>> {
    let is_long = message.len() >= PICTURE_BYTES_MIN;
    let quotes = memchr::memchr_iter(b'"', message).take_while(move |_| is_long);
    let mut from = 0;
    let between = quotes.map(move |quote| std::mem::replace(&mut from, quote + 1)..quote);
    between
        .filter(|between| between.len() >= PICTURE_BYTES_MIN)
        .map(|between| between.start + END_BYTES..between.end - END_BYTES)
        .filter(|inside| {
            let before = &message[inside.start - END_BYTES..inside.start];
            let after = &message[inside.end..inside.end + END_BYTES];
            before.iter().chain(after).all(is_base64)
        })
}

fn is_base64(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=')
}
