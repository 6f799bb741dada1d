//! The list of platform certificates, and when to ask for it (`wechat-pay.md` 1.6).

use std::collections::VecDeque;

use serde::Deserialize;

use super::certificate::Certificate;
use super::pem::PemFault;
use super::seal::{ApiV3Keys, SealFault, Sealed};
use super::trust::key_id;
use crate::lane::time::{Moment, Wall};

/// Where the list is.
pub const PATH: &str = "/v3/certificates";

/// WeChat wants less than 12 h between two looks; up to `JITTER_MS` is taken off, so that the
/// boxes of one merchant do not ask together.
const INTERVAL_MS: u64 = 12 * 60 * 60 * 1000;
const JITTER_MS: u64 = 60 * 60 * 1000;
const FIRST_RETRY_MS: u64 = 60 * 1000;
const LAST_RETRY_MS: u64 = 60 * 60 * 1000;
const UNKNOWN_SERIAL_MS: u64 = 60 * 1000;

/// Why a list is of no use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ListFault {
    /// Not the JSON that it should be.
    #[error("the list of platform certificates is not readable")]
    Malformed,
    /// Not one certificate can be opened.
    #[error("no platform certificate can be opened")]
    Sealed(#[source] SealFault),
    /// What was sealed is no certificate.
    #[error("no platform certificate can be read")]
    Unreadable(#[source] PemFault),
    /// The list is empty, or all it has are expired or not yet valid.
    #[error("the list holds no valid platform certificate")]
    NoneValid,
}

impl ListFault {
    /// What to do about it.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Sealed(SealFault::NoKeyFits) => {
                "put the APIv3 key that is set in the merchant platform now into a file of [merchant] api_v3_key_files"
            }
            Self::NoneValid => {
                "see that the box's clock is right, and ask WeChat's support if it is"
            }
            Self::Malformed | Self::Sealed(_) | Self::Unreadable(_) => {
                "ask WeChat's support; newer versions of parkgate may read it"
            }
        }
    }
}

/// An opened list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Opened {
    /// What may be used, at least one of them today: WeChat lists the next one early.
    pub certificates: Vec<Certificate>,
    /// Serials of those that cannot be used, and why. Expired ones are not among them.
    pub left_out: Vec<(String, ListFault)>,
}

#[derive(Deserialize)]
struct List {
    data: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    serial_no: String,
    encrypt_certificate: Sealed,
}

/// Opens the list. Nothing in it may be used before the answer that carried it is verified, which
/// on the first download takes a certificate from this very list.
///
/// Single items that cannot be used are left out; if none can, the first one's fault is returned.
pub fn open_list(body: &[u8], keys: &ApiV3Keys, now: Wall) -> Result<Opened, ListFault> {
    let list: List = serde_json::from_slice(body).map_err(|_| ListFault::Malformed)?;
    let mut certificates = Vec::new();
    let mut left_out = VecDeque::new();
    for item in list.data {
        match open_item(&item, keys) {
            Ok(certificate) if certificate.not_after >= now => certificates.push(certificate),
            Ok(_) => {}
            Err(fault) => left_out.push_back((key_id(&item.serial_no), fault)),
        }
    }
    if certificates.is_empty()
        && let Some((_, fault)) = left_out.pop_front()
    {
        return Err(fault);
    }
    if !certificates.iter().any(|it| it.valid_at(now)) {
        return Err(ListFault::NoneValid);
    }
    Ok(Opened {
        certificates,
        left_out: left_out.into(),
    })
}

fn open_item(item: &Item, keys: &ApiV3Keys) -> Result<Certificate, ListFault> {
    let opened = keys
        .open(&item.encrypt_certificate)
        .map_err(ListFault::Sealed)?;
    let pem = String::from_utf8(opened).map_err(|_| ListFault::Unreadable(PemFault::NotPem))?;
    let certificate = Certificate::from_pem(&pem).map_err(ListFault::Unreadable)?;
    if certificate.serial != key_id(&item.serial_no) {
        return Err(ListFault::Malformed);
    }
    Ok(certificate)
}

/// When to ask for the list.
#[derive(Clone, Debug)]
pub struct Schedule {
    due: Moment,
    failures: u32,
    asked_for_unknown: Option<Moment>,
}

impl Schedule {
    /// Due at once.
    pub fn new(now: Moment) -> Self {
        Self {
            due: now,
            failures: 0,
            asked_for_unknown: None,
        }
    }

    /// When the next regular look is due.
    pub fn due(&self) -> Moment {
        self.due
    }

    /// Whether an unknown serial may cause a look now; if so, none may for the next minute.
    pub fn ask_for_unknown(&mut self, now: Moment) -> bool {
        let too_soon = self
            .asked_for_unknown
            .is_some_and(|last| now.since_ms(last) < UNKNOWN_SERIAL_MS);
        if !too_soon {
            self.asked_for_unknown = Some(now);
        }
        !too_soon
    }

