//! The steps, in the order in which they are taken.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::bilingual::{Pair, pair};
use crate::doctor::Step as Look;

/// One step of the preparation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// Direct or partner.
    AccessMode,
    /// The app id, and of which kind it is.
    AppId,
    /// The merchant id and its one currency.
    MerchantId,
    /// App id and merchant id, bound on both sides.
    Binding,
    /// The APIv3 key.
    ApiV3Key,
    /// Key and certificate.
    Certificate,
    /// What answers are verified with.
    PlatformKeys,
    /// 微信车主服务 in the product list, by mail.
    WhiteList,
    /// The application form.
    Application,
    /// Whether the application was accepted.
    Review,
    /// The advance (垫资).
    Advance,
    /// No contract template.
    Contract,
    /// Partner mode: the sub-merchant's invitation.
    SubMerchant,
    /// The callback address.
    NotifyUrl,
}

impl Step {
    /// Those that a merchant has, direct or for a sub-merchant.
    pub fn of(is_partner: bool) -> impl Iterator<Item = Self> {
        let all = Self::value_variants().iter().copied();
        all.filter(move |step| is_partner || *step != Self::SubMerchant)
    }

    /// As it is written on the command line.
    pub fn id(self) -> String {
        let value = self.to_possible_value();
        value.map(|it| it.get_name().to_owned()).unwrap_or_default()
    }

    /// What it is called.
    pub fn title(self) -> Pair {
        match self {
            Self::AccessMode => pair("access mode", "接入模式"),
            Self::AppId => pair("app id", "申请 AppID"),
            Self::MerchantId => pair("merchant id", "申请商户号"),
            Self::Binding => pair("bind app id and merchant id", "绑定 AppID 与商户号"),
            Self::ApiV3Key => pair("APIv3 key", "设置 APIv3 密钥"),
            Self::Certificate => pair("merchant certificate", "商户 API 证书"),
            Self::PlatformKeys => pair("WeChat's keys", "平台证书/微信支付公钥"),
            Self::WhiteList => pair("permission, by mail", "申请微信车主服务权限"),
            Self::Application => pair("application form", "提交产品申请"),
            Self::Review => pair("its review", "审核结果"),
            Self::Advance => pair("advance", "垫资"),
            Self::Contract => pair("contract template", "签约模板"),
            Self::SubMerchant => pair("invite the sub-merchant", "邀请子商户"),
            Self::NotifyUrl => pair("callback address", "回调地址"),
        }
    }

