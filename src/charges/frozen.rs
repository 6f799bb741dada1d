//! Frozen request bodies as memory keeps them. What all bodies of one merchant have in common stands in a
//! form that they share; of the text itself only what differs is kept. Whoever sends it gets it back byte
//! for byte: a text that its form would not give back is kept as it is.

use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::body::{AmountBody, ChargeBody, EntryBody, ParkingInfoBody, freeze};
use crate::lane::number::NumberKey;
use crate::lane::plate::{PlateColor, PlateNumber};
use crate::lane::time::Wall;

/// What entries have in common. See [`EntryBody`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct EntryForm {
    pub(super) sub_mchid: Option<String>,
    pub(super) notify_url: String,
    pub(super) parking_name: String,
    pub(super) free_duration: u64,
}

/// What the charges of one exit have in common. See [`ChargeBody`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ChargeForm {
    pub(super) appid: String,
    pub(super) sub_appid: Option<String>,
    pub(super) sub_mchid: Option<String>,
    pub(super) description: String,
    pub(super) attach: Option<String>,
    pub(super) trade_scene: String,
    pub(super) goods_tag: Option<String>,
    pub(super) notify_url: String,
    pub(super) profit_sharing: Option<String>,
    pub(super) currency: String,
    pub(super) parking_name: String,
    pub(super) device_id: String,
}

/// What makes one entry's body out of its form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormedEntry {
    pub(super) form: Arc<EntryForm>,
    pub(super) session: NumberKey,
    pub(super) attempt: u16,
    pub(super) plate: PlateNumber,
    pub(super) color: PlateColor,
    pub(super) start: Wall,
}

/// What makes one charge's body out of its form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormedCharge {
    pub(super) form: Arc<ChargeForm>,
    pub(super) trade_no: NumberKey,
    pub(super) total: u64,
    pub(super) parking_id: String,
    pub(super) plate: PlateNumber,
    pub(super) color: PlateColor,
    pub(super) start: Wall,
    pub(super) end: Wall,
    pub(super) duration_s: u64,
}

/// The frozen body of an entry.
pub type EntryText = Text<FormedEntry>;
/// The frozen body of a charge.
pub type ChargeText = Text<FormedCharge>;

/// A frozen body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Text<F> {
    /// As this release makes it.
    Formed(F),
    /// As another release made it.
    Written(String),
}

/// What makes one body out of its form.
pub trait Formed: Sized {
    /// As it is sent.
    type Body: Serialize + DeserializeOwned;

    /// Of a body; None if it says anything that no form says.
    fn of(body: Self::Body) -> Option<Self>;

    /// The body.
    fn body(&self) -> Self::Body;
}

impl<F: Formed> Text<F> {
    /// The body that was frozen as `text`.
    pub fn of(text: &str) -> Self {
        let formed = || {
            let formed = F::of(serde_json::from_slice(text.as_bytes()).ok()?)?;
            (freeze(&formed.body()) == text).then_some(formed)
        };
        formed().map_or_else(|| Self::Written(text.to_owned()), Self::Formed)
    }

    /// The bytes that were frozen.
    pub fn text(&self) -> String {
        match self {
            Self::Formed(formed) => freeze(&formed.body()),
            Self::Written(text) => text.clone(),
        }
    }

    /// What they say; None if this release cannot tell.
    pub fn body(&self) -> Option<F::Body> {
        match self {
            Self::Formed(formed) => Some(formed.body()),
            Self::Written(text) => serde_json::from_slice(text.as_bytes()).ok(),
        }
    }
}

impl<F: Formed> Serialize for Text<F> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text())
    }
}

impl<'de, F: Formed> Deserialize<'de> for Text<F> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self::of(&text))
    }
}

impl EntryText {
    /// When they say the stay began.
    pub fn start_time(&self) -> Option<String> {
        match self {
            Self::Formed(formed) => Some(formed.start.to_rfc3339()),
            Self::Written(text) => super::body::start_time_of(text),
        }
    }

    /// For whom they are, in partner mode.
    pub fn sub_mchid(&self) -> Option<String> {
        match self {
            Self::Formed(formed) => formed.form.sub_mchid.clone(),
            Self::Written(_) => self.body()?.sub_mchid,
        }
    }
}

impl Formed for FormedEntry {
    type Body = EntryBody;

    fn of(body: EntryBody) -> Option<Self> {
        let EntryBody {
            sub_mchid,
            out_parking_no,
            plate_number,
            plate_color,
            notify_url,
            start_time,
            parking_name,
            free_duration,
        } = body;
        let (session, attempt) = NumberKey::of_parking_no(&out_parking_no)?;
        Some(Self {
            form: Arc::new(EntryForm {
                sub_mchid,
                notify_url,
                parking_name,
                free_duration,
            }),
            session,
            attempt,
            plate: PlateNumber::parse(&plate_number).ok()?.plate,
            color: plate_color,
            start: Wall::from_rfc3339(&start_time)?,
        })
    }

