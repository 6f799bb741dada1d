//! What to do about a text that is not TOML.

use std::ops::Range;

/// Signs of a Chinese keyboard, and those that were meant.
const FULL_WIDTH: [(char, char); 13] = [
    ('＝', '='),
    ('“', '"'),
    ('”', '"'),
    ('‘', '"'),
    ('’', '"'),
    ('＂', '"'),
    ('，', ','),
    ('：', ':'),
    ('。', '.'),
    ('【', '['),
    ('】', ']'),
    ('｛', '{'),
    ('｝', '}'),
];

/// The fix for a syntax error at `span`, as far as one can be told.
pub(super) fn fix(text: &str, span: &Range<usize>, message: &str) -> Option<String> {
    let before = text.get(..span.start).unwrap_or("");
    let from = before.rfind('\n').map_or(0, |at| at + 1);
    let line = text.get(from..).unwrap_or("").lines().next().unwrap_or("");
    let known = |sign: char| FULL_WIDTH.iter().find(|(full, _)| *full == sign);
    let at_fault = text.get(span.start..).and_then(|rest| rest.chars().next());
    let full_width = at_fault.into_iter().chain(line.chars()).find_map(known);
    if let Some((full, plain)) = full_width {
        return Some(format!("write {plain} and not {full}"));
    }
    if message.contains("duplicate key") {
        return Some("it stands above already; leave one out".to_owned());
    }
    let is_foreign = at_fault.is_some_and(|sign| !sign.is_ascii());
    is_foreign
        .then(|| "keys are those of docs/configure.md; other text stands in quotes".to_owned())
}
