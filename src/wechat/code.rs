//! What WeChat Pay's error codes mean, and what to do about each (`wechat-pay.md` 2.5, 4.1, 5.4, 6.3, 6.5,
//! 10): one table for whoever tells people. What the queue does about a refusal is decided there.

use crate::bilingual::{Pair, pair};

/// One code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code {
    /// As WeChat writes it, with underscores.
    pub code: &'static str,
    /// What happened.
    pub means: Pair,
    /// What a person does about it.
    pub action: Pair,
}

const fn row(code: &'static str, means: Pair, action: Pair) -> Code {
    Code {
        code,
        means,
        action,
    }
}

const WAIT: Pair = pair(
    "nothing; parkgate tries again by itself, ever slower",
    "无需操作；parkgate 会自动逐步放慢地重试",
);
const OTHER_MEANS: Pair = pair(
    "take the money in another way: cash, or a QR code",
    "改用其他方式收款：现金或二维码",
);
const CHECK_CALLER: Pair = pair(
    "see that the box's clock is right; then compare merchant id, private key and certificate serial with \
     the merchant platform (账户中心 → API安全)",
    "先确认本机时钟正确；再在商户平台（账户中心 → API安全）核对商户号、私钥和证书序列号",
);
const TO_SUPPORT: Pair = pair(
    "give the Request-ID to WeChat's support; it looks like a fault of the program",
    "请把 Request-ID 提供给微信支付技术支持；这可能是程序问题",
);

