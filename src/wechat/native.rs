//! Native orders (`wechat-pay.md` 6): money that a driver pays by scanning a code. One order is made,
//! asked about and closed; when, and what for, is decided elsewhere.

use serde::Serialize;

use super::parking::{ParseFault, object, optional, required};
use crate::charges::answer::{CodeUrl, NativeSeen, NativeState};
use crate::lane::time::Wall;

/// In whose name orders are made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payee {
    /// The caller; in partner mode the provider.
    pub mchid: String,
    /// Bound to it.
    pub appid: String,
    /// Partner mode: for whom the money is collected.
    pub sub_mchid: Option<String>,
}

/// One order, before it is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order<'a> {
    /// In whose name.
    pub payee: &'a Payee,
    /// 6 to 32 digits and letters; unique for the merchant id, and never that of a parking charge.
    pub out_trade_no: &'a str,
    /// What the driver reads, at most 127 characters.
    pub description: &'a str,
    /// At least 1.
    pub total_fen: u64,
    /// Until when it can be paid, at least a minute ahead.
    pub expires: Wall,
    /// Where WeChat tells of the payment.
    pub notify_url: &'a str,
}

#[derive(Serialize)]
struct Body<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    appid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mchid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sp_appid: Option<&'a str>,
    #[serde(flatten)]
    partner: Option<Partner<'a>>,
    description: &'a str,
    out_trade_no: &'a str,
    time_expire: String,
    notify_url: &'a str,
    amount: Amount,
}

#[derive(Serialize)]
struct Partner<'a> {
    sp_mchid: &'a str,
    sub_mchid: &'a str,
}

#[derive(Serialize)]
struct Amount {
    total: u64,
    currency: &'static str,
}

#[derive(Serialize)]
struct Direct<'a> {
    mchid: &'a str,
}

const DIRECT: &str = "/v3/pay/transactions/";
const PARTNER: &str = "/v3/pay/partner/transactions/";

impl Order<'_> {
    /// The request's body. What is sent again for the same number has to be the same bytes.
    pub fn body(&self) -> String {
        let partner = self.payee.partner();
        let is_direct = partner.is_none();
        let body = Body {
            appid: is_direct.then_some(&self.payee.appid),
            mchid: is_direct.then_some(&self.payee.mchid),
            sp_appid: (!is_direct).then_some(&self.payee.appid),
            partner,
            description: self.description,
            out_trade_no: self.out_trade_no,
            time_expire: self.expires.to_rfc3339(),
            notify_url: self.notify_url,
            amount: Amount {
                total: self.total_fen,
                currency: "CNY",
            },
        };
        json(&body)
    }
}

impl Payee {
    /// Where orders are made.
    pub(crate) fn create(&self) -> String {
        format!("{}native", self.root())
    }

    /// Where an order is asked about. None if this cannot be an order's number: it would change the path.
    pub(crate) fn query(&self, out_trade_no: &str) -> Option<String> {
        let order = self.order(out_trade_no)?;
        Some(match self.partner() {
            None => format!("{order}?mchid={}", self.mchid),
            Some(Partner {
                sp_mchid,
                sub_mchid,
            }) => format!("{order}?sp_mchid={sp_mchid}&sub_mchid={sub_mchid}"),
        })
    }

    /// Where an order is closed, and with which body.
    pub(crate) fn close(&self, out_trade_no: &str) -> Option<(String, String)> {
        let target = format!("{}/close", self.order(out_trade_no)?);
        let body = match self.partner() {
            None => json(&Direct { mchid: &self.mchid }),
            Some(partner) => json(&partner),
        };
        Some((target, body))
    }

    fn order(&self, out_trade_no: &str) -> Option<String> {
        let well_formed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
        let fits = (6..=32).contains(&out_trade_no.len()) && out_trade_no.bytes().all(well_formed);
        let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
        let ids = digits(&self.mchid) && self.sub_mchid.as_deref().is_none_or(digits);
        (fits && ids).then(|| format!("{}out-trade-no/{out_trade_no}", self.root()))
    }

    fn root(&self) -> &'static str {
        match self.sub_mchid {
            None => DIRECT,
            Some(_) => PARTNER,
        }
    }

    fn partner(&self) -> Option<Partner<'_>> {
        self.sub_mchid.as_deref().map(|sub_mchid| Partner {
            sp_mchid: &self.mchid,
            sub_mchid,
        })
    }
}

/// Reads the answer to *create*.
pub(crate) fn code_url(body: &[u8]) -> Result<CodeUrl, ParseFault> {
    required(&object(body)?, "code_url").map(CodeUrl)
}

