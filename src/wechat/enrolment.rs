//! Whether a driver has opened the service for a plate (查询车牌服务开通信息, `wechat-pay.md` 2.1).
//!
//! For people who help a driver: the lanes decide by the entry, which knows more (9.2, 9).

use std::fmt;

use serde::{Deserialize, Serialize};

use super::parking::{ParseFault, object, optional, required};
use crate::lane::plate::{PlateColor, PlateNumber};

const FIND: &str = "/v3/vehicle/parking/services/find";

/// Whom and what is asked about. The driver's id is personal and not in its `Debug`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    /// The plate.
    pub plate: PlateNumber,
    /// WeChat knows plates by number and colour.
    pub color: PlateColor,
    /// The driver, as the merchant's own app id knows him.
    pub openid: String,
}

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asker {
    /// Bound to the calling merchant id; in partner mode the provider's.
    pub appid: String,
    /// For whom, in partner mode.
    pub sub_mchid: Option<String>,
}

/// What WeChat knows of it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enrolment {
    /// Echo.
    pub plate_number: String,
    /// Echo.
    pub plate_color: String,
    /// Echo.
    pub openid: String,
    /// `NORMAL`, `PAUSE`, `OUT_SERVICE`; open list.
    pub service_state: String,
    /// RFC 3339, once it was opened.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub service_open_time: Option<String>,
}

impl Wanted {
    /// Path and query as signed and sent.
    pub(super) fn target(&self, asker: &Asker) -> String {
        let mut target = format!("{FIND}?appid={}", encoded(&asker.appid));
        if let Some(sub_mchid) = &asker.sub_mchid {
            target.push_str(&format!("&sub_mchid={}", encoded(sub_mchid)));
        }
        target.push_str(&format!(
            "&plate_number={}&plate_color={}&openid={}",
            encoded(self.plate.as_str()),
            self.color_word(),
            encoded(&self.openid)
        ));
        target
    }

    /// Whether a verified answer speaks of what was asked.
    pub(super) fn is_meant_by(&self, enrolment: &Enrolment) -> bool {
        enrolment.plate_number == self.plate.as_str()
            && enrolment.plate_color == self.color_word()
            && enrolment.openid == self.openid
    }

    fn color_word(&self) -> String {
        match serde_json::to_value(self.color) {
            Ok(serde_json::Value::String(word)) => word,
            _ => String::new(),
        }
    }
}

impl fmt::Debug for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wanted")
            .field("plate", &self.plate)
            .field("color", &self.color)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Enrolment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Enrolment")
            .field("service_state", &self.service_state)
            .finish_non_exhaustive()
    }
}

/// Reads the answer.
pub(super) fn enrolment(body: &[u8]) -> Result<Enrolment, ParseFault> {
    let found = object(body)?;
    Ok(Enrolment {
        plate_number: required(&found, "plate_number")?,
        plate_color: required(&found, "plate_color")?,
        openid: required(&found, "openid")?,
        service_state: required(&found, "service_state")?,
        service_open_time: optional(&found["service_open_time"]),
    })
}

/// Percent-encoded UTF-8: the same in what is signed and on the wire, whoever reads it.
fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte));
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::super::tests::vectors::{text, vectors};
    use super::*;

    #[test]
    fn the_target_is_the_vectors_in_both_modes() {
        let vectors = vectors();
        let material = &vectors["material"];
        let sub_mchid = text(&material["sp_mode"]["sub_mchid"]);
        let wanted = wanted("粤B88888");
        for (name, sub_mchid) in [("find_direct", None), ("find_partner", Some(sub_mchid))] {
            let asker = Asker {
                appid: text(&material["appid"]).into(),
                sub_mchid: sub_mchid.map(str::to_owned),
            };
            let cases = vectors["request_signatures"].as_array().unwrap();
            let case = cases.iter().find(|case| case["name"] == name).unwrap();
            // The vectors' plate has a digit more than any plate.
            let theirs = text(&case["request_target"]).replace("B888888", "B88888");
            assert_eq!(wanted.target(&asker), theirs);
        }
    }

    #[test]
    fn nothing_typed_can_change_the_query() {
        let mut wanted = wanted("粤B88888");
        wanted.openid = "o&appid=x#/../?%+ 粤".into();
        let asker = Asker {
            appid: "wx1".into(),
            sub_mchid: None,
        };
        let target = wanted.target(&asker);
        assert!(
            target.ends_with("&openid=o%26appid%3Dx%23%2F..%2F%3F%25%2B%20%E7%B2%A4"),
            "{target}"
        );
    }

    #[test]
    fn an_answer_about_anything_else_is_not_meant() {
        let wanted = wanted("粤B88888");
        let right = || Enrolment {
            plate_number: "粤B88888".into(),
            plate_color: "BLUE".into(),
            openid: "oUpF8uMuAJOM2pxb1Q".into(),
            service_state: "PAUSE".into(),
            service_open_time: None,
        };
        assert!(wanted.is_meant_by(&right()));
        let spoil: [fn(&mut Enrolment); 3] = [
            |it| it.plate_number.push('1'),
            |it| it.plate_color = "GREEN".into(),
            |it| it.openid.push('1'),
        ];
        for spoil in spoil {
            let mut other = right();
            spoil(&mut other);
            assert!(!wanted.is_meant_by(&other));
        }
        let shown = format!("{wanted:?} {:?}", right());
        assert!(
            !shown.contains("oUpF8") && !shown.contains("B88888"),
            "{shown}"
        );
    }

    fn wanted(plate: &str) -> Wanted {
        Wanted {
            plate: PlateNumber::parse(plate).unwrap().plate,
            color: PlateColor::Blue,
            openid: "oUpF8uMuAJOM2pxb1Q".into(),
        }
    }
}
