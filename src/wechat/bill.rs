//! Bills (`wechat-pay.md` 5): asked for with a signed and verified call, then downloaded by an address that
//! the answer names. The file itself is not signed; the hash in the answer proves it.

use reqwest::Url;

use super::parking::{ParseFault, object, required};
use super::transport::{Delivery, Patience};
use super::{Call, Client, unanswered};
use crate::charges::answer::{Answer, Heard};

/// Packed: some seven hundred thousand lines. It is in memory while it comes, and the service has 128 MiB.
const MAX_FILE: usize = 32 * 1024 * 1024;
/// As the API pages print them; whoever reaches WeChat by another name is sent here all the same.
const WECHATS: [&str; 4] = [
    "api.mch.weixin.qq.com",
    "api2.mch.weixin.qq.com",
    "api.wechatpay.cn",
    "api2.wechatpay.cn",
];

/// Which bill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Payments and refunds (5.1).
    Trade,
    /// What came to and went from the merchant's account (5.2).
    FundFlow,
}

/// Where a bill is, and what it must come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// SHA-1 of the unpacked bytes, hexadecimal, lower case.
    pub sha1: String,
    /// As delivered; used once, and soon.
    url: String,
}

impl Place {
    /// Path and query of the download, from one of these hosts.
    pub(crate) fn target(&self, hosts: &[String]) -> Result<String, String> {
        target_of(&self.url, hosts)
    }
}

impl Client {
    /// Asks for the bill of a day, `yyyy-MM-dd`, packed with gzip (5.1, 5.2); in partner mode for one
    /// sub-merchant's trades.
    pub async fn bill(&self, kind: Kind, day: &str, sub_mchid: Option<&str>) -> Heard<Place> {
        let Some(target) = target(kind, day, sub_mchid) else {
            let fault = format!("{day:?} of {sub_mchid:?} can have no bill");
            return unanswered(Answer::NotSent(fault));
        };
        self.call(Call::get(&target), Patience::Background, place)
            .await
    }

    /// Downloads a bill as it lies there: packed, and not signed. Whoever calls compares the hash.
    ///
    /// # Errors
    /// Why there is none, for people. Ask for the place again: it is good for one use.
    pub async fn download_bill(&self, place: &Place) -> Result<Vec<u8>, String> {
        let target = place.target(&self.0.transport.host_names())?;
        let call = Call {
            max_answer: MAX_FILE,
            ..Call::get(&target)
        };
        match self.send(&call, Patience::Download).await.delivery {
            Delivery::Answered { reply, .. } if reply.cut => {
                Err(reply.detail("the bill is larger than any of a car park"))
            }
            Delivery::Answered { reply, .. } if reply.status == 200 => Ok(reply.body),
            Delivery::Answered { reply, .. } => Err(reply.detail("the bill is not given out")),
            Delivery::NotSent(why) | Delivery::Lost(why) => Err(why),
        }
    }
}

/// Path and query of the call; None if there can be no such bill.
pub(crate) fn target(kind: Kind, day: &str, sub_mchid: Option<&str>) -> Option<String> {
    let is_day = day.len() == 10 && day.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    let is_id = |id: &str| !id.is_empty() && id.bytes().all(|b| b.is_ascii_digit());
    if !is_day || !sub_mchid.is_none_or(is_id) {
        return None;
    }
    Some(match (kind, sub_mchid) {
        (Kind::Trade, None) => {
            format!("/v3/bill/tradebill?bill_date={day}&bill_type=ALL&tar_type=GZIP")
        }
        (Kind::Trade, Some(sub_mchid)) => format!(
            "/v3/bill/tradebill?bill_date={day}&sub_mchid={sub_mchid}&bill_type=ALL&tar_type=GZIP"
        ),
        // The provider's own account, in partner mode too.
        (Kind::FundFlow, _) => {
            format!("/v3/bill/fundflowbill?bill_date={day}&account_type=BASIC&tar_type=GZIP")
        }
    })
}

