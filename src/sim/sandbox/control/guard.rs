//! Who may control: programs, and the page that is served here. A page of somebody else's in the browser
//! of whoever runs the sandbox may not (cross-site requests, names that are bound to this machine anew).

use std::net::IpAddr;

use axum::http::{HeaderMap, HeaderName, Method, header};

use super::problem::Problem;

/// Lets requests through that no other site's page can make.
pub(super) fn admit(method: &Method, headers: &HeaderMap, is_open: bool) -> Result<(), Problem> {
    let text = |name: HeaderName| {
        headers
            .get(name)
            .map(|value| value.to_str().unwrap_or("not text"))
    };
    let host = text(header::HOST).unwrap_or_default();
    if !is_own(host, is_open) {
        return Err(Problem::forbidden(format!(
            "the Host header {host:?} is not an address of this sandbox: use its IP address or localhost"
        )));
    }
    if let Some(origin) = text(header::ORIGIN)
        && origin != format!("http://{host}")
    {
        return Err(Problem::forbidden(format!(
            "the Origin {origin:?} is another site, and only the page at http://{host}/ may control"
        )));
    }
    let site = text(HeaderName::from_static("sec-fetch-site"));
    let navigates = text(HeaderName::from_static("sec-fetch-mode")) == Some("navigate");
    if site.is_some_and(|site| site != "same-origin" && site != "none")
        && !(navigates && *method == Method::GET)
    {
        return Err(Problem::forbidden(
            "a page of another site asks, and only the page that is served here may control".into(),
        ));
    }
    let kind = text(header::CONTENT_TYPE).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if *method == Method::POST && !kind.eq_ignore_ascii_case("application/json") {
        return Err(Problem::not_json());
    }
    Ok(())
}

/// An address says where it leads, a name does not; names without a dot are none that somebody on the
/// internet can register.
fn is_own(host: &str, is_open: bool) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let address = name
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    if address.unwrap_or(name).parse::<IpAddr>().is_ok() || name.eq_ignore_ascii_case("localhost") {
        return true;
    }
    let letters = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    is_open && !name.is_empty() && name.bytes().all(letters)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn addresses_and_localhost_are_this_sandbox_and_names_are_not() {
        for host in [
            "127.0.0.1:8701",
            "127.0.0.1",
            "[::1]:8701",
            "localhost:1",
            "10.0.0.3:80",
        ] {
            assert!(is_own(host, false), "{host}");
        }
        for host in [
            "evil.example:8701",
            "sandbox:8701",
            "",
            "localhost.evil.example",
            "::1.x",
        ] {
            assert!(!is_own(host, false), "{host}");
        }
        assert!(is_own("sandbox:8701", true));
        assert!(!is_own("evil.example:8701", true));
        assert!(!is_own("", true));
    }

    #[test]
    fn another_sites_page_is_refused_whatever_it_tries() {
        let own = [
            ("host", "127.0.0.1:1"),
            ("content-type", "application/json"),
        ];
        let status = |method: &Method, more: &[(&'static str, &'static str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in own.iter().chain(more) {
                headers.insert(*name, HeaderValue::from_static(value));
            }
            admit(method, &headers, false)
                .err()
                .map(|it| it.status.as_u16())
        };
        assert_eq!(status(&Method::POST, &[]), None);
        assert_eq!(
            status(&Method::POST, &[("origin", "http://127.0.0.1:1")]),
            None
        );
        for origin in [
            "http://evil.example",
            "null",
            "https://127.0.0.1:1",
            "http://127.0.0.1:2",
        ] {
            assert_eq!(
                status(&Method::POST, &[("origin", origin)]),
                Some(403),
                "{origin}"
            );
        }
        let form = [("content-type", "application/x-www-form-urlencoded")];
        assert_eq!(status(&Method::POST, &form), Some(415));
        assert_eq!(
            status(&Method::POST, &[("content-type", "text/plain")]),
            Some(415)
        );
        let cross = [("sec-fetch-site", "cross-site")];
        assert_eq!(status(&Method::GET, &cross), Some(403));
        assert_eq!(status(&Method::DELETE, &cross), Some(403));
        // A link to the page, from anywhere, is followed.
        let link = [
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-mode", "navigate"),
        ];
        assert_eq!(status(&Method::GET, &link), None);
        assert_eq!(status(&Method::POST, &link), Some(403));
    }
}
