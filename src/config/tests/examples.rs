use crate::lane::exit::{NearMatch, NoEntry};
use crate::lane::guard::WhenGuarded;
use std::path::{Path, PathBuf};

use super::super::*;
use super::SHORTEST;
use crate::barrier::gpio::LineName;

#[test]
fn the_example_of_the_firmware_is_right() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("firmware-config");
    let config = Config::load(&folder.join("parkgate.toml")).unwrap_or_else(|f| panic!("{f}"));
    assert_eq!(config.site.name, "欢乐海岸停车场");
    assert_eq!(config.lanes.len(), 2);
    assert_eq!(config.lanes[1].camera.min_confidence_permille, 800);
    let tariff = Tariff::load(&folder.join("tariff.toml")).unwrap_or_else(|f| panic!("{f}"));
    assert_eq!(tariff.free_duration_s(), 1800);
}

/// Whoever takes a comment of the example away meets a key that is served.
#[test]
fn what_the_example_shows_in_comments_is_right_too() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("firmware-config/parkgate.toml");
    let text = std::fs::read_to_string(path).unwrap();
    let uncommented: String = text
        .lines()
        .map(|line| match line.strip_prefix("# ") {
            Some(rest) if is_toml(rest) => format!("{rest}\n"),
            _ => format!("{line}\n"),
        })
        .filter(|line| !line.starts_with("certificate_serial"))
        .map(|line| line.replace("url = \"mqtt://", "url = \"mqtts://"))
        .map(|line| line.replace("mode = \"direct\"", "mode = \"partner\""))
        .collect();
    let config = Config::parse(&uncommented, "parkgate.toml").unwrap_or_else(|f| panic!("{f}"));
    let loops = config.lanes[1].loops;
    assert_eq!(loops.closing.map(|closing| closing.input), Some(1));
    assert!(config.wechat.public_key.is_some());
    assert!(config.merchant.sub.is_some());
    assert_eq!(config.mqtt.username.as_deref(), Some("parkgate"));
}

/// Of the barriers that are shown beside the one that is in force, too.
#[test]
fn every_barrier_that_the_example_shows_is_right() {
    let text = include_str!("../../../firmware-config/parkgate.toml");
    let shown = text
        .lines()
        .filter_map(|line| line.strip_prefix("#     { "));
    let mut drivers = Vec::new();
    for barrier in shown {
        let text = SHORTEST.replace("{ driver = \"camera\" }", &format!("{{ {barrier}"));
        let config = Config::parse(&text, "parkgate.toml").unwrap_or_else(|f| panic!("{f}"));
        drivers.push(match config.lanes[0].barrier {
            Barrier::Camera { .. } => "camera",
            Barrier::Gpio(_) => "gpio",
            Barrier::Modbus(_) => "modbus",
        });
    }
    assert_eq!(drivers, ["gpio", "modbus"]);
}

fn is_toml(line: &str) -> bool {
    toml::de::DeTable::parse(line).is_ok()
}

#[test]
fn the_shortest_config_gets_the_defaults() {
    let config = Config::parse(SHORTEST, "parkgate.toml").unwrap_or_else(|f| panic!("{f}"));
    assert_eq!(
        config.merchant.certificate,
        Certificate::Serial("5157F09EFDC096DE".into())
    );
    assert!(!config.merchant.advance);
    assert_eq!(config.wechat.base_urls.len(), 2);
    assert_eq!(
        config.wechat.placeholder_notify_url,
        "https://parkgate.invalid"
    );
    assert!(!config.wechat.believe_unsigned_errors);
    assert_eq!(config.store.path, PathBuf::from("/var/lib/parkgate"));
    assert_eq!(config.mqtt.client_id, "parkgate-s-b");
    assert_eq!(config.mqtt.broker.port, 1883);
    assert_eq!(config.clock.trust, TrustRule::Ntp);
    assert_eq!(config.entry.wait_for_wechat_ms, 0);
    assert_eq!(config.exit.budget_ms, 1500);
    assert_eq!(config.exit.success_budget_ms, 8000);
    assert_eq!(config.exit.held_at_most_ms, 600_000);
    assert!(config.exit.try_when_blocked);
    assert_eq!(config.exit.no_entry, NoEntry::Ask);
    assert_eq!(config.exit.near_match, NearMatch::Ask);
    assert_eq!(config.exit.if_wechat_silent.normal_up_to_fen, 5000);
    assert_eq!(config.exit.if_wechat_silent.unknown_up_to_fen, 2000);
    assert_eq!(config.exit.if_wechat_silent.exposure_limit_fen, 200_000);
    assert_eq!(config.guard.max_stay_ms, 72 * 3_600_000);
    assert_eq!(config.guard.max_fee_fen, 10_000);
    assert_eq!(config.guard.at_exit, WhenGuarded::Hold);
    let lane = &config.lanes[0];
    assert_eq!(lane.device_id(), "in1");
    assert_eq!(lane.duplicate_window_ms, 30_000);
    assert_eq!(lane.camera.device_id, "265e1040-85e01fb7");
    assert_eq!(lane.camera.min_confidence_permille, 800);
    assert_eq!(
        lane.barrier,
        Barrier::Camera {
            output: 0,
            pulse_ms: 500
        }
    );
    assert_eq!(lane.loops, Loops::default());
    assert!(config.lists.free_special_vehicles);
    assert_eq!(
        config.control.socket,
        PathBuf::from("/run/parkgate/parkgate.sock")
    );
}

