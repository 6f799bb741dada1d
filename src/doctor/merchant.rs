//! The merchant's preparation, as far as the box alone can see it.

use std::path::Path;

use zeroize::Zeroizing;

use super::finding::Finding;
use super::step::Step;
use crate::bilingual::{Both, Pair};
use crate::config::{Certificate as Named, Config, Merchant, read_public, read_secret};
use crate::credentials::{Piece, pieces};
use crate::lane::time::Wall;
use crate::wechat::{Certificate, RsaPublicKey};

/// So long before a certificate ends, it is time.
pub const ENDS_SOON_DAYS: i64 = 30;
const DAY_MS: i64 = 24 * 3600 * 1000;
/// Fewer different characters than this look typed, not drawn.
const VARIETY_MIN: usize = 12;

/// Everything that needs neither network nor person.
pub fn look(config: &Config, now: Wall) -> Vec<Finding> {
    let merchant = &config.merchant;
    let mut findings = vec![mode(merchant), app_id(merchant)];
    let key = held(&merchant.private_key_file, true);
    let certificate = match &merchant.certificate {
        Named::File(file) => Some((file.as_path(), held(file, false))),
        Named::Serial(_) => None,
    };
    findings.extend(key_file(merchant, &key));
    findings.extend(certificate_file(merchant, certificate.as_ref(), now));
    let certificate = certificate.and_then(|(_, held)| certificate_of(held));
    findings.push(merchant_id(merchant, certificate.as_ref()));
    findings.push(pair(&key, certificate.as_ref(), merchant));
    findings.extend(api_v3_keys(merchant));
    findings.push(platform_keys(config, &key));
    findings.push(notify_url(config));
    findings
}

/// What a file named in the config holds.
type Held = Result<Vec<Piece>, Both>;

fn held(file: &Path, is_secret: bool) -> Held {
    let text = match is_secret {
        true => read_secret(file),
        false => read_public(file).map(Zeroizing::new),
    };
    match text {
        Ok(text) => Ok(pieces(text.as_bytes())),
        Err(error) => Err(Both::foreign(&crate::causes::told(&error))),
    }
}

fn mode(merchant: &Merchant) -> Finding {
    Finding::passed(
        Step::Mode,
        match &merchant.sub {
            None => both!(
                "direct (直连模式): {mchid} collects for itself. If it is a service provider's id, it cannot: \
                 write mode = \"partner\" and [merchant.sub]",
                "直连模式：{mchid} 为自己收款。若该商户号是服务商，则不能直接收款，请改为 mode = \"partner\" 并填写 [merchant.sub]",
                mchid = merchant.mchid,
            ),
            Some(sub) => both!(
                "partner (服务商模式): {mchid} collects for {sub}",
                "服务商模式：{mchid} 代 {sub} 收款",
                mchid = merchant.mchid,
                sub = sub.mchid,
            ),
        },
    )
}

fn app_id(merchant: &Merchant) -> Finding {
    let sub = merchant.sub.as_ref().map(|sub| sub.appid.as_str());
    let odd = [Some(merchant.appid.as_str()), sub]
        .into_iter()
        .flatten()
        .find(|appid| !is_app_id(appid));
    match odd {
        None => Finding::passed(
            Step::AppId,
            both!(
                "{appid} has the form of one",
                "{appid} 格式正确",
                appid = merchant.appid,
            ),
        ),
        Some(appid) => Finding::failed(
            Step::AppId,
            both!(
                "{appid} does not look like an app id: wx and 16 of 0-9 a-f",
                "{appid} 不像 AppID：应为 wx 加 16 位 0-9 a-f"
            ),
            both!(
                "copy it from the platform of the official account (公众号), mini program (小程序) or app (移动应用)",
                "请从公众号、小程序或移动应用的后台复制"
            ),
        ),
    }
}

fn is_app_id(text: &str) -> bool {
    let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    text.strip_prefix("wx")
        .is_some_and(|rest| rest.len() == 16 && rest.bytes().all(hex))
}

