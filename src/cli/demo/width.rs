//! How many columns of a terminal a text takes: Chinese characters are two columns wide.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Columns of a text without control characters.
pub fn columns(text: &str) -> usize {
    text.width()
}

/// The longest beginning of `text` that fits into so many columns.
pub fn beginning(text: &str, at_most: usize) -> &str {
    let end = fitting(text.char_indices(), at_most)
        .last()
        .map_or(0, |(at, c)| at + c.len_utf8());
    text.get(..end).unwrap_or_default()
}

/// The longest end of `text` that fits into so many columns.
pub fn end(text: &str, at_most: usize) -> &str {
    let start = fitting(text.char_indices().rev(), at_most)
        .last()
        .map_or(text.len(), |(at, _)| at);
    text.get(start..).unwrap_or_default()
}

/// `text` and blanks up to a width.
pub fn padded(text: &str, to: usize) -> String {
    let blanks = to.saturating_sub(columns(text));
    format!("{text}{}", " ".repeat(blanks))
}

fn fitting(
    chars: impl Iterator<Item = (usize, char)>,
    at_most: usize,
) -> impl Iterator<Item = (usize, char)> {
    let mut taken = 0_usize;
    chars.take_while(move |(_, c)| {
        taken = taken.saturating_add(c.width().unwrap_or(0));
        taken <= at_most
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chinese_characters_are_two_columns_wide() {
        assert_eq!((columns("粤B12345"), columns("粤Z1234港")), (8, 9));
        assert_eq!((columns("→ raise"), columns("")), (7, 0));
        assert_eq!(padded("粤B", 5), "粤B  ");
        assert_eq!(padded("粤B12345", 5), "粤B12345");
    }

    #[test]
    fn no_character_is_cut_in_half() {
        assert_eq!(beginning("粤B12", 1), "");
        assert_eq!(beginning("粤B12", 3), "粤B");
        assert_eq!(beginning("粤B12", 99), "粤B12");
        assert_eq!(end("12港澳", 3), "澳");
        assert_eq!(end("12港澳", 5), "2港澳");
        assert_eq!(end("港", 0), "");
    }
}
