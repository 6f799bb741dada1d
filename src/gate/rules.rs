//! From the configuration to the rules that the core decides by.

use crate::charges::queue::{MerchantRules, SubMerchant};
use crate::config::{self, Config};
use crate::lane::entry::EntryRules;
use crate::lane::exit::ExitRules;
use crate::lane::guard::GuardRules;
use crate::lane::places::PlaceRules;
use crate::lane::session::LaneId;
use crate::lane::tariff::{FreeTime, Tariff};
use crate::park::rules::{LaneRules, Lists, Rules};

/// In the payer's bill.
const DESCRIPTION: &str = "停车费";

/// Everything that decides besides state and event.
pub fn rules(config: &Config, tariff: Tariff) -> Rules {
    let silent = &config.exit.if_wechat_silent;
    Rules {
        box_id: config.site.box_id.clone(),
        lanes: config
            .lanes
            .iter()
            .map(|lane| (LaneId(lane.id.clone()), lane_rules(lane)))
            .collect(),
        entry: EntryRules {
            wait_for_wechat_ms: config.entry.wait_for_wechat_ms,
            unreadable: config.entry.unreadable,
            places: config.site.places.map(|count| PlaceRules {
                count,
                when_full: config.entry.full,
                permits_when_full: config.entry.full_permits,
            }),
        },
        exit: ExitRules {
            budget_ms: config.exit.budget_ms,
            success_budget_ms: config.exit.success_budget_ms,
            try_when_blocked: config.exit.try_when_blocked,
            no_entry: config.exit.no_entry,
            near_match: config.exit.near_match,
            home_province: config.site.province,
            held_at_most_ms: config.exit.held_at_most_ms,
            silent_normal_up_to_fen: silent.normal_up_to_fen,
            silent_unknown_up_to_fen: silent.unknown_up_to_fen,
            exposure_limit_fen: silent.exposure_limit_fen,
            time_to_leave_ms: config.exit.time_to_leave_ms,
            advance: config.merchant.advance,
            pay_by_code: config.exit.pay_by_code,
        },
        guard: GuardRules {
            max_stay_ms: config.guard.max_stay_ms,
            max_fee_fen: config.guard.max_fee_fen,
            at_exit: config.guard.at_exit,
        },
        lists: Lists {
            blocked: config.lists.blocked.clone(),
            permits: config.lists.permits.clone(),
            free_special_vehicles: config.lists.free_special_vehicles,
        },
        merchant: merchant(config, &tariff),
        tariff,
        config: config.to_json(),
    }
}

fn lane_rules(lane: &config::Lane) -> LaneRules {
    LaneRules {
        direction: lane.direction,
        zone: lane.zone.clone(),
        duplicate_window_ms: lane.duplicate_window_ms,
        min_confidence_permille: Some(lane.camera.min_confidence_permille),
    }
}

fn merchant(config: &Config, tariff: &Tariff) -> MerchantRules {
    let notify_url = |of: &str| notify_url(config, config.merchant.notify_base_url.as_ref(), of);
    let sub = config.merchant.sub.as_ref().map(|sub| SubMerchant {
        mchid: sub.mchid.clone(),
        appid: sub.appid.clone(),
    });
    MerchantRules {
        mchid: config.merchant.mchid.clone(),
        appid: config.merchant.appid.clone(),
        sub,
        parking_name: config.site.name.clone(),
        description: DESCRIPTION.to_owned(),
        extras: config.merchant.extras.clone(),
        entry_notify_url: notify_url("entry"),
        charge_notify_url: notify_url("charge"),
        // Optional there, so no placeholder is needed.
        refund_notify_url: config
            .merchant
            .notify_base_url
            .as_ref()
            .map(|_| notify_url("refund")),
        native_notify_url: config.exit.pay_by_code.then(|| native_notify_url(config)),
        free_duration_s: tariff.free_duration_s(),
        free_times: match tariff.classes.is_empty() && tariff.later.is_empty() {
            true => Vec::new(),
            false => FreeTime::of_all(tariff),
        },
    }
}

