//! Addresses in the config: WeChat's hosts, the callback base, the broker.
//!
//! A faulty address is quoted only if it holds no user name or password.

use reqwest::Url;
use serde::{Deserialize, Serialize};

use super::value::shortened;

/// The MQTT broker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Broker {
    /// Name or IP address.
    pub host: String,
    pub port: u16,
    /// `mqtts://`.
    pub tls: bool,
}

/// `mqtt://host[:1883]` or `mqtts://host[:8883]`, nothing more.
pub(super) fn broker(text: &str) -> Result<Broker, String> {
    const FIX: &str = "write mqtt://host:1883 or mqtts://host:8883";
    let url = parse(text, FIX)?;
    let (tls, default_port) = match url.scheme() {
        "mqtt" => (false, 1883),
        "mqtts" => (true, 8883),
        other => return Err(format!("{other:?} is not served; {FIX}")),
    };
    bare_host(&url, FIX)?;
    let host = url.host_str().unwrap_or_default();
    Ok(Broker {
        // rustls and the resolver want an IPv6 address without its brackets.
        host: host.trim_matches(['[', ']']).to_owned(),
        port: url.port().unwrap_or(default_port),
        tls,
    })
}

/// A host of WeChat Pay as an origin without a slash at the end: https, or http to this machine.
pub(super) fn wechat_host(text: &str) -> Result<String, String> {
    const FIX: &str = "write https://host";
    let url = parse(text, FIX)?;
    match url.scheme() {
        "https" => {}
        "http" if is_loopback(&url) => {}
        "http" => {
            return Err(format!(
                "{text:?} is not encrypted; {FIX} (http:// is for 127.0.0.1 only)"
            ));
        }
        other => return Err(format!("{other:?} is not served; {FIX}")),
    }
    bare_host(&url, FIX)?;
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

/// An HTTP proxy on the way to WeChat Pay, as an origin without a slash at the end.
pub(super) fn proxy(text: &str) -> Result<String, String> {
    const FIX: &str = "write http://host:port";
    let url = parse(text, FIX)?;
    if url.scheme() != "http" {
        return Err(format!("{:?} is not served; {FIX}", url.scheme()));
    }
    bare_host(&url, FIX)?;
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

/// An address that WeChat shall call: https, no query, no slash at the end.
pub(super) fn notify_base(text: &str) -> Result<String, String> {
    const FIX: &str = "write https://host/path";
    const MOST: usize = 180;
    let url = parse(text, FIX)?;
    if url.scheme() != "https" {
        return Err(format!("{:?} is refused by WeChat; {FIX}", url.scheme()));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(format!(
            "WeChat refuses a callback address with ? or #; {FIX}"
        ));
    }
    if url.as_str().len() > MOST {
        return Err(format!(
            "{} characters; WeChat takes 256 with what parkgate appends; write at most {MOST}",
            url.as_str().len()
        ));
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

fn parse(text: &str, fix: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| match text.contains('@') {
        true => format!("no address ({error}); {fix}"),
        false => format!("{:?} is no address ({error}); {fix}", shortened(text)),
    })?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(format!(
            "a name or password inside an address would show in logs; {fix}"
        ));
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err(format!("{:?} names no host; {fix}", shortened(text)));
    }
    Ok(url)
}

fn bare_host(url: &Url, fix: &str) -> Result<(), String> {
    let bare = matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
    match bare {
        true => Ok(()),
        false => Err(format!("no path, ? or # may follow the host; {fix}")),
    }
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost"
        || host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_a_host_and_no_more() {
        assert_eq!(
            proxy("http://10.0.0.1:3128/"),
            Ok("http://10.0.0.1:3128".to_owned())
        );
        for (text, part) in [
            ("10.0.0.1:3128", "no address"),
            ("https://proxy.example:3128", "not served"),
            ("socks5://10.0.0.1:1080", "not served"),
            ("http://proxy.example/path", "no path"),
            ("http://user:geheim@proxy.example", "would show in logs"),
        ] {
            let fault = proxy(text).unwrap_err();
            assert!(fault.contains(part) && !fault.contains("geheim"), "{fault}");
        }
    }

    #[test]
    fn hosts_of_wechat() {
        for (text, kept) in [
            (
                "https://api.mch.weixin.qq.com",
                "https://api.mch.weixin.qq.com",
            ),
            (
                "https://api.mch.weixin.qq.com/",
                "https://api.mch.weixin.qq.com",
            ),
            ("HTTPS://Proxy.example:8443", "https://proxy.example:8443"),
            ("http://127.0.0.1:8700", "http://127.0.0.1:8700"),
            ("http://localhost:8700", "http://localhost:8700"),
            ("http://[::1]:8700", "http://[::1]:8700"),
        ] {
            assert_eq!(wechat_host(text).as_deref(), Ok(kept), "{text}");
        }
        for text in [
            "http://api.mch.weixin.qq.com",
            "http://127.0.0.1.example.com",
            "http://localhost.example.com",
            "https://api.mch.weixin.qq.com/v3",
            "https://api.mch.weixin.qq.com?x=1",
            "https://api.mch.weixin.qq.com#x",
            "ftp://api.mch.weixin.qq.com",
            "api.mch.weixin.qq.com",
            "https://",
            "",
        ] {
            assert!(wechat_host(text).is_err(), "{text}");
        }
    }

    #[test]
    fn brokers() {
        let found = |text| broker(text).map(|broker| (broker.host, broker.port, broker.tls));
        let plain = |host: &str, port| Ok((host.to_owned(), port, false));
        assert_eq!(found("mqtt://127.0.0.1"), plain("127.0.0.1", 1883));
        assert_eq!(found("mqtt://[fe80::1]:99/"), plain("fe80::1", 99));
        assert_eq!(
            found("mqtts://mq.example.cn"),
            Ok(("mq.example.cn".to_owned(), 8883, true))
        );
        for text in [
            "tcp://host",
            "mqtt://",
            "mqtt:host",
            "mqtt://host/x",
            "host:1883",
        ] {
            assert!(broker(text).is_err(), "{text}");
        }
    }

    #[test]
    fn callback_addresses() {
        assert_eq!(
            notify_base("https://pay.example.cn/parkgate/").as_deref(),
            Ok("https://pay.example.cn/parkgate")
        );
        let long = format!("https://pay.example.cn/{}", "x".repeat(180));
        for text in [
            "http://pay.example.cn",
            "https://a.cn/?x=1",
            "https://a.cn/#x",
            &long,
        ] {
            assert!(notify_base(text).is_err(), "{text}");
        }
    }

    #[test]
    fn passwords_are_not_quoted() {
        for text in [
            "mqtt://me:hunter2@host",
            "mqtt://me:hunter2@ho st",
            "mqtt://me:hunter2@",
        ] {
            let fault = broker(text).unwrap_err();
            assert!(!fault.contains("hunter2"), "{fault}");
        }
    }
}