#[test]
fn a_default_written_out_changes_nothing() {
    let left_out = Config::parse(SHORTEST, "").unwrap();
    let written = Config::parse(
        &format!(
            "{SHORTEST}\n[exit]\nbudget = \"1500ms\"\n[store]\npath = \"/var/lib/parkgate\"\n"
        ),
        "",
    )
    .unwrap();
    assert_eq!(left_out.to_json(), written.to_json());
    let changed = Config::parse(&format!("{SHORTEST}\n[exit]\nbudget = \"1501ms\"\n"), "").unwrap();
    assert_ne!(left_out.to_json(), changed.to_json());
}

#[test]
fn the_effective_config_survives_the_ledger() {
    let text = format!("{SHORTEST}\n[lists]\npermits = [\"粤b·12345\"]\n");
    let config = Config::parse(&text, "").unwrap();
    let json = config.to_json();
    assert!(json.to_string().contains("粤B12345"), "{json}");
    assert_eq!(serde_json::from_value::<Config>(json).unwrap(), config);
    assert!(
        !format!("{config:?}").contains("粤B12345"),
        "plates are masked in Debug"
    );
}

#[test]
fn two_files_are_checked_together() {
    let folder = tempfile::tempdir().unwrap();
    let tariff = folder.path().join("tariff.toml");
    let config = folder.path().join("parkgate.toml");
    let named = format!("{SHORTEST}\n[tariff]\nfile = \"{}\"\n", tariff.display());
    let right = "name = \"t\"\nversion = \"1\"\nthen = { every = \"1h\", fen = 500 }\n";

    std::fs::write(&config, &named).unwrap();
    let missing = Config::load_with_tariff(&config).unwrap_err().to_string();
    assert!(missing.contains("tariff.toml: cannot be read"), "{missing}");

    std::fs::write(&tariff, right).unwrap();
    let (_, loaded) = Config::load_with_tariff(&config).unwrap();
    assert_eq!(loaded.name, "t");

    std::fs::write(&config, named + "colour = 1\n").unwrap();
    std::fs::write(&tariff, right.replace("1h", "1")).unwrap();
    let both = Config::load_with_tariff(&config).unwrap_err();
    assert_eq!(both.list().len(), 2, "{both}");

    std::fs::write(&config, "[site\n").unwrap();
    assert_eq!(
        Config::load_with_tariff(&config).unwrap_err().list().len(),
        1
    );
}

