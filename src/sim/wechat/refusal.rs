//! Error answers of API v3 (`wechat-pay.md` 2.5 and 10).

use serde_json::{Value, json};

use super::books::ViolationKind;

/// A no, and whether the client is to blame for it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Refusal {
    pub status: u16,
    pub code: &'static str,
    pub message: String,
    pub detail: Option<Value>,
    /// WeChat's internal number, the tail of `Request-ID`.
    pub internal: u32,
    /// Set where a correct client would never have sent the request.
    pub violation: Option<ViolationKind>,
}

const INTERNAL_BAD_PARAMETER: u32 = 268_435_461;
const INTERNAL_UNKNOWN_PARAMETER: u32 = 270_924_358;
const INTERNAL_SIGNATURE: u32 = 268_443_699;
const INTERNAL_CHANGED_REPEAT: u32 = 268_498_688;
const INTERNAL_NO_ORDER: u32 = 268_512_771;
const INTERNAL_APPID: u32 = 268_445_527;
const INTERNAL_SUB_MERCHANT: u32 = 268_443_701;
const INTERNAL_RESTRICTED: u32 = 268_448_010;
const INTERNAL_PAID: u32 = 268_449_538;
const INTERNAL_RATE: u32 = 268_447_840;
const INTERNAL_OTHER: u32 = 268_435_456;