    /// What of it `parkgate doctor` looks at without a network.
    pub fn checks(self) -> &'static [Look] {
        match self {
            Self::AccessMode => &[Look::Mode],
            Self::AppId => &[Look::AppId],
            Self::MerchantId => &[Look::MerchantId],
            Self::ApiV3Key => &[Look::ApiV3Key],
            Self::Certificate => &[Look::PrivateKey, Look::Certificate, Look::KeyPair],
            Self::PlatformKeys => &[Look::PlatformKeys],
            Self::NotifyUrl => &[Look::NotifyUrl],
            Self::Binding
            | Self::WhiteList
            | Self::Application
            | Self::Review
            | Self::Advance
            | Self::Contract
            | Self::SubMerchant => &[],
        }
    }

    /// What it is about, and where it is done.
    pub fn about(self) -> Pair {
        match self {
            Self::AccessMode => pair(
                "Direct (直连模式): the operator's own merchant id, money goes from WeChat to it. Partner \
                 (服务商模式): a service provider calls for a sub-merchant, and cannot collect for itself. A permission \
                 for one does not serve the other.",
                "直连模式：运营方自己的商户号，资金由微信直接结算给它。服务商模式：服务商代特约商户调用，服务商自身不能收款。两种模式的权限不通用。",
            ),
            Self::AppId => pair(
                "The carrier of the service: an official account (公众号), a mini program (小程序) or a mobile app \
                 (移动应用). It is registered at mp.weixin.qq.com or open.weixin.qq.com, and its id shown there.",
                "服务载体：公众号、小程序或移动应用（APP）。在 mp.weixin.qq.com 或 open.weixin.qq.com 注册并查看 AppID。",
            ),
            Self::MerchantId => pair(
                "Applied for at pay.weixin.qq.com; the id comes by mail with a login. A merchant id has one \
                 currency, and parkgate charges in CNY.",
                "在 pay.weixin.qq.com 申请，商户号和登录账号通过邮件发送。一个商户号只有一个结算币种，parkgate 以人民币计费。",
            ),
            Self::Binding => pair(
                "Merchant platform, 产品中心 → AppID账号管理 → 关联AppID, then confirmed on the side of the app id. An app \
                 id may be bound to several merchant ids, and a merchant id to up to 50 app ids. Forgotten, it is \
                 the most common fault of the first day.",
                "商户平台 → 产品中心 → AppID账号管理 → 关联AppID，并在 AppID 一侧确认授权。多对多关系，一个商户号最多关联 50 个 AppID。漏绑是首日最常见的错误。",
            ),
            Self::ApiV3Key => pair(
                "Merchant platform, 账户中心 → API安全 → 设置APIv3密钥: 32 letters and digits. It opens platform \
                 certificates and callbacks. A change is in force at once for all systems with this merchant id.",
                "商户平台 → 账户中心 → API安全 → 设置APIv3密钥：32 位字母和数字，用于解密平台证书和回调。更换后立即对该商户号的所有系统生效。",
            ),
            Self::Certificate => pair(
                "Merchant platform, 账户中心 → API安全 → 申请API证书, with WeChat's certificate tool (证书工具): it makes the \
                 key and a request (请求串), the platform answers with the certificate (证书串), and the tool leaves a \
                 ZIP. Import it: parkgate certificate import FILE.zip",
                "商户平台 → 账户中心 → API安全 → 申请API证书，使用微信证书工具：工具生成私钥和请求串，平台返回证书串，最后得到 ZIP。导入：parkgate certificate import 文件.zip",
            ),
            Self::PlatformKeys => pair(
                "What WeChat's answers are verified with: platform certificates, which parkgate fetches, or the \
                 public key (微信支付公钥), downloaded by a person under 账户中心 → API安全. New merchants have the public \
                 key alone.",
                "用于验证微信应答：平台证书由 parkgate 自动下载，微信支付公钥由人工在 账户中心 → API安全 下载。新商户只有公钥。",
            ),
            Self::WhiteList => pair(
                "If 微信车主服务 is not under 产品中心 → 产品大全, ask for it by mail; the address is on WeChat's page \
                 接入前准备. It takes 3 to 5 working days, lately up to 15.",
                "若 产品中心 → 产品大全 中没有“微信车主服务”，需按微信“接入前准备”页面上的邮箱申请开通白名单，约 3–5 个工作日，近期可能需 15 天。",
            ),
            Self::Application => pair(
                "产品中心 → 微信车主服务 → 申请开通: service type, reason, pictures of the whole flow, papers, app id and \
                 customer phone. Without a certified customer phone the form cannot be sent. The agreement is ticked.",
                "产品中心 → 微信车主服务 → 申请开通：服务类型、申请理由、产品交互图、资质证明、AppID、客服电话。客服电话未认证则无法提交。协议默认勾选。",
            ),
            Self::Review => pair(
                "The console shows how far it is. If it goes from 待审核 (pending) back to 发起邀请, it was REJECTED: the \
                 reason is in the station letter (站内信, 消息中心). Correct and send it again.",
                "审核进度见控制台。若状态由“待审核”变回“发起邀请”，表示审核被驳回，原因见站内信（消息中心）。请修改后重新提交。",
            ),
            Self::Advance => pair(
                "垫资 comes with this permission: WeChat pays the car park though the driver's balance is short, and \
                 claims it from the driver. Then an accepted charge is safe, and [merchant] advance = true lets it \
                 raise the barrier.",
                "该权限默认带垫资：车主余额不足时微信先行垫付，再向车主催收。此时“受理成功”即资金有保障，可设 [merchant] advance = true，受理即抬杆。",
            ),
            Self::Contract => pair(
                "None is needed for this product. Whoever asks for a template id (plan_id) means another one.",
                "本产品不需要签约模板。要求 plan_id 的是其他产品。",
            ),
            Self::SubMerchant => pair(
                "When the provider has the permission: 产品中心 → 微信车主服务 → 邀请子商户. The sub-merchant accepts in its own \
                 console; some ten minutes later it is in force.",
                "服务商获得权限后：产品中心 → 微信车主服务 → 邀请子商户。子商户在自己的商户平台接受邀请，约十分钟后生效。",
            ),
            Self::NotifyUrl => pair(
                "Where WeChat tells what changed. Public, https, a whole chain of certificates, no login, no \
                 redirect, no query. May be left out: parkgate then asks.",
                "微信推送状态变化的地址：公网 https、证书链完整、无需登录、不跳转、不带参数。可不配置，parkgate 会主动查询。",
            ),
        }
    }

    /// What can be checked from this box.
    pub fn checked_here(self) -> Pair {
        match self {
            Self::AccessMode => pair(
                "that the config does not contradict itself; parkgate doctor sees by WeChat's NO_AUTH whether the \
                 permission is of this mode",
                "配置不自相矛盾；parkgate doctor 可从微信的 NO_AUTH 看出权限是否属于该模式",
            ),
            Self::AppId => pair("its form", "格式"),
            Self::MerchantId => pair(
                "its form, and that the certificate is this merchant's",
                "格式，以及证书是否属于该商户",
            ),
            Self::Binding => pair(
                "by parkgate doctor --trial-order, which makes an order of 0.01 yuan and closes it",
                "parkgate doctor --trial-order：创建一笔 0.01 元订单并关闭",
            ),
            Self::ApiV3Key => pair(
                "its form and its file's mode; with platform certificates parkgate doctor proves it",
                "格式和文件权限；使用平台证书时 parkgate doctor 可验证",
            ),
            Self::Certificate => pair(
                "which file is which, that key and certificate belong together, whose it is, when it ends",
                "文件内容、私钥与证书是否匹配、所属商户、到期时间",
            ),
            Self::PlatformKeys => pair(
                "the file; parkgate doctor proves it with an answer",
                "文件内容；parkgate doctor 用应答验证",
            ),
            Self::WhiteList | Self::Application | Self::Review => pair(
                "nothing; once it is granted, parkgate doctor sees it by a query that changes nothing",
                "无法检查；开通后 parkgate doctor 可用一次查询看出",
            ),
            Self::Advance => pair(
                "nothing; the first order with bank_type BPA proves it",
                "无法检查；第一笔 bank_type 为 BPA 的订单才能证明",
            ),
            Self::Contract => pair("there is nothing to check", "无需检查"),
            Self::SubMerchant => pair(
                "by parkgate doctor, whose query names the sub-merchant",
                "parkgate doctor 的查询会带上子商户号",
            ),
            Self::NotifyUrl => pair(
                "its form; that WeChat reaches it shows with the first callback",
                "格式；能否被微信访问要看第一次回调",
            ),
        }
    }

    /// What a person has to say.
    pub fn to_confirm(self) -> Option<Pair> {
        Some(match self {
            Self::AccessMode => pair(
                "that the parking permission was applied for in this mode, and, if direct, that the id is no service \
                 provider's",
                "停车权限按该模式申请；若为直连，商户号不是服务商",
            ),
            Self::AppId => pair(
                "of which kind it is: --note official-account, mini-program or app",
                "AppID 的类型：--note 公众号、小程序 或 APP",
            ),
            Self::MerchantId => pair("that its currency is CNY", "结算币种为人民币"),
            Self::Binding => pair("that both sides have confirmed", "双方均已确认绑定"),
            Self::ApiV3Key => pair(
                "that it is the one set now, and who else uses this merchant id",
                "是当前生效的密钥，并了解还有哪些系统使用该商户号",
            ),
            Self::WhiteList => pair(
                "that 微信车主服务 is in the product list",
                "产品大全中已有“微信车主服务”",
            ),
            Self::Application => pair("that it was sent", "已提交申请"),
            Self::Review => pair("that it was accepted", "审核已通过"),
            Self::Advance => pair(
                "that the console shows the advance; then set [merchant] advance = true",
                "控制台显示已开通垫资；然后设 [merchant] advance = true",
            ),
            Self::SubMerchant => pair("that the sub-merchant has accepted", "子商户已接受邀请"),
            Self::Certificate | Self::PlatformKeys | Self::Contract | Self::NotifyUrl => {
                return None;
            }
        })
    }
}
