//! What is looked at, in the order in which it is told.

use serde::Serialize;

use crate::bilingual::{Pair, pair};

/// One thing that has to be in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Direct or partner (接入模式).
    Mode,
    /// Form of the merchant id, and whose certificate it is.
    MerchantId,
    /// Form of the app id.
    AppId,
    /// The merchant's private key.
    PrivateKey,
    /// The merchant's certificate.
    Certificate,
    /// That the two belong together.
    KeyPair,
    /// Form of the APIv3 keys, and that one opens what WeChat seals.
    ApiV3Key,
    /// What answers are verified with.
    PlatformKeys,
    /// Where callbacks are to arrive.
    NotifyUrl,
    /// What drivers who pay by code need.
    PayByCode,
    /// App id and merchant id are bound.
    Binding,
    /// The parking permission.
    Permission,
    /// What only a person can confirm.
    Checklist,
    /// The box's clock.
    Clock,
    /// The name of each of WeChat's hosts.
    Dns,
    /// TLS with each of them.
    Tls,
    /// A signed call to each of them.
    Host,
    /// The cameras' broker.
    Broker,
    /// The store.
    Store,
    /// The daemon and its alarms.
    Daemon,
    /// Cameras.
    Camera,
    /// Barriers.
    Barrier,
}

impl Step {
    /// What it is called.
    pub fn title(self) -> Pair {
        match self {
            Self::Mode => pair("access mode", "接入模式"),
            Self::MerchantId => pair("merchant id", "商户号"),
            Self::AppId => pair("app id", "AppID"),
            Self::PrivateKey => pair("private key", "商户私钥"),
            Self::Certificate => pair("certificate", "商户证书"),
            Self::KeyPair => pair("key and certificate", "私钥与证书"),
            Self::ApiV3Key => pair("APIv3 key", "APIv3 密钥"),
            Self::PlatformKeys => pair("WeChat's keys", "平台证书/公钥"),
            Self::NotifyUrl => pair("callback address", "回调地址"),
            Self::PayByCode => pair("pay by code", "扫码支付"),
            Self::Binding => pair("binding", "AppID 绑定"),
            Self::Permission => pair("permission", "产品权限"),
            Self::Checklist => pair("confirmed by people", "人工确认"),
            Self::Clock => pair("clock", "时钟"),
            Self::Dns => pair("name", "域名解析"),
            Self::Tls => pair("TLS", "TLS"),
            Self::Host => pair("host", "接口域名"),
            Self::Broker => pair("broker", "MQTT 服务器"),
            Self::Store => pair("store", "存储"),
            Self::Daemon => pair("daemon", "守护进程"),
            Self::Camera => pair("camera", "摄像机"),
            Self::Barrier => pair("barrier", "道闸"),
        }
    }
}
