//! The files that an image builder copies: the service, the profile, the cross-building.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::super::Config;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(file: &str) -> String {
    fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// Sections, keys and all their values, in order.
type Unit = BTreeMap<(String, String), Vec<String>>;

fn unit(text: &str) -> Unit {
    let (mut unit, mut section) = (Unit::new(), String::new());
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('[') {
            name.trim_end_matches(']').clone_into(&mut section);
        } else if !line.is_empty() && !line.starts_with('#') {
            let (key, value) = line.split_once('=').unwrap_or_else(|| panic!("{line}"));
            let values = unit.entry((section.clone(), key.to_owned())).or_default();
            values.push(value.to_owned());
        }
    }
    unit
}

fn service() -> BTreeMap<String, Vec<String>> {
    let unit = unit(&read("systemd/parkgate.service"));
    let in_service = unit
        .into_iter()
        .filter(|((section, _), _)| section == "Service");
    in_service.map(|((_, key), values)| (key, values)).collect()
}

#[test]
fn the_service_says_when_it_serves_and_is_started_again_if_it_does_not() {
    let service = service();
    for (key, value) in [
        ("Type", "notify"),
        ("WatchdogSec", "60s"),
        ("Restart", "always"),
        ("RestartPreventExitStatus", "78"),
        ("User", "parkgate"),
        ("StateDirectory", "parkgate"),
        ("RuntimeDirectory", "parkgate"),
        ("ProtectSystem", "strict"),
        ("CapabilityBoundingSet", ""),
        ("NoNewPrivileges", "true"),
        ("DevicePolicy", "closed"),
    ] {
        assert_eq!(service[key], [value], "{key}");
    }
    let start = &service["ExecStart"][0];
    assert!(
        start.ends_with("/parkgate run --config /etc/parkgate/parkgate.toml"),
        "{start}"
    );
}

/// Each of these looks like good hardening, and would cost money without a word.
#[test]
fn the_service_may_ask_for_what_the_clock_needs() {
    let service = service();
    assert!(
        !service.contains_key("ProtectClock"),
        "adjtimex says whether the time is believed"
    );
    assert!(
        !service.contains_key("ProcSubset"),
        "/proc/sys has the boot id"
    );
    let filters = &service["SystemCallFilter"];
    assert_eq!(filters[0], "@system-service");
    assert!(
        filters.last().unwrap().contains("clock_adjtime"),
        "{filters:?}"
    );
}

#[test]
fn the_service_has_the_folders_that_the_configuration_names() {
    let config = Config::parse(&read("firmware-config/parkgate.toml"), "parkgate.toml").unwrap();
    assert_eq!(
        config.store.path,
        Path::new("/var/lib").join(&service()["StateDirectory"][0])
    );
    let run = Path::new("/run").join(&service()["RuntimeDirectory"][0]);
    assert!(config.control.socket.starts_with(run));
}

