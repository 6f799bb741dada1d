//! What a person should know now, with what to do about it.

use serde::{Deserialize, Serialize};

/// A condition that was found, or is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alarm {
    /// What it is.
    pub kind: AlarmKind,
    /// What it concerns, where there may be several: a lane, a number.
    pub subject: String,
    /// False: it is over.
    pub raised: bool,
    /// What is wrong and what to do.
    pub text: String,
}

/// The kinds of alarm; the name is the alarm's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlarmKind {
    /// WeChat does not answer.
    WechatSilent,
    /// WeChat refuses this merchant.
    MerchantStopped,
    /// A verified answer speaks of something else than was asked.
    AnswerMismatch,
    /// WeChat's errors come without a signature.
    UnsignedErrors,
    /// WeChat tells this box about what is not in its ledger.
    NoticeForeign,
    /// WeChat's callbacks arrive and cannot be opened or understood, or cannot arrive.
    CallbacksFail,
    /// The store cannot write.
    StoreFailed,
    /// The store's disk has little room left.
    DiskLow,
    /// The room that is reserved for charges is being used up.
    DiskReserve,
    /// Records that may be missing after a start.
    StoreDamaged,
    /// Closed segments of the ledger cannot be packed, or the next one not be made ready.
    StoreUpkeep,
    /// The index over the ledger was set aside, or is not there.
    IndexUnavailable,
    /// A camera or broker is not reachable.
    LinkDown,
    /// A barrier did not answer.
    BarrierUncertain,
    /// The line or relay of a barrier cannot be driven, or stays driven.
    BarrierFailed,
    /// A car was held for too long.
    HeldTooLong,
    /// WeChat knows numbers that this ledger never gave out.
    NumbersTaken,
    /// A charge went to the staff.
    ChargeWithStaff,
    /// A refund needs a person.
    RefundStuck,
    /// WeChat makes no code that a driver could pay by.
    CodeRefused,
    /// WeChat does not tell what became of a code.
    CodeStuck,
    /// No place is left.
    CarParkFull,
    /// Secrets are missing or do not fit.
    SecretsMissing,
    /// WeChat's own keys are unknown, unreadable or running out.
    WechatKeys,
    /// A certificate ends soon: the merchant's, or one of TLS.
    CertificateEnds,
    /// New keys of the merchant cannot be taken up; the ones before stay in use.
    KeysNotRenewed,
    /// The wall clock is not trusted; nothing is signed.
    ClockUntrusted,
    /// What is old enough to be erased is not.
    RetentionStopped,
    /// WeChat's daily bills could not be fetched for days.
    BillsMissing,
    /// A daily bill and the ledger do not fit.
    BillDiffers,
}

impl AlarmKind {
    /// The alarm's id: its kind, and what it concerns in a form that fits into a topic.
    pub fn id(self, subject: &str) -> String {
        let kind = match serde_json::to_value(self) {
            Ok(serde_json::Value::String(kind)) => kind,
            _ => format!("{self:?}"),
        };
        format!("{kind}/{}", topic_level(subject))
    }

    /// Whether a new text is a new cause, and not the same one counted on.
    pub fn text_is_the_cause(self) -> bool {
        matches!(
            self,
            Self::LinkDown | Self::SecretsMissing | Self::BarrierFailed | Self::KeysNotRenewed
        )
    }

    /// How soon a person should look.
    pub fn severity(self) -> Severity {
        match self {
            Self::MerchantStopped
            | Self::StoreFailed
            | Self::DiskReserve
            | Self::StoreDamaged
            | Self::NumbersTaken
            | Self::SecretsMissing
            | Self::BarrierFailed
            | Self::AnswerMismatch => Severity::Critical,
            Self::WechatSilent
            | Self::WechatKeys
            | Self::CertificateEnds
            | Self::KeysNotRenewed
            | Self::DiskLow
            | Self::LinkDown
            | Self::HeldTooLong
            | Self::BarrierUncertain
            | Self::UnsignedErrors
            | Self::NoticeForeign
            | Self::CallbacksFail
            | Self::StoreUpkeep
            | Self::ClockUntrusted
            | Self::RefundStuck
            | Self::CodeRefused
            | Self::CodeStuck
            | Self::RetentionStopped
            | Self::BillsMissing
            | Self::BillDiffers => Severity::Warning,
            Self::IndexUnavailable | Self::ChargeWithStaff | Self::CarParkFull => Severity::Notice,
        }
    }
}

/// A subject as one level of a topic. What had to be changed or cut is told apart by a checksum.
fn topic_level(subject: &str) -> String {
    const LONGEST: usize = 64;
    let fits = |char: char| char.is_ascii_alphanumeric() || "-_.".contains(char);
    if (1..=LONGEST).contains(&subject.len()) && subject.chars().all(fits) {
        return subject.to_owned();
    }
    let plain = subject
        .chars()
        .map(|char| if fits(char) { char } else { '-' });
    let plain: String = plain.take(LONGEST - 16).collect();
    format!("{plain}-{:08x}", crc32fast::hash(subject.as_bytes()))
}

/// How soon a person should look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// In working hours.
    Notice,
    /// Today.
    Warning,
    /// Now.
    Critical,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_fits_into_a_topic_and_stays_apart() {
        let kind = AlarmKind::LinkDown;
        assert_eq!(kind.id("265e1040-85e01fb7"), "link_down/265e1040-85e01fb7");
        let ids = ["", "a/b", "a+b", "a#b", "车道", &"x".repeat(500)].map(|text| kind.id(text));
        for id in &ids {
            let level = id.strip_prefix("link_down/").unwrap();
            assert!(level.is_ascii() && !level.contains(['/', '+', '#']), "{id}");
            assert!(level.len() <= 64, "{id}");
        }
        assert_ne!(ids[1], ids[2]);
    }

    /// docs/alarms.md has a row for every kind, with its true severity, and for nothing else.
    #[test]
    fn the_documentation_knows_every_alarm() {
        let rows = include_str!("../../docs/alarms.md")
            .lines()
            .filter_map(|line| {
                let cells: Vec<&str> = line
                    .strip_prefix("| `")?
                    .split('|')
                    .map(str::trim)
                    .collect();
                assert!(
                    cells.len() >= 4 && cells[2].len() > 20 && cells[3].len() > 20,
                    "{line}"
                );
                Some((
                    cells[0].trim_end_matches('`').to_owned(),
                    cells[1].to_owned(),
                ))
            });
        let mut documented: Vec<(String, String)> = rows.collect();
        let mut known: Vec<(String, String)> = kinds()
            .into_iter()
            .map(|kind| {
                let name = |value: serde_json::Value| value.as_str().unwrap().to_owned();
                (
                    name(serde_json::to_value(kind).unwrap()),
                    name(serde_json::to_value(kind.severity()).unwrap()),
                )
            })
            .collect();
        documented.sort();
        known.sort();
        assert_eq!(documented, known);
    }

    /// All kinds, by what the parser says that it would take.
    fn kinds() -> Vec<AlarmKind> {
        let refusal = serde_json::from_str::<AlarmKind>("\"?\"")
            .unwrap_err()
            .to_string();
        let names: Vec<&str> = refusal.split('`').skip(3).step_by(2).collect();
        assert!(names.len() > 5, "{refusal}");
        names
            .into_iter()
            .map(|name| serde_json::from_value(name.into()).unwrap())
            .collect()
    }
}
