//! What is wrong with the keys that answers are verified with, and what to do about it.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::sync::Mutex;

use tokio::sync::Notify;

use super::certificates::ListFault;
use super::trust::{KeyRing, is_public_key_id};
use super::{RefreshFault, Refreshed};
use crate::lane::time::{Moment, Now, Wall};

/// An unknown key is complained of until no answer named it for so long.
const UNKNOWN_FOR_MS: u64 = 60 * 60 * 1000;
/// Anybody may name keys in an answer that is not signed.
const UNKNOWN_MAX: usize = 8;
/// Lists in a row that are not believed before it is said: one may be a probe, or a portal's page.
const DISBELIEVED_MAX: u32 = 2;
/// WeChat lists a new certificate 180 days before the old one ends, in the past 10 days before.
const ENDS_SOON_MS: i64 = 10 * 24 * 60 * 60 * 1000;

/// One thing that a person should mend. Its text says how.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Complaint {
    /// WeChat has no platform certificates for this merchant, and no public key is configured.
    NothingToTrust,
    /// Answers name a key that is not held, also after a look for it.
    UnknownKey {
        /// As `Wechatpay-Serial` names it.
        serial: String,
        /// Platform certificates are fetched.
        fetches: bool,
    },
    /// The list of platform certificates is of no use; what was held before still is.
    List(String),
    /// Single certificates of the list are of no use.
    LeftOut {
        /// Which one.
        serial: String,
        /// What is wrong with it.
        why: String,
    },
    /// The last platform certificate ends, and there is no public key beside it.
    RunsOut(Wall),
}

/// A look at the list that brought something.
#[derive(Debug)]
pub(super) struct Look {
    pub came_to: Refreshed,
    /// Serials of the certificates in the list that cannot be used, and why.
    pub left_out: Vec<(String, ListFault)>,
}

/// What was found so far.
#[derive(Default)]
pub(super) struct Complaints {
    found: Mutex<Found>,
    changed: Notify,
}

#[derive(Default)]
struct Found {
    list: Option<String>,
    disbelieved: u32,
    none_offered: bool,
    left_out: BTreeMap<String, String>,
    unknown: BTreeMap<String, Moment>,
}

impl Complaints {
    /// An answer named a key that is not held.
    pub fn unknown_key(&self, serial: &str, now: Moment) {
        self.change(|found| {
            if found.unknown.len() < UNKNOWN_MAX || found.unknown.contains_key(serial) {
                found.unknown.insert(serial.to_owned(), now);
            }
        });
    }

    /// A look at the list is over.
    pub fn looked(&self, result: &Result<Look, RefreshFault>) {
        self.change(|found| match result {
            Ok(look) => {
                found.list = None;
                found.disbelieved = 0;
                found.none_offered = look.came_to == Refreshed::NoneOffered;
                let told = |(serial, fault): &(String, ListFault)| (serial.clone(), told(fault));
                found.left_out = look.left_out.iter().map(told).collect();
            }
            Err(fault @ RefreshFault::Unusable(list)) => {
                found.list = Some(format!("{}: {}", told(fault), list.remedy()));
            }
            Err(RefreshFault::NotBelieved(_) | RefreshFault::SignedByUnknown { .. })
                if found.disbelieved + 1 < DISBELIEVED_MAX =>
            {
                found.disbelieved += 1;
            }
            Err(fault @ (RefreshFault::NotBelieved(_) | RefreshFault::SignedByUnknown { .. })) => {
                found.list = Some(format!(
                    "{}: see that nothing on the way answers in WeChat's place, a proxy or a \
                     portal, and that the box's clock is right",
                    told(fault)
                ));
            }
            Err(fault @ RefreshFault::Refused(_)) => {
                found.list = Some(format!(
                    "{}: check the merchant id, its key and the serial of its certificate",
                    told(fault)
                ));
            }
            // Silence has an alarm of its own.
            Err(
                RefreshFault::NotReached(_) | RefreshFault::Throttled | RefreshFault::TurnedOff,
            ) => {}
        });
    }

