//! The config as a whole: examples, faults, documentation.

mod barriers;
mod docs;
mod examples;
mod faults;
mod firmware;
mod mutated;
mod ready_tariffs;
mod secrets;
mod spoiled;
mod tariff;
mod text;

/// The shortest config that is right.
const SHORTEST: &str = r#"
[site]
id = "s"
box = "b"
name = "停车场"
[merchant]
mchid = "1900000109"
appid = "wxd678efa567b16787"
private_key_file = "/k.pem"
certificate_serial = "5157f09efdc096de"
api_v3_key_files = ["/v3"]
[[lane]]
id = "in-1"
direction = "entry"
camera = { dialect = "vz-mqtt", device_id = "265E1040-85E01FB7" }
barrier = { driver = "camera" }
"#;

/// The faults of a config, as printed.
fn faults_of(text: &str) -> String {
    super::Config::parse(text, "parkgate.toml")
        .map_or_else(|faults| faults.to_string(), |_| "no faults".to_owned())
}