    /// WeChat answered; `random` sets how much earlier than 12 h the next look is.
    pub fn succeeded(&mut self, now: Moment, random: u64) {
        self.failures = 0;
        self.due = now.after_ms(INTERVAL_MS - 1 - random % JITTER_MS);
    }

    /// The look failed: again after a minute, then two, up to an hour.
    pub fn failed(&mut self, now: Moment) {
        let wait_ms = FIRST_RETRY_MS << self.failures.min(6);
        self.failures = self.failures.saturating_add(1);
        self.due = now.after_ms(wait_ms.min(LAST_RETRY_MS));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::secret::Secret;
    use super::super::tests::vectors::{headers, text, vectors};
    use super::super::trust::{KeyRing, VerifyFault};
    use super::*;

    const NOW: Wall = Wall(1_764_000_022_000);

    #[test]
    fn the_first_list_vouches_for_itself_once_opened() {
        let vectors = vectors();
        let case = &vectors["response_signatures"][7];
        assert_eq!(case["name"], "certificates_list");
        let body = text(&case["body"]).as_bytes();
        assert_eq!(
            text(&vectors["certificates_response_body"]).as_bytes(),
            body
        );

        let opened = open_list(body, &keys(&vectors), NOW).unwrap();
        assert_eq!(opened.left_out, []);
        let certificates = opened.certificates;
        let serials: Vec<_> = certificates.iter().map(|it| it.serial.as_str()).collect();
        assert_eq!(
            serials,
            [
                "3775B6A45ACD588826D15E583A95F5DD00000001",
                "0A75B6A45ACD588826D15E583A95F5DD00000002"
            ]
        );
        let ring = KeyRing::default();
        assert_eq!(
            ring.with(&certificates).verify(&headers(case), body, NOW),
            Ok(())
        );
        assert_eq!(
            ring.verify(&headers(case), body, NOW),
            Err(VerifyFault::UnknownSerial(serials[0].into())),
            "looking at a list does not make it trusted"
        );
    }

    #[test]
    fn a_wrong_api_v3_key_is_said_to_be_one() {
        let vectors = vectors();
        let body = text(&vectors["certificates_response_body"]).as_bytes();
        let wrong = ApiV3Keys::new(&[Secret::new("Z".repeat(32))]).unwrap();
        assert_eq!(
            open_list(body, &wrong, NOW),
            Err(ListFault::Sealed(SealFault::NoKeyFits))
        );
    }

    #[test]
    fn an_item_that_cannot_be_used_costs_only_itself() {
        let vectors = vectors();
        let list: Value =
            serde_json::from_str(text(&vectors["certificates_response_body"])).unwrap();
        let open = |list: &Value| open_list(list.to_string().as_bytes(), &keys(&vectors), NOW);

        for (path, value) in [
            ("/data/0/serial_no", json!("00")),
            ("/data/0/encrypt_certificate/nonce", json!("short")),
            (
                "/data/0/encrypt_certificate/algorithm",
                json!("AEAD_SM4_GCM"),
            ),
        ] {
            let mut list = list.clone();
            *list.pointer_mut(path).unwrap() = value;
            let left = open(&list).unwrap();
            assert_eq!(left.certificates.len(), 1, "{path}");
            assert!(left.certificates[0].serial.ends_with('2'));
            assert_eq!(left.left_out.len(), 1, "{path}");
        }

        let (expired, not_yet_valid) = (Wall(4_000_000_000_000), Wall(1_000_000_000_000));
        let text = list.to_string();
        for then in [expired, not_yet_valid] {
            let opened = open_list(text.as_bytes(), &keys(&vectors), then);
            assert_eq!(opened, Err(ListFault::NoneValid));
        }
        assert_eq!(open(&json!({"data": []})), Err(ListFault::NoneValid));
        for malformed in [json!([]), json!({}), json!({"data": [{}]}), json!(null)] {
            assert_eq!(open(&malformed), Err(ListFault::Malformed));
        }
    }

    #[test]
    fn looks_are_less_than_12_hours_apart_and_retried_ever_slower() {
        let start = Moment(1000);
        let mut schedule = Schedule::new(start);
        assert_eq!(schedule.due(), start);
        for random in [0, 7, u64::MAX] {
            schedule.succeeded(start, random);
            let wait_ms = schedule.due().since_ms(start);
            assert!(
                (INTERVAL_MS - JITTER_MS..INTERVAL_MS).contains(&wait_ms),
                "{wait_ms}"
            );
        }
        let waits: Vec<_> = (0..9)
            .map(|_| {
                schedule.failed(start);
                schedule.due().since_ms(start) / 60_000
            })
            .collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
    }

    #[test]
    fn unknown_serials_cause_one_look_a_minute() {
        let mut schedule = Schedule::new(Moment(0));
        let asked = [5, 6, 60_004, 60_005, 60_006].map(|at| schedule.ask_for_unknown(Moment(at)));
        assert_eq!(asked, [true, false, false, true, false]);
    }

    fn keys(vectors: &Value) -> ApiV3Keys {
        ApiV3Keys::new(&[Secret::new(text(&vectors["material"]["apiv3_key"]))]).unwrap()
    }
}
