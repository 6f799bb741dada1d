//! WeChat itself, asked with calls that change nothing: the list of platform certificates, and an order that
//! nobody ever made.

use std::time::Duration;

use super::binding;
use super::clock::compared;
use super::finding::Finding;
use super::hosts::parts;
use super::step::Step;
use crate::bilingual::Both;
use crate::charges::answer::{Answer, Heard, Refusal};
use crate::clock::Clock;
use crate::config::Config;
use crate::gate;
use crate::wechat::seal::SealFault;
use crate::wechat::{
    Client, Complaint, ListFault, Patience, RefreshFault, Refreshed, Settings, code,
};

/// The calls that are made, as WeChat's pages name them.
const CERTIFICATES: &str = "GET /v3/certificates";
const ORDER: &str = "GET /v3/vehicle/transactions/out-trade-no/{out_trade_no}";

pub(super) const PATIENCE: Patience = Patience::Lane {
    total: Duration::from_secs(10),
};

/// Asks every host; what is true of the merchant is told once, by the first that answered.
pub async fn look(config: &Config, clock: &Clock, trial_order: bool) -> Vec<Finding> {
    let settings = match gate::settings(config) {
        Ok(settings) => settings,
        Err(error) => return vec![not_asked(&Both::foreign(&crate::causes::told(&error)))],
    };
    if !clock.now().trusted {
        return vec![not_asked(&both!(
            "the clock is not believed, and nothing is signed with it",
            "时钟不可信，不签名"
        ))];
    }
    let mut findings = Vec::new();
    let mut first: Option<Client> = None;
    for url in &config.wechat.base_urls {
        let name = parts(url).map_or(url.clone(), |(host, port, _)| format!("{host}:{port}"));
        let client = match one_host(&settings, url, clock) {
            Ok(client) => client,
            Err(error) => {
                findings.push(not_asked(&Both::foreign(&crate::causes::told(&error))));
                break;
            }
        };
        let asked = ask(config, &client).await;
        findings.push(asked.host.of(name));
        if first.is_none() && asked.answered {
            findings.extend(asked.merchant);
            first = Some(client);
        }
    }
    match first {
        Some(client) if trial_order => {
            findings.extend(binding::prove(config, &client, clock).await)
        }
        Some(_) => findings.push(binding::unproven()),
        None => findings.push(Finding::cannot_tell(
            Step::Permission,
            both!(
                "no host answered, so WeChat was not asked",
                "没有接口域名应答，未能询问微信"
            ),
            both!("mend the hosts first", "请先解决接口域名的问题"),
        )),
    }
    findings
}

fn one_host(
    settings: &Settings,
    url: &str,
    clock: &Clock,
) -> Result<Client, crate::wechat::SetupError> {
    let settings = Settings {
        base_urls: vec![url.to_owned()],
        ..settings.clone()
    };
    Client::new(settings, clock.clone())
}

fn not_asked(why: &Both) -> Finding {
    Finding::cannot_tell(
        Step::Host,
        both!("WeChat was not asked: ", "未询问微信：").joined(why),
        both!(
            "mend what failed above, and run this again",
            "请先解决上面的问题，再次运行"
        ),
    )
}

/// What one host brought.
struct Asked {
    /// Whether the API spoke, whatever it said.
    answered: bool,
    host: Finding,
    merchant: Vec<Finding>,
}

async fn ask(config: &Config, client: &Client) -> Asked {
    let mut merchant = Vec::new();
    if config.wechat.platform_certificates {
        merchant.extend(listed(client.refresh_certificates().await, config));
    } else {
        merchant.push(api_v3_key_unproven());
    }
    let number = never_made();
    let sub = config.merchant.sub.as_ref().map(|sub| sub.mchid.as_str());
    let heard = client.query(&number, sub, PATIENCE).await;
    merchant.extend(heard.skew_ms.map(compared));
    let answered = !matches!(heard.answer, Answer::NotSent(_));
    merchant.extend(told(&heard, client));
    Asked {
        answered: answered && !is_silent(&heard),
        host: host(&heard),
        merchant,
    }
}

/// No number that parkgate gives: theirs are of base32, which has no I and no L.
pub(super) fn never_made() -> String {
    let random = getrandom::u64().unwrap_or_default();
    format!("TRIAL{random:016X}")
}

