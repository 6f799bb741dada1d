use proptest::prelude::*;

use crate::cli::demo::keys::{Key, Keys};
use crate::cli::demo::line::{Line, Way, Wish};

#[test]
fn characters_of_several_bytes_come_in_any_pieces() {
    let mut keys = Keys::default();
    let (first, rest) = "粤B".as_bytes().split_at(2);
    assert_eq!(keys.take(first), []);
    assert_eq!(keys.take(rest), [Key::Typed('粤'), Key::Typed('B')]);
    assert_eq!(keys.take(b"\r\n\x7f\x15"), {
        [Key::Enter, Key::Enter, Key::Backspace, Key::Clear]
    });
    assert_eq!(keys.take(b"\x03\x04"), [Key::Quit, Key::Quit]);
}

#[test]
fn bytes_of_another_encoding_are_told_and_cost_nothing_else() {
    let mut keys = Keys::default();
    // 粤 in GBK.
    assert_eq!(
        keys.take(b"\xd4\xc1B1"),
        [
            Key::Unreadable,
            Key::Unreadable,
            Key::Typed('B'),
            Key::Typed('1')
        ]
    );
    let half = ["粤".as_bytes()[0]];
    assert_eq!(keys.take(&half), []);
    assert_eq!(keys.take(b"B"), [Key::Unreadable, Key::Typed('B')]);
}

#[test]
fn pasted_text_is_no_command() {
    let mut keys = Keys::default();
    let pasted = keys.take("\x1b[200~粤n1\r\n\x1b[A\x1b[201~q".as_bytes());
    assert_eq!(
        pasted,
        [
            Key::Pasted('粤'),
            Key::Pasted('n'),
            Key::Pasted('1'),
            Key::Typed('q')
        ]
    );
}

#[test]
fn an_escape_is_a_key_if_nothing_follows() {
    let mut keys = Keys::default();
    assert_eq!(keys.take(b"\x1b"), []);
    assert!(keys.is_waiting());
    assert_eq!(keys.settle(), Some(Key::Clear));
    assert!(!keys.is_waiting());
    assert_eq!(keys.take(b"\x1b[A\x1bOA"), [Key::Up, Key::Up]);
    assert_eq!(keys.take(b"\x1b[1;5D\x1b[15~\x1b[B"), []);
    assert_eq!(keys.take(b"\x1bx"), [Key::Clear, Key::Typed('x')]);
}

#[test]
fn small_letters_are_commands_where_no_plate_begins() {
    let mut line = Line::default();
    for (c, wish) in [
        ('n', Wish::Network),
        ('f', Wish::Fault),
        ('p', Wish::Pause),
        ('h', Wish::Help),
        ('q', Wish::Quit),
    ] {
        assert_eq!(line.press(Key::Typed(c)), Some(wish));
        assert_eq!(line.text(), "");
    }
    type_in(&mut line, "Nnfpq");
    assert_eq!(line.text(), "Nnfpq");
    assert_eq!(line.press(Key::Quit), Some(Wish::Quit));
}

#[test]
fn a_plate_and_a_key_send_a_car_and_the_plate_can_be_had_again() {
    let mut line = Line::default();
    assert_eq!(line.press(Key::Enter), Some(drive("", Way::Through)));
    type_in(&mut line, "粤B12345");
    assert_eq!(
        line.press(Key::Typed('i')),
        Some(drive("粤B12345", Way::In))
    );
    // Nothing is lost until the car is on its way.
    assert_eq!(line.text(), "粤B12345");
    line.done("粤B12345");
    assert_eq!(line.text(), "");
    line.press(Key::Up);
    assert_eq!(
        line.press(Key::Typed('o')),
        Some(drive("粤B12345", Way::Out))
    );
    line.press(Key::Backspace);
    assert_eq!(line.text(), "粤B1234");
    line.press(Key::Clear);
    assert_eq!(line.text(), "");
    line.press(Key::Backspace);
    line.press(Key::Pasted('q'));
    assert_eq!(line.text(), "q");
}

#[test]
fn a_full_line_says_so_and_keeps_what_it_has() {
    let mut line = Line::default();
    type_in(&mut line, &"A".repeat(24));
    assert_eq!(line.press(Key::Pasted('B')), Some(Wish::Full));
    assert_eq!(line.text(), "A".repeat(24));
}

proptest! {
    #[test]
    fn any_bytes_are_taken(pieces in any_pieces()) {
        let mut keys = Keys::default();
        let mut line = Line::default();
        for piece in &pieces {
            for key in keys.take(piece) {
                if let Some(Wish::Drive { plate, .. }) = line.press(key) {
                    let _ = crate::cli::demo::typed::plate(&plate);
                }
            }
        }
        let _ = keys.settle();
        prop_assert!(line.text().chars().count() <= 24);
    }

    #[test]
    fn it_does_not_matter_how_bytes_are_cut(pieces in any_pieces()) {
        let mut whole = Keys::default();
        let mut cut = Keys::default();
        let in_pieces: Vec<Key> = pieces.iter().flat_map(|piece| cut.take(piece)).collect();
        prop_assert_eq!(whole.take(&pieces.concat()), in_pieces);
    }
}

/// Bytes in which sequences and characters are likely.
fn any_pieces() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let piece = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..12),
        prop_oneof![
            Just("\x1b["),
            Just("\x1b[200~"),
            Just("\x1b[201~"),
            Just("\x1b"),
            Just("粤B"),
            Just("O"),
            Just("\x1b[1;")
        ]
        .prop_map(|text| text.as_bytes().to_vec()),
    ];
    proptest::collection::vec(piece, 0..12)
}

fn type_in(line: &mut Line, text: &str) {
    for c in text.chars() {
        assert_eq!(line.press(Key::Typed(c)), None);
    }
}

fn drive(plate: &str, way: Way) -> Wish {
    Wish::Drive {
        plate: plate.into(),
        way,
    }
}