fn merchant_id(merchant: &Merchant, certificate: Option<&Certificate>) -> Finding {
    let mchid = &merchant.mchid;
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let sub = merchant.sub.as_ref().map(|sub| sub.mchid.as_str());
    let odd = [Some(mchid.as_str()), sub]
        .into_iter()
        .flatten()
        .find(|mchid| !(8..=10).contains(&mchid.len()));
    if let Some(odd) = odd {
        return Finding::failed(
            Step::MerchantId,
            both!(
                "{odd} has not the 8 to 10 digits of a merchant id",
                "{odd} 不是 8 到 10 位的商户号"
            ),
            both!(
                "copy it from the mail of the approval, or the merchant platform, 账户中心 → 商户信息",
                "请从审核通过邮件或商户平台 账户中心 → 商户信息 复制"
            ),
        );
    }
    match certificate {
        Some(it) if is_digits(&it.subject) && it.subject != *mchid => Finding::failed(
            Step::MerchantId,
            both!(
                "the certificate is that of merchant {theirs}, and the config says {mchid}",
                "证书属于商户 {theirs}，而配置为 {mchid}",
                theirs = it.subject,
            ),
            both!(
                "correct [merchant] mchid, or import the certificate of {mchid}; in partner mode both are the \
                 provider's",
                "请更正 [merchant] mchid，或导入 {mchid} 的证书；服务商模式下两者都属于服务商"
            ),
        ),
        Some(it) if it.subject == *mchid => Finding::passed(
            Step::MerchantId,
            both!(
                "{mchid}, as in its certificate; charges are in CNY",
                "{mchid}，与证书一致；币种为人民币"
            ),
        ),
        _ => Finding::passed(
            Step::MerchantId,
            both!(
                "{mchid} has the form of one; charges are in CNY",
                "{mchid} 格式正确；币种为人民币"
            ),
        ),
    }
}

fn key_file(merchant: &Merchant, held: &Held) -> Vec<Finding> {
    let file = &merchant.private_key_file;
    let step = Step::PrivateKey;
    let name = file.display();
    let mut findings = vec![match held {
        Err(why) => Finding::failed(step, why.clone(), import()),
        Ok(pieces) if first_key(pieces).is_some() => {
            Finding::passed(step, both!("{name} holds an RSA key", "{name} 是 RSA 私钥"))
        }
        Ok(pieces) => wrong_content(step, file, "private_key_file", pieces),
    }];
    findings.extend(mode_of(file, step));
    findings
}

fn certificate_file(merchant: &Merchant, held: Option<&(&Path, Held)>, now: Wall) -> Vec<Finding> {
    let step = Step::Certificate;
    let Some((file, held)) = held else {
        let Named::Serial(serial) = &merchant.certificate else {
            return Vec::new();
        };
        return vec![Finding::cannot_tell(
            step,
            both!(
                "only its serial number is configured, {serial}; when it ends is not known here",
                "只配置了证书序列号 {serial}，无法得知到期时间"
            ),
            both!(
                "name the file: [merchant] certificate_file",
                "请配置证书文件：[merchant] certificate_file"
            ),
        )];
    };
    let pieces = match held {
        Err(why) => return vec![Finding::failed(step, why.clone(), import())],
        Ok(pieces) => pieces,
    };
    match first_certificate(pieces) {
        Some(certificate) => vec![validity(certificate, now)],
        None => vec![wrong_content(step, file, "certificate_file", pieces)],
    }
}

fn validity(certificate: &Certificate, now: Wall) -> Finding {
    let step = Step::Certificate;
    let (serial, ends) = (&certificate.serial, day(certificate.not_after));
    let left = certificate
        .not_after
        .0
        .saturating_sub(now.0)
        .div_euclid(DAY_MS);
    if now < certificate.not_before {
        return Finding::failed(
            step,
            both!(
                "certificate {serial} is not valid before {from}",
                "证书 {serial} 从 {from} 起才有效",
                from = day(certificate.not_before),
            ),
            both!("see that the box's clock is right", "请检查本机时钟"),
        );
    }
    if left < 0 {
        return Finding::failed(
            step,
            both!(
                "certificate {serial} ended on {ends}",
                "证书 {serial} 已于 {ends} 到期"
            ),
            renew(),
        );
    }
    if left < ENDS_SOON_DAYS {
        return Finding::failed(
            step,
            both!(
                "certificate {serial} ends on {ends}, in {left} days",
                "证书 {serial} 将于 {ends} 到期，还剩 {left} 天"
            ),
            renew(),
        );
    }
    Finding::passed(
        step,
        both!(
            "serial {serial}, issued by {issuer}, valid until {ends}",
            "序列号 {serial}，由 {issuer} 签发，有效期至 {ends}",
            issuer = certificate.issuer,
        ),
    )
}