impl Refusal {
    fn new(status: u16, code: &'static str, message: &str, internal: u32) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            detail: None,
            internal,
            violation: None,
        }
    }

    fn blamed(mut self, violation: ViolationKind) -> Self {
        self.violation = Some(violation);
        self
    }

    /// The JSON body.
    pub fn body(&self) -> Value {
        let mut body = json!({ "code": self.code, "message": self.message });
        if let Some(detail) = &self.detail {
            body["detail"] = detail.clone();
        }
        body
    }

    /// `Accept` or `User-Agent` is missing.
    pub fn headers_missing() -> Self {
        Self::new(
            400,
            "INVALID_REQUEST",
            "Http头缺少Accept或User-Agent",
            INTERNAL_BAD_PARAMETER,
        )
        .blamed(ViolationKind::Headers)
    }

    /// A header says something that this call cannot do.
    pub fn header(status: u16, message: &str) -> Self {
        Self::new(status, "INVALID_REQUEST", message, INTERNAL_BAD_PARAMETER)
            .blamed(ViolationKind::Headers)
    }

    /// 401: the caller is not who it says, or not now.
    pub fn sign(violation: ViolationKind, field: &str, issue: &str) -> Self {
        let mut refusal =
            Self::new(401, "SIGN_ERROR", "签名错误", INTERNAL_SIGNATURE).blamed(violation);
        refusal.detail =
            Some(json!({ "issue": issue, "field": field, "location": "authorization" }));
        refusal
    }

    /// 401: the signature does not fit; tells what the server signed.
    pub fn sign_mismatch(method: &str, url: &str, text: &[u8]) -> Self {
        const SHOWN_CHARS: usize = 128;
        let mut refusal = Self::sign(ViolationKind::Signature, "signature", "sign not match");
        let shown: String = String::from_utf8_lossy(text)
            .chars()
            .take(SHOWN_CHARS)
            .collect();
        if let Some(detail) = &mut refusal.detail {
            detail["sign_information"] = json!({
                "method": method,
                "url": url,
                "truncated_sign_message": shown,
                "sign_message_length": text.len(),
            });
        }
        refusal
    }

    /// 400: a value is missing, ill-typed or out of range. `field` is a JSON pointer in a body and a
    /// name elsewhere; `location` is `body`, `query` or `url`.
    pub fn parameter(location: &str, field: &str, value: Option<&Value>, issue: &str) -> Self {
        let mut refusal = Self::new(
            400,
            "PARAM_ERROR",
            &format!("参数错误: {field} {issue}"),
            INTERNAL_BAD_PARAMETER,
        )
        .blamed(ViolationKind::Parameter);
        refusal.detail = Some(json!({
            "field": field,
            "value": value.cloned().unwrap_or_default(),
            "issue": issue,
            "location": location,
        }));
        refusal
    }

    /// 400: a key that this call does not know.
    pub fn unknown_parameter(location: &str, field: &str) -> Self {
        let mut refusal = Self::parameter(location, field, None, "is not a parameter of this call");
        refusal.internal = INTERNAL_UNKNOWN_PARAMETER;
        refusal
    }

    /// 400: legal in form, against the rules.
    pub fn rule(violation: ViolationKind, message: &str) -> Self {
        Self::new(400, "INVALID_REQUEST", message, INTERNAL_OTHER).blamed(violation)
    }

    /// 400: a number comes again with other content.
    pub fn changed_repeat(message: &str) -> Self {
        let mut refusal = Self::rule(ViolationKind::ChangedRepeat, message);
        refusal.internal = INTERNAL_CHANGED_REPEAT;
        refusal
    }

    /// 400: a number comes again, unchanged, where WeChat does not take repeats.
    pub fn refused_repeat(message: &str) -> Self {
        Self::new(400, "INVALID_REQUEST", message, INTERNAL_OTHER)
    }

    /// 403: permission missing.
    pub fn no_permission() -> Self {
        Self::new(403, "NO_AUTH", "商户无权限发起该流程", INTERNAL_OTHER)
    }

    /// 403: this merchant may not collect.
    pub fn restricted() -> Self {
        Self::new(403, "NO_AUTH", "当前商户无法扣款", INTERNAL_RESTRICTED)
    }

    /// 403: appid and merchant id are not bound to each other.
    pub fn not_bound() -> Self {
        Self::new(
            403,
            "NO_AUTH",
            "appid和mchid不匹配，请检查绑定关系",
            INTERNAL_APPID,
        )
    }

    /// 400: the same, as the base payments have it.
    pub fn appid_not_bound() -> Self {
        Self::new(
            400,
            "APPID_MCHID_NOT_MATCH",
            "商户号mchid与appid不匹配",
            INTERNAL_APPID,
        )
    }

    /// 400: a closed order is final.
    pub fn order_closed() -> Self {
        Self::new(400, "ORDER_CLOSED", "订单已关闭", INTERNAL_OTHER)
    }

    /// 400: what is paid can be refunded, not closed or paid again.
    pub fn order_paid() -> Self {
        Self::new(400, "ORDER_PAID", "该订单已支付", INTERNAL_PAID)
    }

    /// 403: the number is that of an order of another kind.
    pub fn number_used() -> Self {
        Self::new(403, "OUT_TRADE_NO_USED", "商户订单号重复", INTERNAL_OTHER)
            .blamed(ViolationKind::ChangedRepeat)
    }

    /// 403: the sub-merchant is none of the caller's.
    pub fn not_its_sub_merchant() -> Self {
        Self::new(
            403,
            "NO_AUTH",
            "特约商户与服务商未建立受理关系",
            INTERNAL_SUB_MERCHANT,
        )
    }

    /// 403: the plate's driver cannot be charged now. The reference names no code for it
    /// (`wechat-pay.md` 9.1 only says 4xx).
    pub fn blocked(reason: &str) -> Self {
        Self::new(
            403,
            "TRADE_ERROR",
            &format!("车牌当前不可扣费: {reason}"),
            INTERNAL_OTHER,
        )
    }

    /// 403: too many charges.
    pub fn too_many_charges() -> Self {
        Self::new(403, "RULE_LIMIT", "超出扣费次数限制", INTERNAL_OTHER)
    }

    /// 404: nobody enrolled this plate.
    pub fn no_such_plate() -> Self {
        Self::new(404, "NOT_FOUND", "车牌不存在", INTERNAL_OTHER)
    }

    /// 404: the order was never accepted.
    pub fn no_such_order() -> Self {
        Self::new(404, "ORDER_NOT_EXIST", "订单不存在", INTERNAL_NO_ORDER)
    }

    /// 404: of a refund, or of what it is for.
    pub fn no_such_resource(message: &str) -> Self {
        Self::new(404, "RESOURCE_NOT_EXISTS", message, INTERNAL_OTHER)
    }

    /// 400: against the rules of refunds. No fault of the client's where time or the merchant platform
    /// has made it so.
    pub fn not_refundable(message: &str) -> Self {
        Self::new(400, "INVALID_REQUEST", message, INTERNAL_OTHER)
    }

    /// 400: nothing happened on that day.
    pub fn no_bill() -> Self {
        Self::new(400, "NO_STATEMENT_EXIST", "账单文件不存在", INTERNAL_OTHER)
    }

    /// 400: before 10:00 of the next day.
    pub fn bill_in_the_making() -> Self {
        Self::new(400, "STATEMENT_CREATING", "账单生成中", INTERNAL_OTHER)
    }

    /// 400: an address of a bill is good once, and not for long.
    pub fn stale_address() -> Self {
        Self::new(400, "INVALID_REQUEST", "token无效或已过期", INTERNAL_OTHER)
    }

    /// 403: the merchant's balance.
    pub fn not_enough() -> Self {
        Self::new(
            403,
            "NOT_ENOUGH",
            "基本账户余额不足，请充值",
            INTERNAL_OTHER,
        )
    }

    /// 404: public-key-only merchants have no platform certificates.
    pub fn no_certificates() -> Self {
        Self::new(
            404,
            "RESOURCE_NOT_EXISTS",
            "无可用的平台证书",
            INTERNAL_OTHER,
        )
    }

    /// 404: no such call.
    pub fn no_such_call() -> Self {
        Self::new(404, "RESOURCE_NOT_EXISTS", "接口不存在", INTERNAL_OTHER)
            .blamed(ViolationKind::NoSuchCall)
    }

    /// 405: the call is made with another method.
    pub fn wrong_method() -> Self {
        Self::new(405, "INVALID_REQUEST", "请求方法错误", INTERNAL_OTHER)
            .blamed(ViolationKind::NoSuchCall)
    }

    /// 429.
    pub fn throttled() -> Self {
        Self::new(429, "RATELIMIT_EXCEEDED", "请求频率过高", INTERNAL_RATE)
    }

    /// 500: outcome unknown.
    pub fn system() -> Self {
        Self::new(500, "SYSTEM_ERROR", "系统繁忙", INTERNAL_OTHER)
    }
}
