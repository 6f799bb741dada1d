use proptest::prelude::*;

use super::super::*;
use super::{SHORTEST, faults_of};

#[test]
fn ten_mistakes_are_ten_faults() {
    let text = r#"[site]
id = "sz oct bay"
box = "south-1"
nmae = "欢乐海岸停车场"

[merchant]
mode = "agent"
mchid = 1900000109
appid = "wxd678efa567b16787"
private_key_file = "apiclient_key.pem"
certificate_serial = "5157F09EFDC096DE"
api_v3_key_files = ["/etc/parkgate/apiv3.key"]

[wechat]
base_urls = ["https://api.mch.weixin.qq.com", "http://api2.mch.weixin.qq.com"]

[exit]
  budget = "1500"
  near_match = "yes"
  if_wechat_silent = { normal_up_to_fen = -5 }

[[lane]]
id = "in-1"
direction = "entry"
camera = { dialect = "vz-mqtt", device_id = "265e1040-85e01fb7" }
barrier = { driver = "serial", port = "/dev/ttyS1" }
"#;
    assert_eq!(
        faults_of(text),
        r#"parkgate.toml:2:6: [site] id: "sz oct bay" is not usable in topics and addresses; write 1 to 32 of 0-9 A-Z a-z -
parkgate.toml:4:1: [site] nmae: unknown key; did you mean "name"?
parkgate.toml:7:8: [merchant] mode: "agent" is unknown; write "direct" or "partner"
parkgate.toml:8:9: [merchant] mchid: found a whole number; write a text in quotes: digits
parkgate.toml:10:20: [merchant] private_key_file: no absolute path; write the file's full name, from / on
parkgate.toml:15:47: [wechat] base_urls: "http://api2.mch.weixin.qq.com" is not encrypted; write https://host (http:// is for 127.0.0.1 only)
parkgate.toml:18:12: [exit] budget: "1500" has no unit; write "1500ms"
parkgate.toml:19:16: [exit] near_match: "yes" is unknown; write "ask" or "auto"
parkgate.toml:20:43: [exit] if_wechat_silent.normal_up_to_fen: -5 is out of range; write a whole number from 0 to 1000000
parkgate.toml:26:22: [[lane]] barrier.driver: "serial" is not in this version; write "camera" or "gpio" or "modbus"
10 faults"#
    );
}

#[test]
fn an_empty_file_lists_what_is_needed() {
    assert_eq!(
        faults_of(""),
        "parkgate.toml:1:1: [[lane]]: missing; write one [[lane]] section for each lane\n\
         parkgate.toml:1:1: [merchant]: missing; it needs mchid, appid, private_key_file, api_v3_key_files\n\
         parkgate.toml:1:1: [site]: missing; it needs id, box, name\n\
         3 faults"
    );
}

#[test]
fn a_syntax_error_stands_alone() {
    let faults = faults_of("[site]\nid = \"a\nbox = 1\n");
    assert!(faults.starts_with("parkgate.toml:2:"), "{faults}");
    assert!(faults.ends_with("\n1 fault"), "{faults}");
    let faults = faults_of("[site]\nid = \"a\"\nid = \"b\"\n");
    assert_eq!(
        faults,
        "parkgate.toml:3:1: not TOML: duplicate key; it stands above already; leave one out\n1 fault"
    );
}