/// Every code that the contract names.
pub const CODES: &[Code] = &[
    row(
        "ACCOUNT_ERROR",
        pair("the payer's account cannot pay", "付款方账户异常，无法支付"),
        OTHER_MEANS,
    ),
    row(
        "APPID_MCHID_NOT_MATCH",
        pair(
            "app id and merchant id are not bound to each other",
            "AppID 与商户号未绑定",
        ),
        pair(
            "bind them: merchant platform, 产品中心 → AppID账号管理, then confirm on the side of the app id; in \
             partner mode do so for the sub-merchant too",
            "请绑定：商户平台 → 产品中心 → AppID账号管理，并在 AppID 一侧确认授权；服务商模式下特约商户也要绑定",
        ),
    ),
    row(
        "AUTH_CODE_EXPIRE",
        pair("the driver's payment code is too old", "付款码已过期"),
        pair("have the driver open a new code", "请车主刷新付款码后重试"),
    ),
    row(
        "AUTH_CODE_INVALID",
        pair(
            "what was scanned is no payment code",
            "扫到的不是有效付款码",
        ),
        pair(
            "scan the code under 收付款 of the driver's WeChat",
            "请扫描车主微信“收付款”中的付款码",
        ),
    ),
    row(
        "BANK_ERROR",
        pair(
            "the driver's bank does not answer; whether it paid is not known",
            "银行系统异常，结果未知",
        ),
        WAIT,
    ),
    row(
        "BIZ_ERR_NEED_RETRY",
        pair(
            "the refund was not carried out yet",
            "退款业务流程错误，需要重试",
        ),
        pair(
            "repeat the refund under the same number, never under a new one",
            "用原退款单号重试，切勿换新单号",
        ),
    ),
    row(
        "FREQUENCY_LIMITED",
        pair("too many calls in a short time", "调用频率过高"),
        WAIT,
    ),
    row(
        "INVALID_REQUEST",
        pair(
            "the request is well-formed and breaks a rule: an entry that was charged already, a number that \
             comes again with other content",
            "请求合法但不符合业务规则：停车入场已扣费，或同一单号内容不同",
        ),
        pair(
            "read WeChat's message, which names the rule; if the car stands at the gate, take the money in \
             another way",
            "请看微信返回的说明，其中写明违反的规则；若车辆在出口，请改用其他方式收款",
        ),
    ),
    row(
        "INVALID_TRANSACTIONID",
        pair("there is no such WeChat order number", "微信支付订单号无效"),
        pair(
            "compare the number with the merchant platform, 交易中心",
            "请在商户平台“交易中心”核对订单号",
        ),
    ),
    row(
        "MCH_NOT_EXISTS",
        pair("there is no such merchant id", "商户号不存在"),
        pair(
            "correct [merchant] mchid; in partner mode [merchant.sub] mchid too",
            "请更正 [merchant] mchid；服务商模式下还有 [merchant.sub] mchid",
        ),
    ),
    row(
        "NOT_ENOUGH",
        pair(
            "there is not enough money: of the driver for a payment, of the merchant for a refund",
            "余额不足：支付时指车主，退款时指商户",
        ),
        pair(
            "for a payment take another way; for a refund top up the merchant's account and repeat it under \
             the same number",
            "支付请改用其他方式；退款请先给商户账户充值，再用原单号重试",
        ),
    ),
    row(
        "NOT_FOUND",
        pair(
            "WeChat does not know it: no driver enrolled this plate, or no such order ever arrived",
            "对象不存在：车牌无人开通，或订单从未到达",
        ),
        pair(
            "for a plate take the money in another way; an order that never arrived parkgate sends again",
            "车牌未开通请改用其他方式收款；从未到达的订单由 parkgate 重新发送",
        ),
    ),
    row(
        "NO_AUTH",
        pair(
            "this merchant may not do that: the permission 微信车主服务 is missing, app id and merchant id are not \
             bound, the sub-merchant has not accepted, or collecting is restricted",
            "商户无权限：未开通微信车主服务、AppID 与商户号未绑定、特约商户未接受邀请，或收款受限",
        ),
        pair(
            "go through `parkgate prepare`: access mode, binding, permission and, in partner mode, the \
             invitation; a restriction is told in the merchant platform's message centre (消息中心)",
            "请按 `parkgate prepare` 逐项核对：接入模式、绑定、权限，服务商模式还有子商户邀请；收款限制见商户平台消息中心",
        ),
    ),
    row(
        "NO_STATEMENT_EXIST",
        pair(
            "there was no trade on that day, so there is no bill",
            "当天没有交易，没有账单",
        ),
        pair(
            "nothing, unless parkgate shows money of that day",
            "无需操作，除非 parkgate 显示当天有收款",
        ),
    ),
    row(
        "OPENID_MISMATCH",
        pair(
            "the driver's openid is of another app id",
            "openid 与 AppID 不匹配",
        ),
        pair(
            "take the openid under the app id in [merchant] appid",
            "请使用 [merchant] appid 下的 openid",
        ),
    ),
    row(
        "ORDER_CLOSED",
        pair("the order is closed", "订单已关闭"),
        pair("make a new one", "请重新下单"),
    ),
    row(
        "ORDER_NOT_EXIST",
        pair(
            "WeChat has no such order: it never arrived, or is too old to be shown",
            "订单不存在：从未到达，或时间过久",
        ),
        pair(
            "nothing; parkgate sends a charge that never arrived again",
            "无需操作；从未到达的扣费由 parkgate 重新发送",
        ),
    ),
    row(
        "ORDER_PAID",
        pair(
            "the order is paid already and cannot be closed",
            "订单已支付，不能关闭",
        ),
        pair(
            "nothing; parkgate asks for the order and settles it",
            "无需操作；parkgate 会查询订单并结算",
        ),
    ),
    row(
        "ORDER_REVERSED",
        pair("the payment was undone", "订单已撤销"),
        pair("make a new one", "请重新下单"),
    ),
    row(
        "OUT_TRADE_NO_USED",
        pair(
            "the order's number belongs to another order",
            "商户订单号已被使用",
        ),
        pair(
            "see whether another system uses numbers of this merchant id; give the Request-ID to WeChat's \
             support",
            "请确认是否有其他系统使用同一商户号的单号，并把 Request-ID 提供给微信支付技术支持",
        ),
    ),
    row(
        "PARAM_ERROR",
        pair(
            "a value is missing, malformed or out of range; app ids that are not bound are told so, too",
            "参数缺失、格式错误或超出范围；AppID 未绑定有时也报此错误",
        ),
        pair(
            "WeChat's message names the field. If it is an app id, see the binding; if it is a time, the \
             box's clock; else give the Request-ID to WeChat's support",
            "微信返回的说明会写明字段：若是 AppID 请核对绑定，若是时间请核对本机时钟，否则把 Request-ID 提供给技术支持",
        ),
    ),
    row(
        "RATELIMIT_EXCEEDED",
        pair("too many calls in a short time", "调用频率过高"),
        WAIT,
    ),
    row(
        "RATE_LIMITED",
        pair("too many calls in a short time", "调用频率过高"),
        WAIT,
    ),
    row(
        "REFUND_NOT_EXISTS",
        pair("WeChat has no such refund", "退款单不存在"),
        pair(
            "repeat the refund under the same number",
            "用原退款单号重新申请",
        ),
    ),
    row(
        "REQUEST_BLOCKED",
        pair("WeChat refuses this refund", "退款请求被拒绝"),
        pair(
            "WeChat's message says why; the merchant platform's message centre (消息中心) says more",
            "原因见微信返回的说明，详情见商户平台消息中心",
        ),
    ),
    row(
        "RESOURCE_NOT_EXISTS",
        pair(
            "what was asked for does not exist: an order, or platform certificates of a merchant that has \
             the public key alone",
            "查询的对象不存在：订单，或仅使用微信支付公钥的商户的平台证书",
        ),
        pair(
            "for platform certificates configure [wechat.public_key]; for an order compare the number with \
             the merchant platform",
            "平台证书请配置 [wechat.public_key]；订单请在商户平台核对单号",
        ),
    ),
    row(
        "RULE_LIMIT",
        pair(
            "this plate was charged too often, or another rule of WeChat's forbids it",
            "超出扣费次数限制，或受其他规则限制",
        ),
        OTHER_MEANS,
    ),
    row(
        "SERVICE_UNAVAILABLE",
        pair("WeChat's service is not available", "微信支付服务暂不可用"),
        WAIT,
    ),
    row(
        "SIGN_ERROR",
        pair("WeChat does not accept the signature", "签名验证失败"),
        CHECK_CALLER,
    ),
    row(
        "STATEMENT_CREATING",
        pair("the bill is still being made", "账单生成中"),
        pair("ask again after 10:00", "请在 10:00 之后再取"),
    ),
    row(
        "SYSTEM_ERROR",
        pair(
            "WeChat failed; what became of the call is not known",
            "微信支付系统错误，结果未知",
        ),
        WAIT,
    ),
    row(
        "TRADE_ERROR",
        pair("the driver cannot be charged now", "当前无法向该车主扣费"),
        OTHER_MEANS,
    ),
    row(
        "USERPAYING",
        pair("the driver is entering the password", "用户支付中"),
        pair("wait, and ask for the order", "请等待并查询订单"),
    ),
    row(
        "USER_ACCOUNT_ABNORMAL",
        pair(
            "the driver's account is closed and cannot take the refund",
            "用户账户异常或已注销，无法退款",
        ),
        pair("pay the driver back in another way", "请用其他方式退还车主"),
    ),
];

