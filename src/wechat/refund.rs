//! Refunds (`wechat-pay.md` 4): one is applied for and asked about; when, and which, is decided elsewhere.

use super::parking::{ParseFault, object, optional, required};
use super::transport::Patience;
use super::{Call, Client, unanswered};
use crate::charges::answer::{Answer, Heard, RefundSeen, RefundWord};

/// *Apply for a refund* (4.1), and with a number behind it *query refund* (4.2).
pub const REFUNDS: &str = "/v3/refund/domestic/refunds";

impl Client {
    /// *Apply for a refund* (4.1). `body` is sent byte for byte.
    pub async fn refund(&self, body: &str, patience: Patience) -> Heard<RefundSeen> {
        let call = Call::post(REFUNDS, body);
        self.call(call, patience, refund).await
    }

    /// *Query refund* (4.2), by our number; in partner mode with the sub-merchant whose money it is.
    pub async fn query_refund(
        &self,
        out_refund_no: &str,
        sub_mchid: Option<&str>,
        patience: Patience,
    ) -> Heard<RefundSeen> {
        let Some(target) = target(out_refund_no, sub_mchid) else {
            let fault = format!("{out_refund_no:?} cannot be a refund's number");
            return unanswered(Answer::NotSent(fault));
        };
        self.call(Call::get(&target), patience, refund).await
    }
}

/// Target of *query refund*. None if these cannot be a number and a merchant id: they would change the path.
pub fn target(out_refund_no: &str, sub_mchid: Option<&str>) -> Option<String> {
    let well_formed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'*');
    let fits = |text: &str| (1..=64).contains(&text.len()) && text.bytes().all(well_formed);
    if !fits(out_refund_no) || !sub_mchid.is_none_or(fits) {
        return None;
    }
    Some(match sub_mchid {
        None => format!("{REFUNDS}/{out_refund_no}"),
        Some(sub_mchid) => format!("{REFUNDS}/{out_refund_no}?sub_mchid={sub_mchid}"),
    })
}

/// Reads the answer to both, and what a callback holds (4.5), which writes `refund_status` for `status`.
pub fn refund(body: &[u8]) -> Result<RefundSeen, ParseFault> {
    let refund = object(body)?;
    let amount = &refund["amount"];
    let word = match optional(&refund["refund_status"]) {
        Some(word) => word,
        None => required(&refund, "status")?,
    };
    Ok(RefundSeen {
        out_refund_no: required(&refund, "out_refund_no")?,
        out_trade_no: required(&refund, "out_trade_no")?,
        sub_mchid: optional(&refund["sub_mchid"]),
        state: state(word),
        refund_id: optional(&refund["refund_id"]),
        total_fen: amount["total"].as_u64(),
        refund_fen: amount["refund"].as_u64(),
        payer_refund_fen: amount["payer_refund"].as_u64(),
        account: optional(&refund["user_received_account"]),
    })
}

fn state(word: String) -> RefundWord {
    match word.as_str() {
        "PROCESSING" => RefundWord::Processing,
        "SUCCESS" => RefundWord::Success,
        "CLOSED" => RefundWord::Closed,
        "ABNORMAL" => RefundWord::Abnormal,
        _ => RefundWord::Other(word),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_and_a_callback_are_read_alike() {
        let answer = refund(
            br#"{"refund_id":"50000000382025112400000000001","out_refund_no":"R1","out_trade_no":"T1",
            "channel":"ORIGINAL","user_received_account":"x","status":"PROCESSING",
            "amount":{"total":1500,"refund":500,"from":[],"payer_total":1400,"payer_refund":450,
            "discount_refund":50,"currency":"CNY"},"promotion_detail":[]}"#,
        )
        .unwrap();
        assert_eq!(answer.state, RefundWord::Processing);
        assert_eq!(
            (answer.total_fen, answer.refund_fen),
            (Some(1500), Some(500))
        );
        assert_eq!(answer.payer_refund_fen, Some(450));
        let told = refund(
            br#"{"mchid":"1900009191","out_refund_no":"R1","out_trade_no":"T1","refund_status":"SUCCESS",
            "refund_id":"5","amount":{"total":1500,"refund":500,"payer_total":1400,"payer_refund":450}}"#,
        )
        .unwrap();
        assert_eq!(told.state, RefundWord::Success);
        assert_eq!((told.total_fen, told.refund_fen), (Some(1500), Some(500)));
        let odd = refund(
            br#"{"out_refund_no":"R1","out_trade_no":"T1","status":"NEW","amount":{"total":-1}}"#,
        );
        let odd = odd.unwrap();
        assert_eq!(odd.state, RefundWord::Other("NEW".into()));
        assert_eq!((odd.total_fen, odd.refund_fen), (None, None));
        let silent = refund(br#"{"out_refund_no":"R1","out_trade_no":"T1"}"#);
        assert_eq!(silent, Err(ParseFault::Missing("status")));
    }

    #[test]
    fn a_number_cannot_change_the_path() {
        assert_eq!(
            target("R1", Some("1900000109")).unwrap(),
            "/v3/refund/domestic/refunds/R1?sub_mchid=1900000109"
        );
        for number in ["", "..", "a/b", "a?b", "%2e", &"9".repeat(65)] {
            assert_eq!(target(number, None), None, "{number}");
            assert_eq!(target("R1", Some(number)), None, "{number}");
        }
    }
}