    /// What stands now.
    pub fn standing(&self, ring: &KeyRing, fetches: bool, now: Now) -> Vec<Complaint> {
        let found = self.found.lock().expect("no holder panics");
        let mut standing = Vec::new();
        if found.none_offered && ring.preferred(now.wall).is_none() {
            standing.push(Complaint::NothingToTrust);
        }
        for (serial, seen) in &found.unknown {
            if now.moment.since_ms(*seen) < UNKNOWN_FOR_MS && !ring.knows(serial) {
                let serial = serial.clone();
                standing.push(Complaint::UnknownKey { serial, fetches });
            }
        }
        standing.extend(found.list.clone().map(Complaint::List));
        for (serial, why) in &found.left_out {
            let (serial, why) = (serial.clone(), why.clone());
            standing.push(Complaint::LeftOut { serial, why });
        }
        if let Some(ends) = ring.certificates_end()
            && now.trusted
            && !ring.has_public_key()
            && ends < now.wall.plus_ms(ENDS_SOON_MS)
        {
            standing.push(Complaint::RunsOut(ends));
        }
        standing
    }

    /// Waits until there may be something new.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }

    fn change(&self, change: impl FnOnce(&mut Found)) {
        change(&mut self.found.lock().expect("no holder panics"));
        self.changed.notify_one();
    }
}

impl Complaint {
    /// Tells complaints of one kind apart.
    pub fn subject(&self) -> String {
        match self {
            Self::NothingToTrust => "wechatpay-key".to_owned(),
            Self::UnknownKey { serial, .. } => format!("unknown-key-{serial}"),
            Self::List(_) => "platform-certificates".to_owned(),
            Self::LeftOut { serial, .. } => format!("platform-certificate-{serial}"),
            Self::RunsOut(_) => "platform-certificates-end".to_owned(),
        }
    }
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NothingToTrust => f.write_str(
                "WeChat offers this merchant no platform certificates and no public key is \
                 configured, so no answer can be verified: download the WeChat Pay public key from \
                 the merchant platform and set [wechat.public_key]",
            ),
            Self::UnknownKey { serial, .. } if is_public_key_id(serial) => write!(
                f,
                "answers are signed with WeChat Pay's public key {serial}, which is not the \
                 configured one, so they are not believed: download pub_key.pem from the merchant \
                 platform, API security, and set [wechat.public_key] to it and this id"
            ),
            Self::UnknownKey {
                serial,
                fetches: false,
            } => write!(
                f,
                "answers are signed with platform certificate {serial}, and platform certificates \
                 are turned off, so they are not believed: write [wechat] platform_certificates = \
                 true until the merchant platform shows the public key alone in use"
            ),
            Self::UnknownKey { serial, .. } => write!(
                f,
                "answers are signed with platform certificate {serial}, which WeChat's list does \
                 not bring, so they are not believed: see that nothing on the way answers in \
                 WeChat's place, a proxy or a portal; then ask WeChat's support with the serial"
            ),
            Self::List(why) => write!(f, "{why}. The keys held so far stay in use"),
            Self::LeftOut { serial, why } => write!(
                f,
                "platform certificate {serial} of WeChat's list is left out ({why}): if it stays \
                 so, ask WeChat's support with the serial"
            ),
            Self::RunsOut(ends) => write!(
                f,
                "the last platform certificate held ends at {}, and WeChat's list brings no newer \
                 one: look into the merchant platform, API security, or set [wechat.public_key]",
                ends.to_rfc3339()
            ),
        }
    }
}

fn told(fault: &dyn Error) -> String {
    crate::causes::told(fault)
}

#[cfg(test)]
mod tests {
    use super::super::tests::vectors::{full_ring, vectors};
    use super::*;
    use crate::charges::answer::Refusal;
    use crate::lane::time::BootId;
    use crate::wechat::seal::SealFault;

    const DAY_MS: i64 = 24 * 60 * 60 * 1000;

    #[test]
    fn an_unknown_key_is_complained_of_until_it_is_known_or_forgotten() {
        let complaints = Complaints::default();
        let ring = KeyRing::default();
        let standing = |ring: &KeyRing, ms| complaints.standing(ring, true, now(ms)).len();
        complaints.unknown_key("3775B6A45ACD588826D15E583A95F5DD00000001", Moment(0));
        assert_eq!(standing(&ring, 0), 1);
        assert_eq!(standing(&full_ring(&vectors()), 0), 0, "it has come");
        assert_eq!(standing(&ring, UNKNOWN_FOR_MS), 0, "nobody names it");
        for number in 0..100 {
            complaints.unknown_key(&format!("{number}"), Moment(0));
        }
        assert_eq!(standing(&ring, 0), UNKNOWN_MAX);
    }