/// What WeChat answers.
pub(crate) fn place(body: &[u8]) -> Result<Place, ParseFault> {
    let answer = object(body)?;
    let hash = required(&answer, "hash_value")?.to_ascii_lowercase();
    let is_sha1 = required(&answer, "hash_type")? == "SHA1"
        && hash.len() == 40
        && hash.bytes().all(|b| b.is_ascii_hexdigit());
    Ok(Place {
        sha1: is_sha1.then_some(hash).ok_or(ParseFault::Missing("SHA1"))?,
        url: required(&answer, "download_url")?,
    })
}

/// Path and query exactly as delivered. A signed request goes to the configured hosts only, whoever the
/// address names; one that names somebody else is not followed at all.
fn target_of(url: &str, hosts: &[String]) -> Result<String, String> {
    let foreign = "the bill's address names a host that is not WeChat's; nothing is sent there";
    let parsed = Url::parse(url).map_err(|_| "the bill's address is none".to_owned())?;
    let authority = parsed.authority();
    let is_ours = hosts.iter().any(|host| host == authority) || WECHATS.contains(&authority);
    let is_bare = parsed.fragment().is_none() && matches!(parsed.scheme(), "https" | "http");
    if !is_ours || !is_bare {
        return Err(foreign.to_owned());
    }
    let rest = url.split_once("://").map_or("", |(_, rest)| rest);
    let start = rest.find('/').unwrap_or(rest.len());
    let (named, target) = rest.split_at_checked(start).unwrap_or_default();
    match target.starts_with("/v3/") && named.eq_ignore_ascii_case(authority) {
        true => Ok(target.to_owned()),
        false => Err(foreign.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_followed_as_delivered_and_to_nobody_else() {
        let hosts = ["127.0.0.1:8080".to_owned()];
        let path = "/v3/billdownload/file?token=6Xq3Zt%2Fa_-&tartype=gzip";
        for host in ["https://api.mch.weixin.qq.com", "http://127.0.0.1:8080"] {
            assert_eq!(target_of(&format!("{host}{path}"), &hosts).unwrap(), path);
        }
        for foreign in [
            "https://evil.example",
            "https://api.mch.weixin.qq.com.evil.example",
            "https://api.mch.weixin.qq.com@evil.example",
            "https://evil.example@api.mch.weixin.qq.com",
            "https://api.mch.weixin.qq.com:444",
            "http://127.0.0.1:8081",
            "ftp://api.mch.weixin.qq.com",
            "",
        ] {
            assert!(
                target_of(&format!("{foreign}{path}"), &hosts).is_err(),
                "{foreign}"
            );
        }
        let other_path = "https://api.mch.weixin.qq.com/secapi/pay";
        assert!(target_of(other_path, &hosts).is_err());
    }

    #[test]
    fn only_a_hash_that_proves_something_is_taken() {
        let body = |kind: &str, hash: &str| {
            format!(
                r#"{{"hash_type":"{kind}","hash_value":"{hash}","download_url":"https://x/v3/y"}}"#
            )
        };
        let hash = "79BB0F45FC4C42234A918000B2668D689E2BDE04";
        let read = place(body("SHA1", hash).as_bytes()).unwrap();
        assert_eq!(read.sha1, hash.to_ascii_lowercase());
        assert!(place(body("MD5", hash).as_bytes()).is_err());
        assert!(place(body("SHA1", "79bb").as_bytes()).is_err());
    }

    #[test]
    fn a_day_cannot_change_the_path() {
        assert_eq!(
            target(Kind::Trade, "2026-03-01", Some("1900000109")).unwrap(),
            "/v3/bill/tradebill?bill_date=2026-03-01&sub_mchid=1900000109&bill_type=ALL&tar_type=GZIP"
        );
        assert!(target(Kind::Trade, "2026-03-0&", None).is_none());
        assert!(target(Kind::FundFlow, "2026-03-01", Some("a&b")).is_none());
    }
}