fn pair(key: &Held, certificate: Option<&Certificate>, merchant: &Merchant) -> Finding {
    let step = Step::KeyPair;
    let own = key.as_ref().ok().and_then(|pieces| first_key(pieces));
    match (own, certificate) {
        (Some(key), Some(certificate)) if *key == certificate.key => {
            Finding::passed(step, both!("they belong together", "两者匹配"))
        }
        (Some(_), Some(certificate)) => Finding::failed(
            step,
            both!(
                "the private key does not belong to certificate {serial}",
                "私钥与证书 {serial} 不匹配",
                serial = certificate.serial,
            ),
            both!(
                "import the two files of one ZIP of the certificate tool: parkgate certificate import FILE.zip",
                "请用证书工具同一个 ZIP 中的两个文件：parkgate certificate import 文件.zip"
            ),
        ),
        _ => Finding::cannot_tell(
            step,
            match &merchant.certificate {
                Named::Serial(_) => both!(
                    "without the certificate's file only WeChat can say",
                    "没有证书文件，只有微信支付能判断"
                ),
                Named::File(_) => both!("one of the two is not there", "两者缺一"),
            },
            import(),
        ),
    }
}

fn api_v3_keys(merchant: &Merchant) -> Vec<Finding> {
    let files = merchant.api_v3_key_files.iter();
    files.flat_map(|file| api_v3_key(file)).collect()
}

fn api_v3_key(file: &Path) -> Vec<Finding> {
    let step = Step::ApiV3Key;
    let name = file.display().to_string();
    let fix = || {
        both!(
            "write the 32 letters and digits that are set in the merchant platform (账户中心 → API安全 → \
             APIv3密钥) into it, and nothing else",
            "请写入商户平台（账户中心 → API安全 → APIv3密钥）中设置的 32 位字母和数字，不含其他内容"
        )
    };
    let text = match read_secret(file) {
        Ok(text) => text,
        Err(error) => {
            let why = Both::foreign(&crate::causes::told(&error));
            return vec![Finding::failed(step, why, fix()).of(name)];
        }
    };
    let chars = text.chars().count();
    let finding = match pieces(text.as_bytes()).remove(0) {
        Piece::ApiV3Key if variety(&text) < VARIETY_MIN => Finding::failed(
            step,
            both!(
                "it has few different characters and can be guessed",
                "密钥字符重复过多，容易被猜中"
            ),
            both!(
                "set a random one in the merchant platform; while it changes name both files",
                "请在商户平台设置随机密钥；更换期间同时列出新旧两个文件"
            ),
        ),
        Piece::ApiV3Key => Finding::passed(step, both!("32 letters and digits", "32 位字母和数字")),
        Piece::Unknown => Finding::failed(
            step,
            both!(
                "it has {chars} characters, or other ones than letters and digits",
                "共 {chars} 个字符，或含有字母和数字以外的字符"
            ),
            fix(),
        ),
        other => {
            let Pair { en, zh } = other.word();
            Finding::failed(step, both!("it holds a {en}", "内容是{zh}"), fix())
        }
    };
    let mut findings = vec![finding.of(name.clone())];
    findings.extend(mode_of(file, step).map(|finding| finding.of(name)));
    findings
}

fn variety(text: &str) -> usize {
    let different: std::collections::BTreeSet<char> = text.chars().collect();
    different.len()
}

fn platform_keys(config: &Config, own: &Held) -> Finding {
    let step = Step::PlatformKeys;
    let Some(public_key) = &config.wechat.public_key else {
        return Finding::passed(
            step,
            both!(
                "platform certificates, fetched with the APIv3 key. Merchants from 2024 on may have the public \
                 key alone",
                "使用平台证书（通过 APIv3 密钥下载）。2024 年后的商户可能只有微信支付公钥"
            ),
        );
    };
    let (id, file) = (&public_key.id, &public_key.file);
    let fix = || {
        both!(
            "download pub_key.pem from the merchant platform (账户中心 → API安全 → 微信支付公钥), and copy its id \
             whole, PUB_KEY_ID_ included",
            "请在商户平台（账户中心 → API安全 → 微信支付公钥）下载 pub_key.pem，并完整复制公钥 ID（含 PUB_KEY_ID_）"
        )
    };
    let own = own.as_ref().ok().and_then(|pieces| first_key(pieces));
    let pieces = match held(file, false) {
        Err(why) => return Finding::failed(step, why, fix()),
        Ok(pieces) => pieces,
    };
    let theirs = pieces.iter().find_map(|piece| match piece {
        Piece::PublicKey(key) => Some(key),
        _ => None,
    });
    match theirs {
        Some(key) if Some(key) == own => Finding::failed(
            step,
            both!(
                "the public key in {file} is the merchant's own, not WeChat Pay's",
                "{file} 中是商户自己的公钥，而不是微信支付公钥",
                file = file.display(),
            ),
            fix(),
        ),
        Some(_) => Finding::passed(step, both!("public key {id}", "微信支付公钥 {id}")),
        None => wrong_content(step, file, "[wechat.public_key] file", &pieces),
    }
}