    #[test]
    fn each_kind_of_unknown_key_has_its_own_remedy() {
        let text = |serial: &str, fetches| {
            let serial = serial.to_owned();
            Complaint::UnknownKey { serial, fetches }.to_string()
        };
        assert!(text("PUB_KEY_ID_01", true).contains("set [wechat.public_key]"));
        assert!(text("AB", false).contains("platform_certificates = true"));
        assert!(text("AB", true).contains("a proxy or a portal"));
    }

    #[test]
    fn a_list_is_complained_of_until_one_is_taken() {
        let complaints = Complaints::default();
        let ring = KeyRing::default();
        let texts = || -> Vec<String> {
            let standing = complaints.standing(&ring, true, now(0));
            standing.iter().map(Complaint::to_string).collect()
        };
        complaints.looked(&Err(RefreshFault::NotReached("silence".into())));
        complaints.looked(&Err(RefreshFault::NotBelieved("a probe".into())));
        assert_eq!(texts(), [""; 0], "once is chance");
        complaints.looked(&Err(RefreshFault::NotBelieved("again".into())));
        assert!(texts()[0].contains("again") && texts()[0].contains("proxy"));
        let sealed = ListFault::Sealed(SealFault::NoKeyFits);
        complaints.looked(&Err(RefreshFault::Unusable(sealed.clone())));
        assert!(texts()[0].contains("api_v3_key_files"), "{:?}", texts());
        complaints.looked(&Err(RefreshFault::NotReached("silence".into())));
        assert_eq!(texts().len(), 1, "silence tells nothing new");
        complaints.looked(&Err(RefreshFault::Refused(Refusal {
            status: 403,
            code: "NO_AUTH".into(),
            message: String::new(),
            proven: true,
        })));
        assert!(texts()[0].contains("NO_AUTH"));
        let listed = Refreshed::Listed {
            held: 1,
            changed: false,
        };
        let look = |left_out| {
            let came_to = listed;
            Ok(Look { came_to, left_out })
        };
        complaints.looked(&look(vec![("AB".into(), sealed)]));
        assert!(texts()[0].contains("AB of WeChat's list is left out"));
        complaints.looked(&look(Vec::new()));
        assert_eq!(texts(), [""; 0]);
    }

    #[test]
    fn no_certificates_are_a_fault_only_without_a_public_key() {
        let complaints = Complaints::default();
        complaints.looked(&Ok(Look {
            came_to: Refreshed::NoneOffered,
            left_out: Vec::new(),
        }));
        let standing = |ring: &KeyRing| complaints.standing(ring, true, now(0));
        assert_eq!(standing(&KeyRing::default()), [Complaint::NothingToTrust]);
        assert_eq!(standing(&full_ring(&vectors())), []);
    }

    #[test]
    fn the_last_certificates_end_is_announced_unless_a_public_key_stays() {
        let complaints = Complaints::default();
        let full = full_ring(&vectors());
        let ring = KeyRing::default();
        ring.import(&full.export(), now(0).wall);
        let ends = ring.certificates_end().unwrap();
        let at = |wall: Wall, trusted| Now {
            wall,
            trusted,
            ..now(0)
        };
        let standing = |ring: &KeyRing, now| complaints.standing(ring, true, now);
        assert_eq!(standing(&ring, at(ends.plus_ms(-11 * DAY_MS), true)), []);
        let soon = at(ends.plus_ms(-9 * DAY_MS), true);
        assert_eq!(standing(&ring, soon), [Complaint::RunsOut(ends)]);
        assert_eq!(standing(&full, soon), []);
        let untrusted = at(soon.wall, false);
        assert_eq!(standing(&ring, untrusted), [], "the clock may be wrong");
    }

    fn now(ms: u64) -> Now {
        Now {
            moment: Moment(ms),
            wall: Wall(1_764_001_810_000),
            trusted: true,
            boot: BootId(1),
        }
    }
}