/// Reads the answer to *query*.
pub(crate) fn seen(body: &[u8]) -> Result<NativeSeen, ParseFault> {
    let order = object(body)?;
    let mchid = optional(&order["mchid"]).or_else(|| optional(&order["sp_mchid"]));
    Ok(NativeSeen {
        out_trade_no: required(&order, "out_trade_no")?,
        mchid,
        sub_mchid: optional(&order["sub_mchid"]),
        state: NativeState::of(&required(&order, "trade_state")?),
        total_fen: order["amount"]["total"].as_u64(),
        payer_total_fen: order["amount"]["payer_total"].as_u64(),
        transaction_id: optional(&order["transaction_id"]),
    })
}

/// The answer to *close* is 204, whose signature over nothing is all that it says.
pub(crate) fn closed(_body: &[u8]) -> Result<(), ParseFault> {
    Ok(())
}

fn json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("structs of strings and integers")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::tests::vectors::{text, vectors};
    use super::*;

    #[test]
    fn bodies_and_targets_are_the_vectors_and_the_contracts_in_both_modes() {
        let direct = Payee {
            mchid: "1900009191".into(),
            appid: "wxcbda96de0b165486".into(),
            sub_mchid: None,
        };
        let partner = Payee {
            sub_mchid: Some("1900000109".into()),
            ..direct.clone()
        };
        let order = |payee| Order {
            payee,
            out_trade_no: "N20251124123010000001",
            description: "停车费",
            total_fen: 1500,
            expires: Wall::from_rfc3339("2025-11-24T12:45:10+08:00").unwrap(),
            notify_url: "https://pay.example.com/wx/native",
        };
        let body: Value = serde_json::from_str(&order(&direct).body()).unwrap();
        let expected = json!({
            "appid": "wxcbda96de0b165486", "mchid": "1900009191", "description": "停车费",
            "out_trade_no": "N20251124123010000001", "time_expire": "2025-11-24T12:45:10+08:00",
            "notify_url": "https://pay.example.com/wx/native",
            "amount": { "total": 1500, "currency": "CNY" },
        });
        assert_eq!(body, expected);
        let body: Value = serde_json::from_str(&order(&partner).body()).unwrap();
        assert_eq!(body["sp_mchid"], "1900009191");
        assert_eq!(body["sp_appid"], "wxcbda96de0b165486");
        assert_eq!(body["sub_mchid"], "1900000109");
        assert!(body.get("mchid").is_none() && body.get("appid").is_none());

        let vectors = vectors();
        let cases = vectors["request_signatures"].as_array().unwrap();
        let case = cases.iter().find(|case| case["name"] == "native_close");
        let (target, body) = (
            text(&case.unwrap()["request_target"]),
            text(&case.unwrap()["body"]),
        );
        let named = target.split('/').nth(5).unwrap();
        assert_eq!(
            direct.close(named),
            Some((target.to_owned(), body.to_owned()))
        );
        assert_eq!(direct.create(), "/v3/pay/transactions/native");
        assert_eq!(partner.create(), "/v3/pay/partner/transactions/native");
        let number = "N20251124123010000001";
        assert_eq!(
            partner.query(number).unwrap(),
            "/v3/pay/partner/transactions/out-trade-no/N20251124123010000001\
             ?sp_mchid=1900009191&sub_mchid=1900000109"
        );
        assert_eq!(
            partner.close(number).unwrap().1,
            r#"{"sp_mchid":"1900009191","sub_mchid":"1900000109"}"#
        );
    }

    #[test]
    fn a_number_cannot_change_the_path() {
        let payee = Payee {
            mchid: "1900009191".into(),
            appid: "wx1".into(),
            sub_mchid: None,
        };
        for number in ["", "N1", "../../..", "N1234/6", "N1234?6", &"9".repeat(33)] {
            assert_eq!(payee.query(number), None, "{number}");
            assert_eq!(payee.close(number), None, "{number}");
        }
    }

    #[test]
    fn answers_are_read_leniently() {
        let url = code_url(br#"{"code_url":"weixin://wxpay/bizpayurl?pr=p4lpSuKzz","new":1}"#);
        assert_eq!(
            url,
            Ok(CodeUrl("weixin://wxpay/bizpayurl?pr=p4lpSuKzz".into()))
        );
        assert_eq!(code_url(b"{}"), Err(ParseFault::Missing("code_url")));
        let found = seen(br#"{"out_trade_no":"N1","trade_state":"NOTPAY"}"#).unwrap();
        assert_eq!((found.state, found.total_fen), (NativeState::NotPaid, None));
        let found = seen(br#"{"out_trade_no":"N1","trade_state":"NEW","amount":{"total":1}}"#);
        assert_eq!(found.unwrap().state, NativeState::Other("NEW".into()));
    }
}
