//! The hosts that WeChat Pay answers under, and which of them to ask first (`wechat-pay.md` 1.1).

use std::net::IpAddr;
use std::sync::Mutex;

use reqwest::Url;

use crate::lane::time::Moment;

/// How long the backup stays first after the primary failed.
const RETURN_AFTER_MS: u64 = 5 * 60 * 1000;

/// The base URLs, primary first.
#[derive(Debug)]
pub struct Hosts {
    urls: Vec<Url>,
    detour: Mutex<Option<Detour>>,
}

/// A host other than the primary goes first, for a while.
#[derive(Clone, Copy, Debug)]
struct Detour {
    host: usize,
    until: Moment,
}

/// Whom to ask, by index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    pub first: usize,
    /// None if there is only one host.
    pub then: Option<usize>,
}

/// Why a base URL cannot serve.
#[expect(clippy::enum_variant_names, reason = "each says what the URL is not")]
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HostFault {
    /// Not a URL.
    #[error("it is not a URL; write https://api.mch.weixin.qq.com")]
    NotAUrl,
    /// Plain text over the network.
    #[error("only https:// is allowed, and http:// only to this machine itself (127.0.0.1)")]
    NotHttps,
    /// The signature covers path and query, so nothing may stand before them.
    #[error("it must end after host and port: no path, query, name or password")]
    NotBare,
}

impl Hosts {
    /// Checks the base URLs. On a fault, says which one, counted from 0.
    pub fn new(base_urls: &[String]) -> Result<Self, (usize, HostFault)> {
        let urls = base_urls.iter().enumerate().map(|(index, text)| {
            let url = base_url(text);
            url.map_err(|fault| (index, fault))
        });
        Ok(Self {
            urls: urls.collect::<Result<_, _>>()?,
            detour: Mutex::new(None),
        })
    }

    /// Whom to ask at this moment.
    pub fn order(&self, now: Moment) -> Order {
        let first = match *self.detour() {
            Some(detour) if now < detour.until => detour.host,
            _ => 0,
        };
        let then = (self.urls.len() > 1).then(|| (first + 1) % self.urls.len());
        Order { first, then }
    }

    /// Notes that `host` answered where others may not have. True if another host goes first now.
    pub fn answered(&self, host: usize, now: Moment) -> bool {
        let mut detour = self.detour();
        let first = match *detour {
            Some(detour) if now < detour.until => detour.host,
            _ => 0,
        };
        let until = now.after_ms(RETURN_AFTER_MS);
        if host != first {
            *detour = (host != 0).then_some(Detour { host, until });
        }
        host != first
    }

    /// The host's URL with this path and query. None if a URL would not carry them unchanged,
    /// since they were signed as they are.
    pub fn url(&self, host: usize, target: &str) -> Option<Url> {
        let url = self.urls[host].join(target).ok()?;
        let sent = match url.query() {
            Some(query) => format!("{}?{query}", url.path()),
            None => url.path().to_owned(),
        };
        (sent == target && url.authority() == self.urls[host].authority()).then_some(url)
    }

    /// Host and port, for people.
    pub fn name(&self, host: usize) -> &str {
        self.urls[host].authority()
    }

    /// Host and port of each.
    pub fn names(&self) -> Vec<String> {
        let names = self.urls.iter().map(|url| url.authority().to_owned());
        names.collect()
    }

    fn detour(&self) -> std::sync::MutexGuard<'_, Option<Detour>> {
        self.detour.lock().expect("no holder panics")
    }
}

fn base_url(text: &str) -> Result<Url, HostFault> {
    let url = Url::parse(text.trim()).map_err(|_| HostFault::NotAUrl)?;
    let host = url.host_str().ok_or(HostFault::NotAUrl)?;
    match url.scheme() {
        "https" => {}
        "http" if is_loopback(host) => {}
        "http" => return Err(HostFault::NotHttps),
        _ => return Err(HostFault::NotAUrl),
    }
    let bare = matches!(url.path(), "" | "/")
        && url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    if !bare {
        return Err(HostFault::NotBare);
    }
    Ok(url)
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || address.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_https_or_this_machine() {
        for good in [
            "https://api.mch.weixin.qq.com",
            "https://api.mch.weixin.qq.com/",
            "https://10.0.0.7:8443",
            "http://127.0.0.1:8080",
            "http://127.9.9.9",
            "http://[::1]:1",
            "http://localhost:3000",
        ] {
            assert!(Hosts::new(&[good.into()]).is_ok(), "{good}");
        }
        use HostFault::*;
        for (bad, fault) in [
            ("", NotAUrl),
            ("api.mch.weixin.qq.com", NotAUrl),
            ("ftp://127.0.0.1", NotAUrl),
            ("mailto:x", NotAUrl),
            ("http://api.mch.weixin.qq.com", NotHttps),
            ("http://127.0.0.1.example.cn", NotHttps),
            ("http://localhost.example.cn", NotHttps),
            ("http://10.0.0.7", NotHttps),
            ("https://host/v3", NotBare),
            ("https://host/?a=b", NotBare),
            ("https://user:pass@host", NotBare),
            ("https://host#x", NotBare),
        ] {
            let urls = ["https://good".to_owned(), bad.to_owned()];
            assert_eq!(Hosts::new(&urls).unwrap_err(), (1, fault), "{bad}");
        }
    }

    #[test]
    fn the_backup_leads_for_a_while_after_a_failure() {
        let hosts = hosts();
        let at = Moment;
        let order = |first, then| Order {
            first,
            then: Some(then),
        };
        assert_eq!(hosts.order(at(0)), order(0, 1));
        assert!(!hosts.answered(0, at(1)));
        assert!(hosts.answered(1, at(1000)), "a change to be told once");
        assert!(!hosts.answered(1, at(2000)), "and not again");
        assert_eq!(hosts.order(at(2000)), order(1, 0));
        assert_eq!(hosts.order(at(1000 + RETURN_AFTER_MS)), order(0, 1));

        assert!(hosts.answered(1, at(400_000)));
        assert!(hosts.answered(0, at(400_001)), "the backup failed too");
        assert_eq!(hosts.order(at(400_002)), order(0, 1));
    }

    #[test]
    fn a_single_host_has_no_backup() {
        let hosts = Hosts::new(&["https://a".into()]).unwrap();
        let order = hosts.order(Moment(0));
        assert_eq!((order.first, order.then), (0, None));
    }

    #[test]
    fn a_target_goes_out_as_signed_or_not_at_all() {
        let hosts = hosts();
        let plate = "/v3/x?plate_number=%E7%B2%A4B888888&a=b";
        assert_eq!(
            hosts.url(1, plate).unwrap().as_str(),
            format!("https://b:8443{plate}")
        );
        for altered in [
            "/v3/../x",
            "/v3/粤B",
            "//evil/x",
            "https://evil/x",
            "x",
            "/a#b",
        ] {
            assert_eq!(hosts.url(0, altered), None, "{altered}");
        }
        assert_eq!(hosts.name(1), "b:8443");
    }

    fn hosts() -> Hosts {
        Hosts::new(&["https://a".into(), "https://b:8443/".into()]).unwrap()
    }
}
