//! A plate as a person types it.

use crate::lane::plate::{PlateColor, PlateFault, PlateNumber};

/// Of whom types letters and digits alone: the demo's car park stands in Shenzhen.
const PROVINCE: char = '粤';

/// Reads a plate: whole, or without its province. Else says what is wrong.
///
/// # Errors
/// A sentence for the person who typed it.
pub fn plate(text: &str) -> Result<PlateNumber, String> {
    let completed = format!("{PROVINCE}{text}");
    // WJ begins the plates of the armed police, and would be a new-energy car of 粤W otherwise.
    let is_short = text.is_ascii() && !text.to_ascii_uppercase().starts_with("WJ");
    let short = is_short.then(|| PlateNumber::parse(&completed).ok());
    match short.flatten() {
        Some(parsed) => Ok(parsed.plate),
        None => PlateNumber::parse(text)
            .map(|parsed| parsed.plate)
            .map_err(|fault| refusal(text, fault)),
    }
}

/// The colour that a car with this plate most likely has.
pub fn color(plate: &PlateNumber) -> PlateColor {
    let colors = plate.shape().colors();
    colors.first().copied().unwrap_or(PlateColor::Blue)
}

fn refusal(text: &str, fault: PlateFault) -> String {
    match fault {
        PlateFault::Unlicensed => format!("{text}: a car without a plate cannot be sent by name"),
        PlateFault::Empty | PlateFault::Invalid => format!(
            "{text} is no plate; write {PROVINCE}B12345 or short B12345, a new-energy car BD12345"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plate_may_lack_its_province() {
        for (typed, meant) in [
            ("B12345", "粤B12345"),
            ("b12345", "粤B12345"),
            ("BD12345", "粤BD12345"),
            ("京A·88888", "京A88888"),
            ("京ＡF12345", "京AF12345"),
            ("WJ12345", "WJ12345"),
            ("粤Z1234港", "粤Z1234港"),
        ] {
            assert_eq!(plate(typed).unwrap().as_str(), meant, "{typed}");
        }
    }

    #[test]
    fn what_is_no_plate_is_named() {
        for typed in ["12345", "粤", "B1234", "日本12345", "B1234567890"] {
            let said = plate(typed).unwrap_err();
            assert!(said.starts_with(typed), "{said}");
            assert!(said.contains("粤B12345"), "{said}");
        }
        assert!(plate("无").unwrap_err().contains("without a plate"));
    }

    #[test]
    fn the_color_goes_with_the_shape() {
        let color_of = |typed: &str| color(&plate(typed).unwrap());
        assert_eq!(color_of("B12345"), PlateColor::Blue);
        assert_eq!(color_of("BD12345"), PlateColor::Green);
        assert_eq!(color_of("B12345D"), PlateColor::LimeGreen);
        assert_eq!(color_of("粤B1234警"), PlateColor::White);
        // WeChat has no word for it; the camera has one for what it sees.
        assert_eq!(color_of("临12345"), PlateColor::Blue);
    }
}