    fn body(&self) -> EntryBody {
        let form = &*self.form;
        EntryBody {
            sub_mchid: form.sub_mchid.clone(),
            out_parking_no: self.session.session().parking_no(self.attempt),
            plate_number: self.plate.as_str().to_owned(),
            plate_color: self.color,
            notify_url: form.notify_url.clone(),
            start_time: self.start.to_rfc3339(),
            parking_name: form.parking_name.clone(),
            free_duration: form.free_duration,
        }
    }
}

impl Formed for FormedCharge {
    type Body = ChargeBody;

    fn of(body: ChargeBody) -> Option<Self> {
        let ChargeBody {
            appid,
            sub_appid,
            sub_mchid,
            description,
            attach,
            out_trade_no,
            trade_scene,
            goods_tag,
            notify_url,
            profit_sharing,
            amount: AmountBody { total, currency },
            parking_info,
        } = body;
        let ParkingInfoBody {
            parking_id,
            plate_number,
            plate_color,
            start_time,
            end_time,
            parking_name,
            charging_duration,
            device_id,
        } = parking_info;
        Some(Self {
            form: Arc::new(ChargeForm {
                appid,
                sub_appid,
                sub_mchid,
                description,
                attach,
                trade_scene,
                goods_tag,
                notify_url,
                profit_sharing,
                currency,
                parking_name,
                device_id,
            }),
            trade_no: NumberKey::of_trade_no(&out_trade_no)?,
            total,
            parking_id,
            plate: PlateNumber::parse(&plate_number).ok()?.plate,
            color: plate_color,
            start: Wall::from_rfc3339(&start_time)?,
            end: Wall::from_rfc3339(&end_time)?,
            duration_s: charging_duration,
        })
    }

    fn body(&self) -> ChargeBody {
        let form = &*self.form;
        ChargeBody {
            appid: form.appid.clone(),
            sub_appid: form.sub_appid.clone(),
            sub_mchid: form.sub_mchid.clone(),
            description: form.description.clone(),
            attach: form.attach.clone(),
            out_trade_no: self.trade_no.trade_no(),
            trade_scene: form.trade_scene.clone(),
            goods_tag: form.goods_tag.clone(),
            notify_url: form.notify_url.clone(),
            profit_sharing: form.profit_sharing.clone(),
            amount: AmountBody {
                total: self.total,
                currency: form.currency.clone(),
            },
            parking_info: ParkingInfoBody {
                parking_id: self.parking_id.clone(),
                plate_number: self.plate.as_str().to_owned(),
                plate_color: self.color,
                start_time: self.start.to_rfc3339(),
                end_time: self.end.to_rfc3339(),
                parking_name: form.parking_name.clone(),
                charging_duration: self.duration_s,
                device_id: form.device_id.clone(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENTRY: &str = r#"{"out_parking_no":"P0000000001000000100","plate_number":"粤B88888","plate_color":"BLUE","notify_url":"https://pay.example.com/wx/parking-state","start_time":"2025-11-24T10:00:00+08:00","parking_name":"测试停车场","free_duration":900}"#;
    const CHARGE: &str = r#"{"appid":"wxcbda96de0b165486","description":"停车费","out_trade_no":"T0000000001000000100","trade_scene":"PARKING","notify_url":"https://pay.example.com/wx/parking-pay","amount":{"total":1500,"currency":"CNY"},"parking_info":{"parking_id":"5K8264ILTKCH16CQ250","plate_number":"粤B88888","plate_color":"BLUE","start_time":"2025-11-24T10:00:00+08:00","end_time":"2025-11-24T12:30:00+08:00","parking_name":"测试停车场","charging_duration":9000,"device_id":"E1"}}"#;

    #[test]
    fn a_body_of_this_release_is_kept_by_its_form_and_given_back_byte_for_byte() {
        assert!(matches!(EntryText::of(ENTRY), EntryText::Formed(_)));
        assert_eq!(EntryText::of(ENTRY).text(), ENTRY);
        assert!(matches!(ChargeText::of(CHARGE), ChargeText::Formed(_)));
        assert_eq!(ChargeText::of(CHARGE).text(), CHARGE);
    }

    #[test]
    fn any_other_text_is_kept_as_it_is() {
        let others = |text: &str| {
            [
                text.replace("+08:00", "Z"),
                text.replace("粤B88888", "粤B·88888"),
                text.replace("0000000001000000100", "S1"),
                text.replacen('{', "{ ", 1),
                text.replacen('{', r#"{"new":1,"#, 1),
                "no body at all".to_owned(),
            ]
        };
        for text in others(ENTRY) {
            let kept = EntryText::of(&text);
            assert_eq!(kept, EntryText::Written(text.clone()));
            assert_eq!(kept.text(), text);
        }
        for text in others(CHARGE) {
            let kept = ChargeText::of(&text);
            assert_eq!(kept, ChargeText::Written(text.clone()));
            assert_eq!(kept.text(), text);
        }
    }

    #[test]
    fn it_is_written_as_the_text_that_it_is() {
        for text in [ENTRY, "another"] {
            let json = serde_json::to_string(&EntryText::of(text)).unwrap();
            assert_eq!(json, serde_json::to_string(text).unwrap());
            let read: EntryText = serde_json::from_str(&json).unwrap();
            assert_eq!(read, EntryText::of(text));
        }
    }
}