/// An address without a receiver, or the other way round, is half a thing.
fn notify_url(config: &Config) -> Finding {
    let step = Step::NotifyUrl;
    let is_received = config.callbacks.are_received();
    match &config.merchant.notify_base_url {
        None if is_received => Finding::failed(
            step,
            both!(
                "[callbacks] receives, and WeChat is told no address",
                "[callbacks] 已开启接收，但未告知微信回调地址"
            ),
            both!(
                "write merchant.notify_base_url, or take [callbacks] out: charges are polled without",
                "请配置 merchant.notify_base_url，或删去 [callbacks]（扣费结果仍可查询）"
            ),
        ),
        Some(url) if !is_received => Finding::failed(
            step,
            both!(
                "WeChat is told {url}, and nothing on this box receives what arrives there",
                "已告知微信 {url}，但本机没有接收回调"
            ),
            both!(
                "write [callbacks] listen or relay (docs/wechat.md, Callbacks), or leave notify_base_url out",
                "请配置 [callbacks] 的 listen 或 relay（见 docs/wechat.md），或删去 notify_base_url"
            ),
        ),
        None => Finding::passed(
            step,
            both!(
                "none: charges are polled, and a blocked driver who pays up while parked is seen at the exit",
                "未配置：扣费结果靠查询；停车期间解除限制的车辆在出场时才得知"
            ),
        ),
        Some(url) => Finding::cannot_tell(
            step,
            both!(
                "{url} is well-formed; that WeChat reaches it shows with the first callback",
                "{url} 格式正确；能否被微信访问要看第一次回调"
            ),
            both!(
                "it must be public, https with a whole chain, without login and without redirect; WeChat sends \
                 no callback before an APIv3 key is set",
                "地址须为公网 https、证书链完整、无需登录、不跳转；未设置 APIv3 密钥时微信不会回调"
            ),
        ),
    }
}

/// The file holds something else than its key in the config says.
fn wrong_content(step: Step, file: &Path, key: &str, pieces: &[Piece]) -> Finding {
    let Pair { en, zh } = pieces.first().unwrap_or(&Piece::Unknown).word();
    let file = file.display();
    Finding::failed(
        step,
        both!("{file} holds a {en}", "{file} 的内容是{zh}"),
        both!(
            "the files may be mixed up: see which is which with parkgate certificate show FILE, and correct \
             {key}",
            "文件可能放反了：用 parkgate certificate show 文件 查看内容，并更正 {key}"
        ),
    )
}

/// Secrets are for their owner. What systemd hands over it guards itself.
fn mode_of(file: &Path, step: Step) -> Option<Finding> {
    use std::os::unix::fs::PermissionsExt;
    let metadata = std::fs::metadata(file).ok()?;
    let mode = metadata.permissions().mode() & 0o777;
    if !crate::config::readable_by_others(&metadata) {
        return None;
    }
    let file = file.display();
    Some(Finding::failed(
        step,
        both!(
            "everybody on this box may read {file} (mode {mode:04o})",
            "本机任何用户都能读取 {file}（权限 {mode:04o}）"
        ),
        both!("chmod 0600 {file}", "请执行 chmod 0600 {file}"),
    ))
}

fn certificate_of(held: Held) -> Option<Certificate> {
    held.ok()?.into_iter().find_map(|piece| match piece {
        Piece::Certificate(certificate) => Some(*certificate),
        _ => None,
    })
}

fn first_certificate(pieces: &[Piece]) -> Option<&Certificate> {
    pieces.iter().find_map(|piece| match piece {
        Piece::Certificate(certificate) => Some(&**certificate),
        _ => None,
    })
}

fn first_key(pieces: &[Piece]) -> Option<&RsaPublicKey> {
    pieces.iter().find_map(|piece| match piece {
        Piece::PrivateKey(key) => Some(&key.public),
        _ => None,
    })
}

fn import() -> Both {
    both!(
        "import what the certificate tool left behind: parkgate certificate import FILE.zip",
        "请导入证书工具生成的文件：parkgate certificate import 文件.zip"
    )
}

fn renew() -> Both {
    both!(
        "apply for a new one in the merchant platform (账户中心 → API安全 → 申请API证书); the old one stays valid \
         beside it. Then: parkgate certificate import FILE.zip --force. No restart is needed",
        "请在商户平台（账户中心 → API安全 → 申请API证书）申请新证书，旧证书在到期前仍有效；\
         然后执行 parkgate certificate import 文件.zip --force，无需重启"
    )
}

/// `2029-12-31`, in Beijing.
pub fn day(at: Wall) -> String {
    at.to_rfc3339().chars().take(10).collect()
}