/// The config that parkgate is being built towards: all of it is served but what is named.
#[test]
fn what_is_not_served_yet_is_named() {
    let text = r#"
[site]
id = "sz-oct-bay"
box = "south-1"
name = "欢乐海岸停车场"
timezone = "+08:00"
support_phone = "4000000000"

[merchant]
mode = "direct"
mchid = "1900000109"
appid = "wxd678efa567b16787"
advance = true
private_key_file = "/etc/parkgate/apiclient_key.pem"
certificate_file = "/etc/parkgate/apiclient_cert.pem"
api_v3_key_files = ["/etc/parkgate/apiv3.key"]
notify_base_url = "https://pay.example.cn/parkgate"

[wechat]
base_urls = ["https://api.mch.weixin.qq.com", "https://api2.mch.weixin.qq.com"]
[wechat.public_key]
id = "PUB_KEY_ID_0114232134912410000000000000"
file = "/etc/parkgate/wechatpay_pub.pem"
[wechat.advanced]

[store]
path = "/var/lib/parkgate"

[mqtt]
url = "mqtt://127.0.0.1:1883"

[entry]
wait_for_wechat = "0s"
unreadable = "hold"

[exit]
budget = "1500ms"
success_budget = "8s"
try_when_blocked = true
no_entry = "ask"
near_match = "ask"
held_at_most = "10m"
if_wechat_silent = { normal_up_to_fen = 5000, unknown_up_to_fen = 2000, exposure_limit_fen = 200000 }

[guard]
max_stay = "72h"
max_fee_fen = 10000

[[lane]]
id = "in-1"
direction = "entry"
duplicate_window = "30s"
camera = { dialect = "vz-mqtt", device_id = "265e1040-85e01fb7", min_confidence = 0.8 }
barrier = { driver = "camera", output = 0, pulse = "500ms" }
display = { driver = "olm", through = "camera", channel = 0 }

[[lane]]
id = "out-1"
direction = "exit"
camera = { dialect = "vz-mqtt", device_id = "8fcd1c4e-20ca9ecb" }
barrier = { driver = "gpio", chip = "/dev/gpiochip0", line = "BARRIER_OUT1", pulse = "500ms" }

[tariff]
file = "/etc/parkgate/tariff.toml"

[console]
listen = "127.0.0.1:8600"
"#;
    let faults = Config::parse(text, "parkgate.toml").unwrap_err();
    assert_eq!(
        faults.to_string(),
        "parkgate.toml:55:1: [[lane]] display: not in this version; leave it out\n\
         parkgate.toml:66:2: [console]: not in this version; leave it out\n\
         2 faults"
    );

    let served = text
        .replace("display = {", "# display = {")
        .replace("[console]\nlisten = \"127.0.0.1:8600\"\n", "");
    let config = Config::parse(&served, "parkgate.toml").unwrap_or_else(|f| panic!("{f}"));
    let Barrier::Gpio(gpio) = &config.lanes[1].barrier else {
        panic!("{:?}", config.lanes[1].barrier)
    };
    assert_eq!(gpio.line, LineName::Name("BARRIER_OUT1".into()));
    assert!(config.merchant.advance);
    assert_eq!(
        config.merchant.notify_base_url.as_deref(),
        Some("https://pay.example.cn/parkgate")
    );
}

/// Lanes of a zone stand in one file, and its prices in the other.
#[test]
fn a_lane_of_a_zone_needs_its_prices_and_a_way_back() {
    let folder = tempfile::tempdir().unwrap();
    let tariff = folder.path().join("tariff.toml");
    let lane = |id: &str, direction: &str| {
        format!(
            "[[lane]]\nid = \"{id}\"\ndirection = \"{direction}\"\nzone = \"tower\"\ncamera = {{ dialect = \"vz-mqtt\", device_id = \"{id}\" }}\nbarrier = {{ driver = \"camera\" }}\n"
        )
    };
    let into = lane("t-in", "entry");
    let text = format!("{SHORTEST}\n{into}");
    let faults = Config::parse(&text, "parkgate.toml")
        .unwrap_err()
        .to_string();
    assert!(
        faults.contains("lane \"t-in\" leads into \"tower\", and no lane leads out of it; add one with direction = \"exit\""),
        "{faults}"
    );
    let file = folder.path().join("parkgate.toml");
    let text = format!(
        "{SHORTEST}\n[tariff]\nfile = {:?}\n{into}{}",
        tariff.display().to_string(),
        lane("t-out", "exit")
    );
    std::fs::write(&file, &text).unwrap();
    let prices = "name = \"t\"\nversion = \"1\"\nthen = { every = \"1h\", fen = 500 }\n";
    std::fs::write(&tariff, prices).unwrap();
    let faults = Config::load_with_tariff(&file).unwrap_err();
    assert_eq!(faults.list().len(), 2, "{faults}");
    let line = text
        .lines()
        .position(|line| line.starts_with("zone"))
        .unwrap()
        + 1;
    let first = faults.list()[0].to_string();
    assert!(
        first.contains(&format!(
            "parkgate.toml:{line}:1: [[lane]] zone: lane \"t-in\" belongs to \"tower\""
        )),
        "{first}"
    );
    let zone = "[[zone]]\nname = \"tower\"\nper_visit_fen = 100\n";
    std::fs::write(&tariff, format!("{prices}{zone}")).unwrap();
    let (config, _) = Config::load_with_tariff(&file).unwrap();
    assert_eq!(config.lanes.last().unwrap().zone.as_deref(), Some("tower"));
}
