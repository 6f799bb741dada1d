use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use super::super::{MissingSecret, read_secret, readable_by_others};

#[test]
fn a_secret_comes_without_its_line_end() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("apiv3.key");
    fs::write(&file, "0123456789abcdef0123456789abcdef\r\n").unwrap();
    assert_eq!(
        read_secret(&file).unwrap().as_str(),
        "0123456789abcdef0123456789abcdef"
    );
}

#[test]
fn what_is_no_secret_says_why_without_its_content() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("apiv3.key");
    let failure = || read_secret(&file).unwrap_err();
    assert!(matches!(failure(), MissingSecret::Unreadable { .. }));
    fs::write(&file, " \n").unwrap();
    assert!(matches!(failure(), MissingSecret::Empty { .. }));
    fs::write(&file, b"\xffsecret").unwrap();
    assert!(matches!(failure(), MissingSecret::NotText { .. }));
    assert!(!format!("{:?} {}", failure(), failure()).contains("secret\""));
    fs::write(&file, vec![b'x'; 70_000]).unwrap();
    assert!(matches!(failure(), MissingSecret::TooLarge { .. }));
    assert!(read_secret(folder.path()).is_err());
}

#[test]
fn only_the_owner_and_the_group_should_read_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("apiv3.key");
    fs::write(&file, "x").unwrap();
    for (mode, open) in [(0o600, false), (0o440, false), (0o644, true), (0o604, true)] {
        fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
        assert_eq!(
            readable_by_others(&fs::metadata(&file).unwrap()),
            open,
            "{mode:o}"
        );
    }
}

#[test]
fn a_credential_stands_in_the_configuration_by_its_name() {
    let with = |name: &str| super::SHORTEST.replace("/k.pem", name);
    let config = super::super::Config::parse(&with("credential:apiclient_key"), "").unwrap();
    let file = &config.merchant.private_key_file;
    assert_eq!(file.to_str(), Some("credential:apiclient_key"));
    for name in [
        "credential:",
        "credential:../k",
        "credential:.k",
        "credential:/k",
        "k.pem",
    ] {
        assert_ne!(super::faults_of(&with(name)), "no faults", "{name}");
    }
}
