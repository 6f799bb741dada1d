//! What drivers who pay by code need of the merchant's preparation, as far as the box alone can see it.

use super::finding::Finding;
use super::step::Step;
use crate::config::Config;
use crate::gate::rules::native_notify_url;

/// Nothing where no codes are made. Whether the merchant may use Native pay, `is_tried` by a trial order, no call
/// that changes nothing shows.
pub fn look(config: &Config, is_tried: bool) -> Vec<Finding> {
    if !config.exit.pay_by_code {
        return Vec::new();
    }
    let mut findings = vec![address(config)];
    if !is_tried {
        findings.push(permission(config));
    }
    findings
}

fn permission(config: &Config) -> Finding {
    let merchant = &config.merchant;
    let (appid, mchid) = (&merchant.appid, &merchant.mchid);
    Finding::cannot_tell(
        Step::PayByCode,
        match &merchant.sub {
            None => both!(
                "exit.pay_by_code makes Native orders in the name of {mchid} with {appid}; whether Native pay is open \
                 for it cannot be told without an order",
                "exit.pay_by_code 以商户号 {mchid}、{appid} 创建 Native 订单；不下单无法得知是否已开通 Native 支付"
            ),
            Some(sub) => both!(
                "exit.pay_by_code makes Native orders for {sub} in the name of {mchid} with {appid}; whether Native pay \
                 is open for both cannot be told without an order",
                "exit.pay_by_code 由服务商 {mchid}（{appid}）为 {sub} 创建 Native 订单；不下单无法得知双方是否已开通 \
                 Native 支付",
                sub = sub.mchid,
            ),
        },
        both!(
            "apply for it in the merchant platform (产品中心 → Native支付), then run parkgate doctor --trial-order",
            "请在商户平台 产品中心 → Native支付 开通，然后运行 parkgate doctor --trial-order"
        ),
    )
}

/// WeChat insists on an address with each order; without one that is received an order is only asked about.
fn address(config: &Config) -> Finding {
    let step = Step::PayByCode;
    let merchant = &config.merchant;
    let is_told = merchant.native_notify_base_url.is_some() || merchant.notify_base_url.is_some();
    let url = native_notify_url(config);
    match (is_told, config.callbacks.are_received()) {
        (false, _) => Finding::passed(
            step,
            both!(
                "no callback address of its own: a code is asked about every 2.5 seconds while its driver stands there",
                "未配置单独的回调地址：司机等候期间每 2.5 秒查询一次"
            ),
        ),
        (true, false) => Finding::failed(
            step,
            both!(
                "WeChat is told {url} for what is paid by code, and nothing on this box receives what arrives there",
                "已告知微信扫码支付的回调地址 {url}，但本机没有接收回调"
            ),
            both!(
                "write [callbacks] listen or relay (docs/wechat.md, Callbacks), or leave merchant.notify_base_url and \
                 native_notify_base_url out: codes are asked about without",
                "请配置 [callbacks] 的 listen 或 relay（见 docs/wechat.md），或删去 merchant.notify_base_url 与 \
                 native_notify_base_url（无回调时靠查询）"
            ),
        ),
        (true, true) => Finding::cannot_tell(
            step,
            both!(
                "what is paid by code is told at {url}; that WeChat reaches it shows with the first payment",
                "扫码支付的回调地址为 {url}；能否被微信访问要看第一笔支付"
            ),
            both!(
                "the proxy or relay in front of this box has to pass .../native on, like .../charge; a code is asked \
                 about all the same",
                "本机前的代理或转发须与 .../charge 一样转发 .../native；无回调时仍会查询"
            ),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Outcome;

    fn found(change: impl FnOnce(String) -> String, is_tried: bool) -> Vec<(Outcome, String)> {
        let text = change(include_str!("../../firmware-config/parkgate.toml").to_owned());
        let config = Config::parse(&text, "parkgate.toml").unwrap();
        let findings = look(&config, is_tried).into_iter();
        findings.map(|it| (it.outcome, it.found.en)).collect()
    }

    fn by_code(text: String) -> String {
        text.replacen("[exit]\n", "[exit]\npay_by_code = true\n", 1)
    }

    #[test]
    fn what_pay_by_code_needs_is_told_only_where_it_is_on() {
        assert_eq!(found(|text| text, false), []);
        let told = found(by_code, false);
        assert_eq!(told.len(), 2);
        assert_eq!(told[0].0, Outcome::Passed);
        assert!(told[0].1.contains("no callback address"), "{told:?}");
        assert_eq!(told[1].0, Outcome::CannotTell);
        assert!(told[1].1.contains("in the name of"), "{told:?}");
        assert_eq!(found(by_code, true).len(), 1, "the trial order tells");
    }

    #[test]
    fn an_address_of_its_own_is_told_with_whether_anything_receives_it() {
        let own = "native_notify_base_url = \"https://native.example.cn\"\n# notify_base_url";
        let deaf = |text: String| by_code(text).replacen("# notify_base_url", own, 1);
        let told = found(deaf, true);
        assert_eq!(told[0].0, Outcome::Failed);
        assert!(told[0].1.contains("https://native.example.cn/"), "{told:?}");
        let heard = |text: String| {
            let listen = "listen = \"127.0.0.1:8610\"";
            deaf(text).replacen(&format!("# {listen}"), listen, 1)
        };
        let told = found(heard, true);
        assert_eq!(told[0].0, Outcome::CannotTell);
        assert!(told[0].1.contains("/native; that WeChat"), "{told:?}");
    }
}