/// The list of platform certificates proves caller, signature and APIv3 key at once.
fn listed(looked: Result<Refreshed, RefreshFault>, config: &Config) -> Vec<Finding> {
    let own_key = config.wechat.public_key.is_some();
    let findings = match looked {
        Ok(Refreshed::Listed { held, .. }) => vec![
            Finding::passed(
                Step::ApiV3Key,
                both!(
                    "it opens what WeChat seals with it",
                    "能解开微信用它加密的内容"
                ),
            ),
            Finding::passed(
                Step::PlatformKeys,
                both!(
                    "{held} platform certificates, and the answer verifies with one",
                    "{held} 张平台证书，应答验签通过"
                ),
            ),
        ],
        Ok(Refreshed::NoneOffered) if own_key => vec![
            api_v3_key_unproven(),
            Finding::passed(
                Step::PlatformKeys,
                both!(
                    "this merchant has the public key alone",
                    "该商户仅使用微信支付公钥"
                ),
            ),
        ],
        Ok(Refreshed::NoneOffered) => vec![Finding::failed(
            Step::PlatformKeys,
            both!(
                "WeChat has no platform certificates for this merchant, and no public key is configured: no answer \
                 can be verified",
                "该商户没有平台证书，也未配置微信支付公钥，无法验证任何应答"
            ),
            both!(
                "download the public key from the merchant platform (账户中心 → API安全 → 微信支付公钥), and set \
                 [wechat.public_key]",
                "请在商户平台（账户中心 → API安全 → 微信支付公钥）下载公钥，并配置 [wechat.public_key]"
            ),
        )],
        Err(RefreshFault::Unusable(ListFault::Sealed(SealFault::NoKeyFits))) => {
            vec![Finding::failed(
                Step::ApiV3Key,
                both!(
                    "it does not open what WeChat sealed: another one is set in the merchant platform",
                    "无法解开微信加密的内容：商户平台设置的是另一个密钥"
                ),
                both!(
                    "put the one that is set in the merchant platform into a file of [merchant] api_v3_key_files; if \
                     nobody knows it, set a new one there: all systems with this merchant id need it then",
                    "请把商户平台当前的密钥写入 [merchant] api_v3_key_files 中的文件；若无人知道，请重新设置：\
                     使用该商户号的所有系统都要同步更换"
                ),
            )]
        }
        Err(RefreshFault::Unusable(fault)) => {
            let why = crate::causes::told(&fault);
            vec![Finding::failed(
                Step::PlatformKeys,
                both!(
                    "the list of platform certificates is of no use: {why}",
                    "平台证书列表不可用：{why}"
                ),
                Both::foreign(fault.remedy()),
            )]
        }
        Err(RefreshFault::NotBelieved(why)) => vec![Finding::failed(
            Step::PlatformKeys,
            both!(
                "the list of platform certificates is not believed: {why}",
                "平台证书列表不可信：{why}"
            ),
            both!(
                "see that the box's clock is right, and that nothing on the way answers in WeChat's place",
                "请检查本机时钟，并确认途中没有设备冒充微信应答"
            ),
        )],
        Err(RefreshFault::SignedByUnknown { serial, .. }) => vec![unknown_key(&serial)],
        // The order that is asked for next says the same, and more.
        Err(
            RefreshFault::Refused(_)
            | RefreshFault::NotReached(_)
            | RefreshFault::Throttled
            | RefreshFault::TurnedOff,
        ) => Vec::new(),
    };
    let asked = |finding: Finding| finding.asked(CERTIFICATES);
    findings.into_iter().map(asked).collect()
}

fn api_v3_key_unproven() -> Finding {
    Finding::cannot_tell(
        Step::ApiV3Key,
        both!(
            "with the public key alone nothing sealed is fetched; the first callback shows whether it fits",
            "仅使用公钥时没有可解密的内容；第一次回调才能验证"
        ),
        both!(
            "compare the file with what was set in the merchant platform",
            "请与商户平台中设置的密钥核对"
        ),
    )
}

/// Whether nobody answered who speaks the API.
fn is_silent<T>(heard: &Heard<T>) -> bool {
    matches!(heard.answer, Answer::Lost(_)) && heard.request_id.is_none()
}

