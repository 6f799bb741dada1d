//! The merchant's preparation: steps, findings, keys and certificates.

use super::{Lang, Pair, pair};
use crate::credentials::Kept;
use crate::doctor::Outcome;
use crate::prepare::State;

pub const PASSED: Pair = pair("passed", "通过");
pub const FAILED: Pair = pair("FAILED", "失败");
pub const CANNOT_TELL: Pair = pair("can't tell", "无法判断");
pub const FIX: Pair = pair("fix", "处理");
pub const HOW: Pair = pair("how", "办法");
pub const ASKED: Pair = pair("asked", "调用");
pub const SERIAL: Pair = pair("serial", "序列号");
pub const SUBJECT: Pair = pair("merchant", "商户");
pub const ISSUER: Pair = pair("issued by", "签发机构");
pub const VALID_FROM: Pair = pair("valid from", "生效");
pub const VALID_UNTIL: Pair = pair("valid until", "到期");
pub const KEY_FILE: Pair = pair("private key", "私钥");
pub const CERTIFICATE_FILE: Pair = pair("certificate", "证书");
pub const FITS: Pair = pair("they belong together", "两者匹配");
pub const CHECKED_HERE: Pair = pair("checked here", "本机可查");
pub const TO_CONFIRM: Pair = pair("to confirm", "需人工确认");
pub const CONFIRMED: Pair = pair("confirmed", "已确认");
pub const DRAFT: Pair = pair("draft", "文案");
pub const SOURCE: Pair = pair("source", "来源");
pub const KEY: Pair = pair("key", "密钥");
pub const AGE: Pair = pair("held for", "已持有");

/// What a look came to.
pub fn outcome(outcome: Outcome) -> Pair {
    match outcome {
        Outcome::Passed => PASSED,
        Outcome::Failed => FAILED,
        Outcome::CannotTell => CANNOT_TELL,
    }
}

/// How a step of the preparation stands.
pub fn state(state: State) -> Pair {
    match state {
        State::Done => pair("done", "完成"),
        State::Open => pair("open", "待办"),
        State::Failed => FAILED,
        State::Note => pair("note", "说明"),
    }
}

/// What became of a file.
pub fn kept(kept: Kept) -> Pair {
    match kept {
        Kept::Written => pair("written", "已写入"),
        Kept::Replaced => pair(
            "replaced; the old one stands beside it as .previous",
            "已替换，旧文件保留为 .previous",
        ),
        Kept::Same => pair("was there already", "已存在且相同"),
    }
}

/// Where a key comes from, by its name in the answer.
pub fn source(name: &str) -> Pair {
    match name {
        "configured" => pair("configured", "配置"),
        "fetched" => pair("fetched from WeChat", "从微信下载"),
        _ => pair("kept from an earlier run", "本地缓存"),
    }
}

impl Lang {
    /// The sum of a report.
    pub fn report_sum(self, passed: usize, failed: usize, cannot_tell: usize) -> String {
        match self {
            Self::En => format!("{passed} passed, {failed} failed, {cannot_tell} can't be told"),
            Self::Zh => format!("通过 {passed} 项，失败 {failed} 项，无法判断 {cannot_tell} 项"),
        }
    }

    /// How far the preparation is.
    pub fn preparation_sum(self, done: usize, open: usize, failed: usize) -> String {
        match self {
            Self::En => format!(
                "{done} done, {open} open, {failed} failed. parkgate prepare show STEP tells what to do; \
                 parkgate doctor asks WeChat"
            ),
            Self::Zh => format!(
                "完成 {done} 项，待办 {open} 项，失败 {failed} 项。parkgate prepare show 步骤 查看详情；parkgate doctor 询问微信"
            ),
        }
    }

    /// Who confirmed a step.
    pub fn confirmed_by(self, by: &str, day: &str, note: Option<&str>) -> String {
        let note = note.map(|note| format!(" ({note})")).unwrap_or_default();
        match self {
            Self::En => format!("by {by} on {day}{note}"),
            Self::Zh => format!("{by} 于 {day}{note}"),
        }
    }

    /// A step needs nobody's word.
    pub fn nothing_to_confirm(self, step: &str) -> String {
        match self {
            Self::En => format!("{step} needs no confirmation: parkgate sees it by itself"),
            Self::Zh => format!("{step} 无需人工确认：parkgate 可自行判断"),
        }
    }

    /// A step was not confirmed before.
    pub fn was_open(self, step: &str) -> String {
        match self {
            Self::En => format!("{step} was not confirmed"),
            Self::Zh => format!("{step} 原本未确认"),
        }
    }

    /// No config yet.
    pub fn no_config_yet(self, file: &str) -> String {
        match self {
            Self::En => format!(
                "there is no {file} yet; parkgate config template > {file} begins one. --mode direct or partner lists \
                 the steps without it"
            ),
            Self::Zh => format!(
                "{file} 不存在；请用 parkgate config template > {file} 生成。可用 --mode direct 或 partner 先查看步骤"
            ),
        }
    }