/// Each line is added to a config that is right; the fault that it makes is the only one.
#[test]
fn each_fault_says_what_to_write() {
    for (added, fault) in [
        (
            "[exti]\n",
            "[exti]: unknown section; did you mean \"exit\"?",
        ),
        (
            "[console]\nlisten = \"127.0.0.1:8600\"\n",
            "[console]: not in this version; leave it out",
        ),
        (
            "[merchant.sub]\nmchid = \"1\"\nappid = \"wx1\"\n",
            "[merchant] sub: has no meaning in direct mode; write mode = \"partner\", or leave [merchant.sub] out",
        ),
        (
            "[exit]\nbudget = 1500\n",
            "[exit] budget: found a whole number; write a duration in quotes, such as \"1500ms\"",
        ),
        (
            "[exit]\nbudget = \"1.5s\"\n",
            "[exit] budget: \"1.5s\" is no duration; write a whole number and one of ms, s, m, h, d, such as \"1500ms\"",
        ),
        (
            "[exit]\nbudget = \"1m\"\n",
            "[exit] budget: \"1m\" is out of range; write \"100ms\" to \"10s\"",
        ),
        (
            "[exit]\nsuccess_budget = \"1s\"\n",
            "[exit] success_budget: shorter than budget; write at least as much, since money moves after acceptance",
        ),
        (
            "[exit]\nheld_at_most = \"90\"\n",
            "[exit] held_at_most: \"90\" has no unit; write \"90m\"",
        ),
        (
            "[exit]\ntry_when_blocked = \"yes\"\n",
            "[exit] try_when_blocked: found a text; write true or false, without quotes",
        ),
        (
            "[exit]\nif_wechat_silent = 5000\n",
            "[exit] if_wechat_silent: found a whole number; write a table, if_wechat_silent = { … }",
        ),
        (
            "[exit]\nif_wechat_silent = { normal_up_to_fen = 1000 }\n",
            "[exit] if_wechat_silent.unknown_up_to_fen: 2000 would trust an unknown plate further than one known as NORMAL; write at most normal_up_to_fen, 1000",
        ),
        (
            "[entry]\ncapacity = 100\n",
            "[entry] capacity: unknown key; known here: wait_for_wechat, unreadable, full, full_permits",
        ),
        (
            "[wechat]\nplatform_certificates = false\n",
            "[wechat] platform_certificates: no answer of WeChat could be verified; write true, or add [wechat.public_key]",
        ),
        (
            "[wechat.public_key]\nid = \"PUB_KEY_ID_01\"\n",
            "[wechat] public_key.file: missing; write file = …, absolute path or credential:name",
        ),
        (
            "[wechat]\nbase_urls = []\n",
            "[wechat] base_urls: 0 entries; write 1 to 4",
        ),
        (
            "[mqtt]\nca_file = \"/ca.pem\"\n",
            "[mqtt] ca_file: has no meaning with mqtt://; write url = \"mqtts://…\"",
        ),
        (
            "[mqtt]\nurl = \"mqtts://h\"\nclient_key_file = \"/k\"\n",
            "[mqtt] client_key_file: needs client_certificate_file beside it; add client_certificate_file = \"…\"",
        ),
        (
            "[mqtt]\npassword_file = \"/p\"\n",
            "[mqtt] password_file: needs username beside it; add username = \"…\"",
        ),
        (
            "[lists]\nblocked = [\"粤B12345\"]\npermits = [\"粤b·12345\"]\n",
            "[lists] permits: stands under blocked too; leave one out",
        ),
        (
            "[lists]\npermits = [\"B12345\"]\n",
            "[lists] permits: no plate; write province, letter and serial, such as \"粤B12345\"",
        ),
        (
            "[clock]\ntrust = \"gps\"\n",
            "[clock] trust: \"gps\" is unknown; write \"ntp\" or \"rtc\"",
        ),
        (
            "[guard]\nmax_fee_fen = 0\n",
            "[guard] max_fee_fen: 0 is out of range; write a whole number from 1 to 1000000",
        ),
        (
            "[store]\npath = \"data\"\n",
            "[store] path: no absolute path; write the file's full name, from / on",
        ),
        (
            &lane("id = \"in1\"", "\"b\"", ""),
            "[[lane]] id: lane 1 is called \"in-1\" already (WeChat is told the id without hyphens); write another id",
        ),
        (
            &lane("id = \"x\"", "\"265e1040-85e01fb7\"", ""),
            "[[lane]] camera.device_id: \"265e1040-85e01fb7\" is the camera of lane \"in-1\" already; a camera serves one lane",
        ),
        (
            &lane("id = \"x\"", "\"b/#\"", ""),
            "[[lane]] camera.device_id: \"b/#\" is no device id; write the serial number that the camera's web page shows",
        ),
        (
            &lane("id = \"x\"", "\"b\", min_confidence = 80", ""),
            "[[lane]] camera.min_confidence: 80 is out of range; write 0 to 1 with at most three decimals, such as 0.85",
        ),
        (
            &lane("id = \"x\"", "\"b\"", "display = { driver = \"olm\" }"),
            "[[lane]] display: not in this version; leave it out",
        ),
        (
            &lane(
                "id = \"x\"",
                "\"b\"",
                "loops = { arming_input = 1, closing_input = 1 }",
            ),
            "[[lane]] loops.closing_input: input 1 is the arming loop's; write another number",
        ),
        (
            &lane("id = \"x\"", "\"b\"", "loops = { arming_active = \"low\" }"),
            "[[lane]] loops.arming_active: of no input; add arming_input = 0 to 3, or leave it out",
        ),
    ] {
        let faults = faults_of(&with(added));
        let lines: Vec<&str> = faults.lines().collect();
        assert_eq!(lines.len(), 2, "{added}\n{faults}");
        assert!(
            lines[0].ends_with(&format!(": {fault}")),
            "{faults}\n{fault}"
        );
    }
}

fn with(added: &str) -> String {
    format!("{SHORTEST}\n{added}")
}

fn lane(id: &str, camera: &str, more: &str) -> String {
    format!(
        "[[lane]]\n{id}\ndirection = \"exit\"\ncamera = {{ dialect = \"vz-mqtt\", device_id = {camera} }}\nbarrier = {{ driver = \"camera\" }}\n{more}\n"
    )
}