fn host<T>(heard: &Heard<T>) -> Finding {
    let step = Step::Host;
    let finding = match &heard.answer {
        Answer::Lost(why) if is_silent(heard) => Finding::failed(
            step,
            both!("no answer to believe: {why}", "没有可信的应答：{why}"),
            both!(
                "see what answers there: a proxy, a portal, or nobody. parkgate works with the other host meanwhile",
                "请检查是否有代理、认证门户拦截，或无人应答。期间 parkgate 使用另一个域名"
            ),
        ),
        Answer::NotSent(why) => Finding::failed(
            step,
            both!("not reached: {why}", "无法连接：{why}"),
            both!(
                "see name, port and TLS above. parkgate works with the other host meanwhile",
                "请看上面的域名、端口和 TLS。期间 parkgate 使用另一个域名"
            ),
        ),
        Answer::Verified(_) | Answer::Refused(_) | Answer::Throttled { .. } | Answer::Lost(_) => {
            Finding::passed(step, both!("WeChat answers there", "微信支付有应答"))
        }
    };
    finding.asked(ORDER)
}

/// What the answer about an order that nobody made says of the merchant.
fn told<T>(heard: &Heard<T>, client: &Client) -> Vec<Finding> {
    let finding = match &heard.answer {
        Answer::Refused(refusal) => refused(refusal, heard.request_id.as_deref()),
        Answer::Verified(_) => permitted(),
        Answer::Throttled { .. } => Finding::cannot_tell(
            Step::Permission,
            both!("WeChat asks to come back later", "微信要求稍后再试"),
            both!("run this again in some minutes", "请几分钟后再次运行"),
        ),
        Answer::Lost(why) => {
            let unknown = client
                .complaints()
                .into_iter()
                .find_map(|complaint| match complaint {
                    Complaint::UnknownKey { serial, .. } => Some(serial),
                    _ => None,
                });
            match unknown {
                Some(serial) => unknown_key(&serial),
                None => Finding::cannot_tell(
                    Step::Permission,
                    both!(
                        "the answer proves nothing: {why}",
                        "应答无法证明任何事：{why}"
                    ),
                    both!("run this again", "请再次运行"),
                ),
            }
        }
        Answer::NotSent(_) => return Vec::new(),
    };
    vec![finding.asked(ORDER)]
}

fn unknown_key(serial: &str) -> Finding {
    Finding::failed(
        Step::PlatformKeys,
        both!(
            "answers are signed with key {serial}, which is not held here",
            "应答由密钥 {serial} 签名，而本机没有该密钥"
        ),
        both!(
            "for PUB_KEY_ID_… download that public key from the merchant platform and set [wechat.public_key]; for a \
             serial number write [wechat] platform_certificates = true",
            "若为 PUB_KEY_ID_…，请在商户平台下载该公钥并配置 [wechat.public_key]；若为证书序列号，请设 [wechat] platform_certificates = true"
        ),
    )
}

fn permitted() -> Finding {
    Finding::passed(
        Step::Permission,
        both!(
            "WeChat knows the caller, and answers calls of the parking service",
            "微信认可调用方，停车服务接口可用"
        ),
    )
}

fn refused(refusal: &Refusal, request_id: Option<&str>) -> Finding {
    match refusal.status {
        // Nobody made the order; that this is what WeChat says means that it listens to this merchant.
        404 => permitted(),
        401 => Finding::failed(
            Step::KeyPair,
            said(refusal, request_id),
            code::of(refusal.status, &refusal.code).action.into(),
        ),
        403 => Finding::failed(
            Step::Permission,
            said(refusal, request_id),
            code::of(refusal.status, &refusal.code).action.into(),
        ),
        _ => Finding::cannot_tell(
            Step::Permission,
            said(refusal, request_id),
            code::of(refusal.status, &refusal.code).action.into(),
        ),
    }
}

/// WeChat's no: its code with what it means, its own words, and the number for its support.
pub(super) fn said(refusal: &Refusal, request_id: Option<&str>) -> Both {
    let (status, name, message) = (refusal.status, &refusal.code, &refusal.message);
    let means: Both = code::of(status, name).means.into();
    let said = both!(
        "{name} (HTTP {status}: {message})",
        "{name}（HTTP {status}：{message}）"
    );
    let mut said = said.then(&means);
    let Some(id) = request_id else {
        return said;
    };
    if let Some(internal) = code::internal(id) {
        said = said.then(&internal.into());
    }
    said.then(&both!("Request-ID {id}", "Request-ID {id}"))
}