/// The number at the end of a `Request-ID` that the vendor explains; for people, never branched on.
pub const INTERNAL: &[(u32, Pair)] = &[
    (268_435_461, pair("a parameter is wrong", "参数错误")),
    (268_435_464, pair("a value is out of range", "参数超出范围")),
    (268_443_699, pair("the signature does not fit", "签名错误")),
    (268_443_701, SUB_MERCHANT),
    (268_443_704, SUB_MERCHANT),
    (268_443_705, SUB_MERCHANT),
    (
        268_443_715,
        pair("the merchant's account is not in order", "商户状态异常"),
    ),
    (
        268_445_527,
        pair(
            "app id and merchant id are not bound",
            "AppID 与商户号不匹配",
        ),
    ),
    (268_447_840, pair("too many calls", "频率限制")),
    (
        268_447_843,
        pair("the order is another merchant's", "商户号与订单不匹配"),
    ),
    (268_447_845, SUB_MERCHANT),
    (268_447_914, pair("the order has expired", "订单已过期")),
    (
        268_448_010,
        pair("collecting is restricted for this merchant", "商户收款受限"),
    ),
    (268_449_538, pair("it is paid already", "订单已支付")),
    (
        268_449_641,
        pair("this order is undone, not closed", "该订单应撤销而非关闭"),
    ),
    (
        268_498_688,
        pair(
            "the number came before with other content",
            "重入时参数与首次请求不一致",
        ),
    ),
    (268_498_689, pair("it is paid already", "订单已支付")),
    (268_512_771, pair("there is no such order", "订单不存在")),
    (
        270_924_358,
        pair("a parameter is unknown to this call", "请求带有未知参数"),
    ),
];