#[test]
fn systemd_itself_finds_no_fault() {
    let verify = |arguments: &[&str]| {
        Command::new("systemd-analyze")
            .args(arguments)
            .stdin(Stdio::null())
            .output()
    };
    if verify(&["--version"]).is_err() {
        return skip("systemd-analyze");
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("parkgate.service");
    // It looks for the program.
    let text = read("systemd/parkgate.service").replace("/usr/local/bin/parkgate", "/bin/sh");
    fs::write(&file, text).unwrap();
    let file = file.to_str().unwrap();
    for arguments in [
        &["verify", "--man=no", file][..],
        &["security", "--offline=true", "--threshold=25", file],
    ] {
        let output = verify(arguments).unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        assert!(!said.contains("parkgate.service:"), "{said}");
    }
}

#[test]
fn the_user_has_its_folders() {
    let users = read("firmware-config/generic/usr/lib/sysusers.d/parkgate.conf");
    let kinds: Vec<&str> = lines(&users)
        .filter_map(|line| line.split(' ').next())
        .collect();
    assert_eq!(kinds, ["u", "m"]);
    assert!(users.contains("u parkgate -"));
    let folders = read("firmware-config/generic/usr/lib/tmpfiles.d/parkgate.conf");
    let mut modes = BTreeMap::new();
    for line in lines(&folders) {
        let cells: Vec<&str> = line.split_whitespace().collect();
        let [kind, path, mode, owner, group, age] = cells[..] else {
            panic!("{line}");
        };
        assert_eq!((kind, age), ("d", "-"), "nothing is cleaned by age: {line}");
        assert!(u32::from_str_radix(mode, 8).unwrap() & 0o007 == 0, "{line}");
        modes.insert(path, (mode, owner, group));
    }
    assert_eq!(modes["/etc/parkgate/secrets"], ("0700", "root", "root"));
    assert_eq!(modes["/var/lib/parkgate"], ("0750", "parkgate", "parkgate"));
}

#[test]
fn serial_lines_have_names_of_their_own() {
    let rules = read("firmware-config/generic/etc/udev/rules.d/60-parkgate.rules");
    let mut names = Vec::new();
    for line in lines(&rules) {
        for part in line.split(", ") {
            let (key, value) = part.split_once('=').unwrap_or_else(|| panic!("{line}"));
            let known = [
                "SUBSYSTEM",
                "ENV{ID_PATH}",
                "KERNEL",
                "SYMLINK+",
                "GROUP",
                "MODE",
            ];
            assert!(known.contains(&key), "{key} in {line}");
            let value = value.trim_start_matches('=');
            assert!(value.starts_with('"') && value.ends_with('"'), "{line}");
            if key == "SYMLINK+" {
                names.push(value.to_owned());
            }
        }
    }
    assert_eq!(names, ["\"parkgate/rs485-1\"", "\"parkgate/rs485-2\""]);
}

#[test]
fn the_journal_has_a_limit() {
    let journal = unit(&read(
        "firmware-config/generic/etc/systemd/journald.conf.d/parkgate.conf",
    ));
    let key = |name: &str| ("Journal".to_owned(), name.to_owned());
    assert_eq!(journal[&key("RuntimeMaxUse")], ["16M"]);
    assert_eq!(journal[&key("Storage")], ["volatile"]);
}

#[test]
fn the_clock_is_set_at_once() {
    let chrony = read("firmware-config/generic/etc/chrony/conf.d/parkgate.conf");
    let known = ["pool", "makestep", "rtcsync", "driftfile", "allow"];
    for line in lines(&chrony) {
        assert!(known.contains(&line.split(' ').next().unwrap()), "{line}");
    }
    assert!(lines(&chrony).any(|line| line == "makestep 1.0 3"));
}

#[tokio::test]
async fn mosquitto_takes_its_file() {
    use crate::broker::tests::mosquitto::Mosquitto;
    let text = read("firmware-config/generic/etc/mosquitto/conf.d/parkgate.conf");
    let config = Config::parse(&read("firmware-config/parkgate.toml"), "parkgate.toml").unwrap();
    let own = format!(
        "listener {} {}",
        config.mqtt.broker.port, config.mqtt.broker.host
    );
    assert!(lines(&text).any(|line| line == own), "parkgate finds it");
    let without_listeners: Vec<&str> = lines(&text)
        .filter(|line| !line.starts_with("listener "))
        .collect();
    let folder = tempfile::tempdir().unwrap();
    // It ends at the first key that it does not know.
    Mosquitto::start(folder.path(), &without_listeners.join("\n")).await;
}

#[test]
fn every_file_of_the_profile_is_told_of() {
    let told = read("firmware-config/README.md");
    let profile = root().join("firmware-config/generic");
    let mut folders = vec![profile.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let name = path.strip_prefix(&profile).unwrap().display().to_string();
            assert!(told.contains(&format!("`{name}`")), "{name}");
        }
    }
}

#[test]
fn cross_knows_the_targets_of_the_boxes() {
    let cross: toml::Table = read("cross.toml").parse().unwrap();
    let targets: Vec<&String> = cross["target"].as_table().unwrap().keys().collect();
    assert_eq!(targets.len(), 4, "{targets:?}");
    for target in targets {
        let known = ["aarch64-unknown-linux-", "armv7-unknown-linux-"];
        assert!(
            known.iter().any(|known| target.starts_with(known)),
            "{target}"
        );
    }
}

/// Without comments and empty lines.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    let lines = text.lines().map(str::trim);
    lines.filter(|line| !line.is_empty() && !line.starts_with('#'))
}

fn skip(tool: &str) {
    let required = std::env::var_os("PARKGATE_REQUIRE_TOOLS").is_some();
    assert!(!required, "{tool} is not installed");
    eprintln!("SKIPPED: {tool} is not installed");
}