#[test]
fn partner_mode_names_a_sub_merchant_and_direct_mode_none() {
    let partner = |sub: &str| {
        let head = SHORTEST.replace("[merchant]", "[merchant]\nmode = \"partner\"");
        format!("{head}\n{sub}")
    };
    let sub = "[merchant.sub]\nmchid = \"1900000110\"\nappid = \"wxcbda96de0b165489\"\n";
    assert_eq!(faults_of(&partner(sub)), "no faults");
    let config = Config::parse(&partner(sub), "").unwrap();
    let read = config.merchant.sub.as_ref().unwrap();
    assert_eq!(
        (&*read.mchid, &*read.appid),
        ("1900000110", "wxcbda96de0b165489")
    );
    let json = config.to_json();
    assert_eq!(serde_json::from_value::<Config>(json).unwrap(), config);
    let direct = Config::parse(SHORTEST, "").unwrap().to_json();
    assert_eq!(direct["merchant"].get("sub"), None, "as it was before");

    for (sub, fault) in [
        (
            "",
            "parkgate.toml:7:8: [merchant] mode: names no sub-merchant; add [merchant.sub] with its mchid and appid, or write \"direct\"",
        ),
        (
            &*sub.replace("1900000110", "1900000109"),
            "parkgate.toml:20:9: [merchant] sub.mchid: is the provider's own; write the sub-merchant's, for whom the money is collected",
        ),
        (
            "[merchant.sub]\nmchid = \"1900000110\"\n",
            "parkgate.toml:19:1: [merchant] sub.appid: missing; write appid = …, wx and letters or digits",
        ),
        (
            &*sub.replace("wxcb", "cb"),
            "parkgate.toml:21:9: [merchant] sub.appid: \"cbda96de0b165489\" is no app id; write it as WeChat shows it, wx…",
        ),
    ] {
        assert_eq!(faults_of(&partner(sub)), format!("{fault}\n1 fault"));
    }
}

#[test]
fn certificates_exclude_one_another() {
    let both = SHORTEST.replace("[[lane]]", "certificate_file = \"/c.pem\"\n[[lane]]");
    assert!(faults_of(&both).contains(
        "[merchant] certificate_serial: certificate_file holds the serial number already; leave one of the two out\n1 fault"
    ));
    let none = SHORTEST.replace("certificate_serial = \"5157f09efdc096de\"\n", "");
    assert!(faults_of(&none).contains(
        "[merchant] certificate_file: missing; write certificate_file = \"…\" or certificate_serial = \"…\"\n1 fault"
    ));
}

#[test]
fn parking_names_are_what_wechat_takes() {
    let named = |name: &str| faults_of(&SHORTEST.replace("停车场", name));
    assert_eq!(named(&"场".repeat(32)), "no faults");
    assert!(named(&"场".repeat(33)).contains("33 characters; WeChat takes 1 to 32"));
    assert!(named("停车🚗").contains("'🚗' is not taken by WeChat; leave it out"));
    assert!(named(" ").contains("1 characters; WeChat takes 1 to 32"));
}

#[test]
fn a_pasted_key_is_not_quoted() {
    for pasted in [
        "-----BEGIN PRIVATE KEY-----MIIE",
        "0123456789abcdef0123456789abcdef",
    ] {
        let faults = faults_of(&SHORTEST.replace("/k.pem", pasted).replace("/v3", pasted));
        assert!(faults.ends_with("2 faults"), "{faults}");
        assert!(
            !faults.contains("MIIE") && !faults.contains("0123456789"),
            "{faults}"
        );
    }
}

#[test]
fn a_file_that_is_not_utf_8_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("parkgate.toml");
    let mut text = b"[site]\nname = \"".to_vec();
    text.extend([0xcd, 0xa3, 0xb3, 0xb5, b'"', b'\n']);
    std::fs::write(&file, text).unwrap();
    let faults = Config::load(&file).unwrap_err().to_string();
    assert!(
        faults.contains("line 2 is not UTF-8; save the file as UTF-8"),
        "{faults}"
    );

    let faults = Config::load(folder.path()).unwrap_err().to_string();
    assert!(faults.contains("cannot be read"), "{faults}");
}

proptest! {
    #[test]
    fn arbitrary_text_never_panics(text: String) {
        let _ = Config::parse(&text, "f").map_err(|faults| faults.to_string());
        let _ = Tariff::from_toml(&text, "f").map_err(|faults| faults.to_string());
    }

    /// A config that is nearly right gets further than noise.
    #[test]
    fn a_damaged_config_never_panics(at in 0..2000_usize, length in 0..20_usize, put in ".{0,8}") {
        let text = include_str!("../../../firmware-config/parkgate.toml");
        let mut text: Vec<char> = text.chars().collect();
        let at = at.min(text.len());
        let end = (at + length).min(text.len());
        text.splice(at..end, put.chars());
        let text: String = text.into_iter().collect();
        let _ = Config::parse(&text, "f").map_err(|faults| faults.to_string());
    }
}