const SUB_MERCHANT: Pair = pair(
    "provider and sub-merchant do not belong together",
    "服务商与特约商户关系异常",
);

/// What a code means; by its HTTP status where the contract does not name it.
pub fn of(status: u16, code: &str) -> Code {
    let bare = bare(code);
    let known = CODES.iter().find(|row| self::bare(row.code) == bare);
    known.copied().unwrap_or_else(|| by_status(status))
}

/// What the number at the end of a `Request-ID` means.
pub fn internal(request_id: &str) -> Option<Pair> {
    let number: u32 = request_id.rsplit('-').next()?.parse().ok()?;
    let known = INTERNAL.iter().find(|(known, _)| *known == number);
    known.map(|(_, means)| *means)
}

/// Older calls write a code without its underscores.
fn bare(code: &str) -> String {
    let letters = code.chars().filter(char::is_ascii_alphanumeric);
    letters.map(|c| c.to_ascii_uppercase()).collect()
}

/// What is known of a code that is not in the table.
fn by_status(status: u16) -> Code {
    let (means, action) = match status {
        401 => (
            pair("WeChat does not accept the caller", "微信支付不认可调用方"),
            CHECK_CALLER,
        ),
        403 => (
            pair("WeChat forbids this", "微信支付拒绝此操作"),
            pair(
                "read WeChat's message; go through `parkgate prepare` for permissions and binding",
                "请看微信返回的说明，并按 `parkgate prepare` 核对权限和绑定",
            ),
        ),
        404 => (
            pair("WeChat does not know what was asked for", "对象不存在"),
            TO_SUPPORT,
        ),
        429 => (pair("too many calls in a short time", "调用频率过高"), WAIT),
        500..=599 => (
            pair(
                "WeChat failed; what became of the call is not known",
                "微信支付系统错误，结果未知",
            ),
            WAIT,
        ),
        _ => (pair("WeChat says no", "微信支付拒绝了请求"), TO_SUPPORT),
    };
    row("", means, action)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Rows of the contract's list, as copied to tests/.
    fn listed() -> impl Iterator<Item = [&'static str; 3]> {
        let text = include_str!("../../tests/fixtures/wechat-error-codes.txt");
        let rows = text.lines().filter(|line| !line.starts_with('#'));
        rows.map(|line| {
            let mut words = line.splitn(3, ' ');
            [(); 3].map(|()| words.next().unwrap())
        })
    }

    #[test]
    fn every_code_of_the_contract_has_a_sentence_and_an_action_and_no_other_has() {
        let contract: BTreeSet<&str> = listed()
            .filter(|[.., calls]| *calls != "internal")
            .map(|[code, ..]| code)
            .collect();
        let table: Vec<&str> = CODES.iter().map(|row| row.code).collect();
        assert_eq!(contract.into_iter().collect::<Vec<_>>(), table);
        for row in CODES {
            for text in [row.means.en, row.means.zh, row.action.en, row.action.zh] {
                assert!(text.chars().count() > 3, "{}", row.code);
            }
            assert!(!row.action.zh.is_ascii() && !row.means.zh.is_ascii());
        }
    }

    #[test]
    fn every_internal_number_is_explained() {
        let contract: Vec<u32> = listed()
            .filter(|[.., calls]| *calls == "internal")
            .map(|[number, ..]| number.parse().unwrap())
            .collect();
        let table: Vec<u32> = INTERNAL.iter().map(|(number, _)| *number).collect();
        assert_eq!(contract, table);
        let told = internal("08F5B3A1C4-268445527").unwrap();
        assert!(told.en.contains("not bound"));
        assert_eq!(internal("08F5B3A1C4-0"), None);
        assert_eq!(internal("no number"), None);
    }

    #[test]
    fn both_spellings_and_unknown_codes_are_told() {
        for [code, status, calls] in listed().filter(|[.., calls]| *calls != "internal") {
            let status = status.parse().unwrap();
            assert_eq!(of(status, code).code, code, "{calls}");
            assert_eq!(of(status, &code.replace('_', "")).code, code);
        }
        assert_eq!(of(500, "SYSTEMERROR").code, "SYSTEM_ERROR");
        assert_eq!(of(401, "NEW").action, CHECK_CALLER);
        assert_eq!(of(503, "NEW").action, WAIT);
        assert_eq!(of(400, "NEW").action, TO_SUPPORT);
    }
}
