//! What goes to the terminal: lines that a closed pipe does not upset, columns that fit Chinese, plates
//! that can be hidden.

use std::collections::BTreeSet;
use std::io::Write;
use std::process::ExitCode;

use serde_json::Value;

use crate::lane::plate::PlateNumber;

/// Prints `text` and a line's end. A reader that has gone away is no reason to complain.
pub fn print(text: &str) -> ExitCode {
    let mut stdout = std::io::stdout().lock();
    let _ = writeln!(stdout, "{}", text.trim_end_matches('\n'));
    ExitCode::SUCCESS
}

/// Prints bytes as they are; false once nobody reads any more.
pub fn write(bytes: &[u8]) -> bool {
    std::io::stdout().lock().write_all(bytes).is_ok()
}

/// Tells whoever looks on. Nobody may be there.
pub fn note(text: &str) {
    let _ = writeln!(std::io::stderr(), "parkgate: {text}");
}

/// Rows in columns.
#[derive(Default)]
pub struct Table {
    rows: Vec<Vec<Cell>>,
}

/// A cell, and on which side its blanks are.
pub struct Cell {
    text: String,
    to_the_right: bool,
}

/// Words.
pub fn text(text: impl Into<String>) -> Cell {
    Cell {
        text: text.into(),
        to_the_right: false,
    }
}

/// A number, its last digits under each other.
pub fn number(text: impl Into<String>) -> Cell {
    Cell {
        text: text.into(),
        to_the_right: true,
    }
}

impl Table {
    pub fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        self.rows.push(cells.into_iter().collect());
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// All rows, each with a line's end, columns two blanks apart.
    pub fn render(&self) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let widths: Vec<usize> = (0..columns)
            .map(|column| {
                let cells = self.rows.iter().filter_map(|row| row.get(column));
                cells.map(|cell| width(&cell.text)).max().unwrap_or(0)
            })
            .collect();
        let mut out = String::new();
        for row in &self.rows {
            let mut line = String::new();
            for (cell, width) in row.iter().zip(&widths) {
                let blanks = " ".repeat(width.saturating_sub(self::width(&cell.text)));
                if !line.is_empty() {
                    line.push_str("  ");
                }
                match cell.to_the_right {
                    true => line.push_str(&format!("{blanks}{}", cell.text)),
                    false => line.push_str(&format!("{}{blanks}", cell.text)),
                }
            }
            out.push_str(line.trim_end());
            out.push('\n');
        }
        out
    }
}

/// `text` and blanks up to a width.
pub fn padded(text: &str, to: usize) -> String {
    let blanks = to.saturating_sub(width(text));
    format!("{text}{}", " ".repeat(blanks))
}

/// Columns that `text` takes on a terminal, by Unicode's East Asian width: wide and full-width
/// characters take two, combining ones none.
pub fn width(text: &str) -> usize {
    text.chars()
        .map(|c| match u32::from(c) {
            0x0000..=0x001F | 0x007F..=0x009F | 0x0300..=0x036F | 0x200B..=0x200F => 0,
            0xFE00..=0xFE0F => 0,
            0x1100..=0x115F
            | 0x2E80..=0x303E
            | 0x3041..=0xA4CF
            | 0xAC00..=0xD7A3
            | 0xF900..=0xFAFF
            | 0xFE30..=0xFE6F
            | 0xFF00..=0xFF60
            | 0xFFE0..=0xFFE6
            | 0x1F300..=0x1FAFF
            | 0x2_0000..=0x3_FFFD => 2,
            _ => 1,
        })
        .sum()
}

/// Hides every plate in an answer, wherever in its texts it stands.
pub fn mask(value: &mut Value) {
    let mut plates = BTreeSet::new();
    find_plates(value, &mut plates);
    let plates: Vec<(String, String)> = plates
        .into_iter()
        .map(|plate| {
            let masked = match PlateNumber::parse(&plate) {
                Ok(parsed) => parsed.plate.masked(),
                Err(_) => "***".to_owned(),
            };
            (plate, masked)
        })
        .collect();
    replace(value, &plates);
}

fn find_plates(value: &Value, plates: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                match value {
                    Value::String(plate) if key.contains("plate") && !plate.is_empty() => {
                        plates.insert(plate.clone());
                    }
                    // A request as it was sent is a text with an object in it.
                    Value::String(text) if text.starts_with('{') => {
                        if let Ok(inner) = serde_json::from_slice::<Value>(text.as_bytes()) {
                            find_plates(&inner, plates);
                        }
                    }
                    value => find_plates(value, plates),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| find_plates(item, plates)),
        _ => {}
    }
}

fn replace(value: &mut Value, plates: &[(String, String)]) {
    match value {
        Value::String(text) => {
            for (plate, masked) in plates {
                if text.contains(plate.as_str()) {
                    *text = text.replace(plate.as_str(), masked);
                }
            }
        }
        Value::Object(object) => object.values_mut().for_each(|value| replace(value, plates)),
        Value::Array(items) => items.iter_mut().for_each(|item| replace(item, plates)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_under_each_other_whatever_is_in_them() {
        let mut table = Table::default();
        table.row([text("粤B10001"), number("5.00"), text("已收")]);
        table.row([text("使014578X"), number("1200.00"), text("settled")]);
        table.row([text("京A7K2M5"), number("0.50"), text("")]);
        let rendered = table.render();
        let lines: Vec<&str> = rendered.lines().collect();
        assert_eq!(lines[0], "粤B10001      5.00  已收");
        assert_eq!(lines[1], "使014578X  1200.00  settled");
        let column = |line: &str, of: &str| width(line.split(of).next().unwrap()) + width(of);
        let ends = [
            column(lines[0], "5.00"),
            column(lines[1], "1200.00"),
            column(lines[2], "0.50"),
        ];
        assert_eq!(ends, [18, 18, 18]);
        assert_eq!(width("ｗ停e\u{0301}"), 5);
        assert_eq!(width(&padded("车牌", 10)), 10);
    }

    #[test]
    fn a_masked_answer_holds_no_plate_in_any_of_its_texts() {
        let mut value = serde_json::json!({
            "charges": [{ "plate": "粤B10001", "trade_no": "T1" }],
            "text": "粤B10001 was held",
            "raw_plate": "粤?1",
            "body": "{\"plate_number\":\"苏E6P398\"}",
        });
        mask(&mut value);
        let text = value.to_string();
        for plate in ["粤B10001", "苏E6P398", "粤?1"] {
            assert!(!text.contains(plate), "{text}");
        }
        assert!(text.contains("粤B·1***") && text.contains("T1"), "{text}");
    }
}