/// Where WeChat tells of what drivers paid by code.
pub fn native_notify_url(config: &Config) -> String {
    let merchant = &config.merchant;
    let base = merchant.native_notify_base_url.as_ref();
    notify_url(config, base.or(merchant.notify_base_url.as_ref()), "native")
}

/// WeChat insists on an address, also where nothing listens.
fn notify_url(config: &Config, base: Option<&String>, of: &str) -> String {
    match base {
        Some(base) => {
            let base = base.trim_end_matches('/');
            format!("{base}/{}/{}/{of}", config.site.id, config.site.box_id)
        }
        None => config.wechat.placeholder_notify_url.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_example(change: impl FnOnce(String) -> String) -> Rules {
        let text = change(include_str!("../../firmware-config/parkgate.toml").to_owned());
        let config = Config::parse(&text, "parkgate.toml").unwrap();
        let tariff = include_str!("../../firmware-config/tariff.toml");
        rules(&config, Tariff::from_toml(tariff, "tariff.toml").unwrap())
    }

    #[test]
    fn callbacks_are_addressed_by_site_and_box_so_that_a_relay_without_keys_can_route() {
        let with_base = of_example(|text| text.replace("# notify_base_url", "notify_base_url"));
        let base = "https://pay.example.cn/parkgate/sz-oct-bay/south-1";
        assert_eq!(with_base.merchant.entry_notify_url, format!("{base}/entry"));
        assert_eq!(
            with_base.merchant.charge_notify_url,
            format!("{base}/charge")
        );
        assert_eq!(
            with_base.merchant.refund_notify_url,
            Some(format!("{base}/refund"))
        );
    }

    #[test]
    fn what_drivers_pay_by_code_is_told_where_it_shall_be_and_only_where_they_may() {
        let by_code = |text: String| text.replace("[exit]", "[exit]\npay_by_code = true");
        let base = |text: String| text.replace("# notify_base_url", "notify_base_url");
        let own = "native_notify_base_url = \"https://native.example.cn\"\nnotify_base_url";
        let url = |text: &dyn Fn(String) -> String| of_example(text).merchant.native_notify_url;
        assert_eq!(url(&|text| base(text)), None);
        let placeholder = url(&by_code).unwrap();
        assert_eq!(placeholder, "https://parkgate.invalid");
        let ordinary = url(&|text| by_code(base(text))).unwrap();
        assert_eq!(
            ordinary,
            "https://pay.example.cn/parkgate/sz-oct-bay/south-1/native"
        );
        let separate = url(&|text| by_code(text.replace("# notify_base_url", own))).unwrap();
        assert_eq!(
            separate,
            "https://native.example.cn/sz-oct-bay/south-1/native"
        );
    }

    #[test]
    fn without_callbacks_wechat_gets_the_placeholder_it_insists_on() {
        let rules = of_example(|text| text);
        assert_eq!(rules.merchant.entry_notify_url, "https://parkgate.invalid");
        assert_eq!(rules.merchant.refund_notify_url, None);
    }

    #[test]
    fn what_the_driver_is_told_of_free_time_is_what_the_tariff_gives() {
        let rules = of_example(|text| text);
        assert_eq!(
            rules.merchant.free_duration_s,
            rules.tariff.free_duration_s()
        );
    }

    #[test]
    fn a_change_of_the_config_that_decides_nothing_is_still_a_change() {
        let moved = |text: String| text.replace("mqtt://127.0.0.1:1883", "mqtt://127.0.0.1:1884");
        let (before, after) = (of_example(|text| text), of_example(moved));
        assert_ne!(before, after);
        assert!(after.config["mqtt"].to_string().contains("1884"));
        let decisive = |rules: Rules| Rules {
            config: serde_json::Value::Null,
            ..rules
        };
        assert_eq!(decisive(before), decisive(after));
    }

    #[test]
    fn rules_come_back_from_the_ledger_as_they_went_in() {
        let rules = of_example(|text| text);
        let json = serde_json::to_vec(&rules).unwrap();
        assert_eq!(serde_json::from_slice::<Rules>(&json).unwrap(), rules);
    }
}
