//! The addresses of the control, and what is asked with each.

use super::problem::Problem;
use crate::sim::wechat::decode;

/// What can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sim::sandbox) enum What {
    Page,
    State,
    Entries,
    Charges,
    Refunds,
    Natives,
    Callbacks,
    Requests,
    Violations,
    Plates,
    Settings,
    SetPlate,
    ForgetPlate,
    Faults,
    NextFaults,
    NoFaults,
    Settle,
    EndRefund,
    PayNative,
    CallbackFaults,
    Deliver,
    IssueCertificate,
    MixCertificates,
    RetireCertificates,
    IssueMerchantCertificate,
    RetireMerchantCertificates,
    ChangeApiV3Key,
    Clock,
}

/// Method, path with `{}` for a name, and what is asked. docs/sandbox.md explains each.
pub(in crate::sim::sandbox) const ROUTES: [(&str, &str, What); 28] = [
    ("GET", "/", What::Page),
    ("GET", "/state", What::State),
    ("GET", "/entries", What::Entries),
    ("GET", "/charges", What::Charges),
    ("GET", "/refunds", What::Refunds),
    ("GET", "/natives", What::Natives),
    ("GET", "/callbacks", What::Callbacks),
    ("GET", "/requests", What::Requests),
    ("GET", "/violations", What::Violations),
    ("GET", "/plates", What::Plates),
    ("POST", "/plates/{}", What::SetPlate),
    ("DELETE", "/plates/{}", What::ForgetPlate),
    ("POST", "/settings", What::Settings),
    ("POST", "/faults", What::Faults),
    ("POST", "/faults/next", What::NextFaults),
    ("DELETE", "/faults", What::NoFaults),
    ("POST", "/charges/{}/settle", What::Settle),
    ("POST", "/refunds/{}/end", What::EndRefund),
    ("POST", "/natives/{}/pay", What::PayNative),
    ("POST", "/callbacks/faults", What::CallbackFaults),
    ("POST", "/callbacks/{}/deliver", What::Deliver),
    ("POST", "/keys/issue", What::IssueCertificate),
    ("POST", "/keys/mix", What::MixCertificates),
    ("POST", "/keys/retire", What::RetireCertificates),
    (
        "POST",
        "/keys/merchant/issue",
        What::IssueMerchantCertificate,
    ),
    (
        "POST",
        "/keys/merchant/retire",
        What::RetireMerchantCertificates,
    ),
    ("POST", "/keys/api-v3", What::ChangeApiV3Key),
    ("POST", "/clock", What::Clock),
];

/// A request that has an address here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    pub what: What,
    /// What stands in the place of `{}`, decoded.
    pub name: String,
    /// Rows of a list.
    pub last: usize,
    /// Of the requests, only those that were refused.
    pub refused: bool,
}

/// Rows of a list, where nobody says how many.
const LAST: usize = 50;
const LAST_MAX: usize = 1000;

impl Asked {
    pub fn of(method: &str, path: &str, query: Option<&str>) -> Result<Self, Problem> {
        let here: Vec<(&str, What, &str)> = ROUTES
            .iter()
            .filter_map(|(method, pattern, what)| Some((*method, *what, named(pattern, path)?)))
            .collect();
        // A pattern with a name fits what another says literally.
        let literal: Vec<_> = here.iter().filter(|(.., name)| name.is_empty()).collect();
        let here: Vec<_> = if literal.is_empty() {
            here.iter().collect()
        } else {
            literal
        };
        if here.is_empty() {
            let message = format!("there is no {path} here; docs/sandbox.md has the addresses");
            return Err(Problem::unknown(message));
        }
        let Some((_, what, name)) = here.iter().find(|(known, ..)| *known == method) else {
            let methods: Vec<&str> = here.iter().map(|(method, ..)| *method).collect();
            return Err(Problem::method(methods.join(", ")));
        };
        let name =
            decode(name).ok_or_else(|| Problem::value(name, "is not percent-encoded UTF-8"))?;
        let mut asked = Self {
            what: *what,
            name,
            last: LAST,
            refused: false,
        };
        asked.read_query(query.unwrap_or_default())?;
        Ok(asked)
    }

    pub fn is_page(&self) -> bool {
        self.what == What::Page
    }

    fn read_query(&mut self, query: &str) -> Result<(), Problem> {
        for part in query.split('&').filter(|part| !part.is_empty()) {
            match part.split_once('=') {
                Some(("last", rows)) => {
                    let read = rows.parse().ok();
                    self.last = read
                        .filter(|rows| (1..=LAST_MAX).contains(rows))
                        .ok_or_else(|| {
                            Problem::value("last", format!("is a number from 1 to {LAST_MAX}"))
                        })?;
                }
                Some(("refused", "true")) => self.refused = true,
                Some(("refused", "false")) => self.refused = false,
                _ => {
                    let issue = "is no parameter here: there are last=N and refused=true";
                    return Err(Problem::value(part, issue));
                }
            }
        }
        Ok(())
    }
}

/// What stands for `{}`; empty where the pattern has none.
fn named<'a>(pattern: &str, path: &'a str) -> Option<&'a str> {
    let Some((before, after)) = pattern.split_once("{}") else {
        return (pattern == path).then_some("");
    };
    let name = path.strip_prefix(before)?.strip_suffix(after)?;
    (!name.is_empty() && !name.contains('/')).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_decoded_and_literal_addresses_go_first() {
        let asked = Asked::of("POST", "/plates/%E7%B2%A4B888888", None).unwrap();
        assert_eq!(
            (asked.what, asked.name.as_str()),
            (What::SetPlate, "粤B888888")
        );
        let asked = Asked::of("POST", "/callbacks/faults", None).unwrap();
        assert_eq!(asked.what, What::CallbackFaults);
        let asked = Asked::of("GET", "/requests", Some("refused=true&last=7")).unwrap();
        assert_eq!((asked.refused, asked.last), (true, 7));
    }

    #[test]
    fn what_is_not_here_says_what_is() {
        let status = |method, path, query| {
            let problem = Asked::of(method, path, query).unwrap_err();
            problem.status.as_u16()
        };
        assert_eq!(status("GET", "/nothing", None), 404);
        assert_eq!(status("GET", "/plates/", None), 404);
        assert_eq!(status("POST", "/plates/a/b", None), 404);
        assert_eq!(status("GET", "/faults", None), 405);
        assert_eq!(status("PUT", "/plates/a", None), 405);
        assert_eq!(status("POST", "/plates/%zz", None), 400);
        for query in [
            "last=0",
            "last=1001",
            "last=x",
            "last",
            "refused=1",
            "since=3",
        ] {
            assert_eq!(status("GET", "/charges", Some(query)), 400, "{query}");
        }
    }
}