    /// A certificate of somebody else.
    pub fn another_merchant(self, theirs: &str, ours: &str) -> String {
        match self {
            Self::En => format!(
                "the certificate is that of merchant {theirs}, and the config says {ours}; nothing was written. Correct \
                 [merchant] mchid, or give the files of {ours}"
            ),
            Self::Zh => format!(
                "证书属于商户 {theirs}，而配置为 {ours}；未写入任何文件。请更正 [merchant] mchid，或提供 {ours} 的文件"
            ),
        }
    }

    /// A certificate that is over.
    pub fn has_ended(self, serial: &str, day: &str) -> String {
        match self {
            Self::En => format!("certificate {serial} ended on {day}; nothing was written"),
            Self::Zh => format!("证书 {serial} 已于 {day} 到期，未写入任何文件"),
        }
    }

    /// What the config names is handed over by systemd.
    pub fn needs_a_folder(self) -> &'static str {
        self.of(pair(
            "the config names no file to write to (credential:… is handed over by systemd); give --into DIR, and let \
             LoadCredential= name the files there",
            "配置中没有可写入的文件（credential:… 由 systemd 提供）；请用 --into 目录，并在 LoadCredential= 中指向这些文件",
        ))
    }

    /// Ask for the password of a file.
    pub fn password_of(self, file: &str) -> String {
        match self {
            Self::En => format!("password of {file} (WeChat's default is the merchant id): "),
            Self::Zh => format!("{file} 的密码（微信默认为商户号）："),
        }
    }

    /// What happens after an import.
    pub fn taken_up(self) -> &'static str {
        self.of(pair(
            "a running daemon takes them up within a minute, or at once with parkgate keys reload; the old pair signs \
             until WeChat has accepted the new one",
            "运行中的守护进程会在一分钟内启用，或用 parkgate keys reload 立即启用；在微信接受新密钥之前继续使用旧密钥",
        ))
    }

    /// What to do with a request.
    pub fn request_made(self, file: &str, request: &str) -> String {
        match self {
            Self::En => format!(
                "the key is in {file}, for its owner alone, and never leaves this box; the request is in {request}. \
                 NOT VERIFIED against the merchant console: WeChat's own certificate tool is the sure way. If the \
                 console takes the request (账户中心 → API安全 → 申请API证书), save the certificate it shows (证书串) and run \
                 parkgate certificate install FILE"
            ),
            Self::Zh => format!(
                "私钥保存在 {file}，仅所有者可读，不会离开本机；请求串在 {request}。注意：未在商户平台实际验证过，\
                 稳妥的方式是微信证书工具。若商户平台（账户中心 → API安全 → 申请API证书）接受该请求串，请保存其返回的证书串并执行 \
                 parkgate certificate install 文件"
            ),
        }
    }

    /// A key is waiting already.
    pub fn key_waits(self, file: &str) -> String {
        match self {
            Self::En => format!(
                "{file} is there: a key whose certificate has not come yet. Making another would lose it; --force does"
            ),
            Self::Zh => {
                format!("{file} 已存在：该私钥的证书尚未返回。重新生成会丢失它；确需请加 --force")
            }
        }
    }

    /// No key waits for a certificate.
    pub fn no_key_waits(self, file: &str) -> String {
        match self {
            Self::En => format!(
                "there is no {file}, so no key waits for a certificate; parkgate certificate request makes one, and files \
                 of the certificate tool are taken by parkgate certificate import"
            ),
            Self::Zh => format!(
                "{file} 不存在，没有等待证书的私钥；请先执行 parkgate certificate request。证书工具生成的文件请用 parkgate certificate import"
            ),
        }
    }

    /// What a reload came to.
    pub fn reloaded(self, taken_up: bool, serial: &str) -> String {
        match (self, taken_up) {
            (Self::En, true) => format!("the new keys are in force, with certificate {serial}"),
            (Self::En, false) => format!("nothing has changed; certificate {serial} is in force"),
            (Self::Zh, true) => format!("新密钥已启用，证书 {serial}"),
            (Self::Zh, false) => format!("没有变化，当前证书 {serial}"),
        }
    }

    /// What the star means.
    pub fn preferred_mark(self) -> &'static str {
        self.of(pair(
            "* named in requests: WeChat is asked to sign with it",
            "* 请求中指定：要求微信用它签名",
        ))
    }

    /// With which certificate requests are signed.
    pub fn merchant_signs(self, serial: &str, ends: Option<&str>) -> String {
        let ends = ends.unwrap_or("?");
        match self {
            Self::En => {
                format!("requests are signed with certificate {serial}, valid until {ends}")
            }
            Self::Zh => format!("请求由证书 {serial} 签名，有效期至 {ends}"),
        }
    }

    /// Nothing is held.
    pub fn no_keys(self) -> &'static str {
        self.of(pair(
            "no key of WeChat's is held yet",
            "尚未持有微信的任何密钥",
        ))
    }
}
