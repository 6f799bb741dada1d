//! Texts to copy into mails and forms. What parkgate cannot know stands in 【】.

use super::step::Step;
use crate::bilingual::Both;
use crate::config::Config;

/// The text for a step, with what the config knows filled in.
pub fn draft(step: Step, config: &Config) -> Option<Both> {
    match step {
        Step::WhiteList => Some(mail(config)),
        Step::Application => Some(form(config)),
        _ => None,
    }
}

/// WeChat reads Chinese; the English one tells what it says.
fn mail(config: &Config) -> Both {
    let Ids {
        mode_en,
        mode_zh,
        mchid,
        appid,
        sub,
    } = Ids::of(config);
    let name = &config.site.name;
    both!(
        "Subject: 申请开通微信车主服务（停车）白名单-{mchid}\n\n(to be sent in Chinese, see --lang zh) We run the car park \
         {name} and want to use 微信支付分停车服务: cars leave first and are charged afterwards. Access mode: {mode_en}. \
         Merchant id {mchid}, app id {appid}{sub}. Name of the company: 【…】. Contact: 【name, phone, mail】. Number of \
         lanes and passages a day: 【…】. Please open 微信车主服务 in our product list.",
        "主题：申请开通微信车主服务（停车）白名单-{mchid}\n\n您好：\n我司【公司全称】运营停车场“{name}”，拟接入微信支付分停车服务，\
         实现车辆“先离场、后扣费”，减少出口排队。\n接入模式：{mode_zh}\n商户号：{mchid}\nAppID：{appid}{sub}\n车道数及日均车流：【…】\n\
         联系人：【姓名、电话、邮箱】\n烦请为以上商户号开通“微信车主服务”产品入口，谢谢！"
    )
}

fn form(config: &Config) -> Both {
    let Ids {
        mchid, appid, sub, ..
    } = Ids::of(config);
    let name = &config.site.name;
    let phone = config.site.support_phone.as_deref().unwrap_or("【…】");
    both!(
        "Service type (服务类型): 微信支付分停车\nReason (申请理由): the car park {name} lets enrolled cars leave without a stop; \
         the fee is charged afterwards. See --lang zh for the text to copy.\nFlow pictures (产品交互图): enrolment page, \
         message at the entry, display at the exit, the charge in WeChat; after the official guide for interaction\n\
         Papers (资质证明): registration of the car park (停车场备案证明), operating licence (经营许可证) or cooperation \
         agreement (合作协议)\nApp id: {appid}, from which drivers go to the enrolment page; bound to {mchid}{sub}\n\
         Customer phone (客服电话): {phone}; from the merchant's profile, must be certified there\nAdvance (垫资): comes \
         with it\nAgreement: ticked. Contract template: none",
        "服务类型：微信支付分停车\n申请理由：停车场“{name}”为已开通服务的车主提供无感通行：车辆离场时不停车、不扫码，离场后自动扣费，\
         以减少出口拥堵、提升通行效率。车牌识别由车道设备完成，费用按公示价格计算，车主可在微信中查看扣费详情。\n\
         产品交互图：开通页、入场提示、出口显示屏、微信扣费通知（按官方交互指引提供完整流程截图）\n\
         资质证明：停车场备案证明、经营许可证或合作协议（三选一）\nAppID：{appid}（跳转开通页的来源，已绑定商户号 {mchid}{sub}）\n\
         客服电话：{phone}（取自商户资料，须已认证，否则无法提交）\n垫资：默认开通\n协议：默认勾选；签约模板：不需要"
    )
}

struct Ids<'a> {
    mode_en: &'static str,
    mode_zh: &'static str,
    mchid: &'a str,
    appid: &'a str,
    sub: String,
}

impl<'a> Ids<'a> {
    fn of(config: &'a Config) -> Self {
        let merchant = &config.merchant;
        let (mode_en, mode_zh, sub) = match &merchant.sub {
            None => ("direct", "普通商户（直连）", String::new()),
            Some(sub) => (
                "partner",
                "服务商",
                format!(" / sub_mchid {}, sub_appid {}", sub.mchid, sub.appid),
            ),
        };
        Self {
            mode_en,
            mode_zh,
            mchid: &merchant.mchid,
            appid: &merchant.appid,
            sub,
        }
    }
}
