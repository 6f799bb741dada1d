//! Plate text as bytes: UTF-8 or GB18030, never replaced character by character.

use std::borrow::Cow;

use crate::lane::plate::{Parsed, PlateFault, PlateNumber};

/// Longer texts are not read as plates.
const BYTES_MAX: usize = 256;

/// A text that may be a plate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlateText {
    /// As it was written.
    pub text: String,
    /// As a plate.
    pub parsed: Result<Parsed, PlateFault>,
    /// It was GB18030.
    pub gbk: bool,
}

/// Reads `bytes` in the encoding in which they say something, UTF-8 first. None if they are text in
/// neither, or far too long.
///
/// Valid UTF-8 is no proof of it: 鲁 and 豫 in GBK are two-byte characters of UTF-8 as well (`³`,
/// `ԥ`). Where UTF-8 yields neither a plate nor a word for none, and GBK does, it was GBK.
pub fn read(bytes: &[u8]) -> Option<PlateText> {
    if bytes.len() > BYTES_MAX {
        return None;
    }
    let utf8 = std::str::from_utf8(bytes)
        .ok()
        .map(|text| PlateText::of(text, false));
    if let Some(text) = &utf8
        && (text.parsed != Err(PlateFault::Invalid) || bytes.is_ascii())
    {
        return utf8;
    }
    let gbk = encoding_rs::GB18030
        .decode_without_bom_handling_and_without_replacement(bytes)
        .map(|text| PlateText::of(&text, true));
    match (utf8, gbk) {
        (Some(_), Some(gbk)) if gbk.parsed != Err(PlateFault::Invalid) => Some(gbk),
        (Some(utf8), _) => Some(utf8),
        (None, gbk) => gbk,
    }
}

/// `bytes` as text in the one encoding or the other; None if they are text in neither.
pub fn decode(bytes: &[u8]) -> Option<Cow<'_, str>> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Some(Cow::Borrowed(text)),
        Err(_) => encoding_rs::GB18030.decode_without_bom_handling_and_without_replacement(bytes),
    }
}

impl PlateText {
    /// Reads a text that was decoded already.
    pub fn of(text: &str, gbk: bool) -> Self {
        Self {
            text: text
                .trim_matches(|c: char| c.is_whitespace() || c.is_control())
                .to_owned(),
            parsed: PlateNumber::parse(text),
            gbk,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_province_is_read_in_both_encodings() {
        for province in "京津冀晋蒙辽吉黑沪苏浙皖闽赣鲁豫鄂湘粤桂琼渝川贵云藏陕甘青宁新".chars()
        {
            let plate = format!("{province}B6K7H2");
            let (gbk, _, lossy) = encoding_rs::GB18030.encode(&plate);
            assert!(!lossy);
            for (bytes, is_gbk) in [(plate.as_bytes(), false), (&*gbk, true)] {
                let read = read(bytes).unwrap();
                assert_eq!(read.parsed.unwrap().plate.as_str(), plate);
                assert_eq!(read.gbk, is_gbk, "{plate}");
            }
        }
    }

    #[test]
    fn what_is_no_plate_keeps_its_text() {
        let read_utf8 = read("粤B6K7H2H2H2".as_bytes()).unwrap();
        assert_eq!(read_utf8.parsed, Err(PlateFault::Invalid));
        assert_eq!(
            (read_utf8.text.as_str(), read_utf8.gbk),
            ("粤B6K7H2H2H2", false)
        );
        assert_eq!(read(&[0xff, 0xff]), None);
        assert_eq!(read(&[b'A'; 300]), None);
        assert_eq!(
            read("无牌车\0".as_bytes()).unwrap().parsed,
            Err(PlateFault::Unlicensed)
        );
    }
}
