use std::io::{Cursor, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustls::pki_types::CertificateSigningRequestDer;
use rustls::pki_types::pem::PemObject;
use tempfile::TempDir;
use x509_parser::prelude::FromDer;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::*;
use crate::wechat::Secret;

const KEY: &str = include_str!("../sim/material/throwaway_merchant_key.pem");
const CERTIFICATE: &str = include_str!("../sim/material/throwaway_merchant_cert.pem");
const PUBLIC_KEY: &str = include_str!("../sim/material/throwaway_wechatpay_pub.pem");
const OTHER_KEY: &str = include_str!("../sim/material/throwaway_platform_1_key.pem");
const OTHER_CERTIFICATE: &str = include_str!("../sim/material/throwaway_platform_1_cert.pem");
const SERIAL: &str = "5157F09EFDC096DE15EBE81A47057A7232F1B8E1";

/// Passwords to try, and how often one was asked for.
struct Passwords(Vec<&'static str>, usize);

impl Password for Passwords {
    fn next(&mut self, _file: &str) -> Option<Secret> {
        self.1 += 1;
        (!self.0.is_empty()).then(|| Secret::new(self.0.remove(0)))
    }
}

fn none() -> Passwords {
    Passwords(Vec::new(), 0)
}

fn folder(files: &[(&str, &[u8])]) -> (TempDir, Vec<PathBuf>) {
    let folder = tempfile::tempdir().unwrap();
    let paths = files.iter().map(|(name, bytes)| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    });
    let paths = paths.collect();
    (folder, paths)
}

fn archive(files: &[(&str, &[u8])], method: CompressionMethod) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        let options = SimpleFileOptions::default().compression_method(method);
        zip.start_file(*name, options).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn kinds(bundle: &Bundle) -> Vec<(String, &'static str)> {
    let found = bundle.found.iter();
    found.map(|it| (it.file.clone(), it.piece.id())).collect()
}

#[test]
fn files_are_told_by_what_they_hold_and_not_by_their_names() {
    let (_folder, paths) = folder(&[
        ("apiclient_cert.pem", KEY.as_bytes()),
        ("apiclient_key.pem", CERTIFICATE.as_bytes()),
        ("pub_key.pem", PUBLIC_KEY.as_bytes()),
        ("v3.txt", b"0123456789abcdefghijABCDEFGHIJ9z\n"),
        ("notes.txt", "证书使用说明".as_bytes()),
    ]);
    let bundle = open(&paths, &mut none()).unwrap();
    let kinds = kinds(&bundle);
    let kinds: Vec<_> = kinds.iter().map(|(file, kind)| (&**file, *kind)).collect();
    assert_eq!(
        kinds,
        [
            ("apiclient_cert.pem", "private_key"),
            ("apiclient_key.pem", "certificate"),
            ("pub_key.pem", "public_key"),
            ("v3.txt", "api_v3_key"),
            ("notes.txt", "unknown"),
        ]
    );
    let pair = choose(&bundle.found).unwrap();
    assert_eq!(pair.certificate.serial, SERIAL);
    assert_eq!(pair.certificate.subject, "1900009191");
    let shown = format!("{bundle:?}");
    assert!(!shown.contains("PRIVATE"), "{shown}");
}

#[test]
fn a_zip_of_the_tool_is_opened_with_and_without_compression() {
    let files: [(&str, &[u8]); 3] = [
        ("1900009191_cert/apiclient_key.pem", KEY.as_bytes()),
        ("1900009191_cert/apiclient_cert.pem", CERTIFICATE.as_bytes()),
        ("1900009191_cert/证书使用说明.txt", b"read me"),
    ];
    let (_folder, paths) = folder(&[("stored.zip", &archive(&files, CompressionMethod::Stored))]);
    let bundle = open(&paths, &mut none()).unwrap();
    assert_eq!(kinds(&bundle)[0].0, "stored.zip/apiclient_key.pem");
    assert!(choose(&bundle.found).is_ok());

    // As another program packs it.
    let Some((folder, zip)) = packed_by_another(&files) else {
        return;
    };
    let bundle = open(&[zip], &mut none()).unwrap();
    assert!(choose(&bundle.found).is_ok(), "{:?}", kinds(&bundle));
    drop(folder);
}

/// Deflated by Python, as most packers do.
fn packed_by_another(files: &[(&str, &[u8])]) -> Option<(TempDir, PathBuf)> {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("in");
    for (name, bytes) in files {
        let path = inner.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    let zip = folder.path().join("cert.zip");
    let ran = tool("python3", |python| {
        python
            .args(["-m", "zipfile", "-c"])
            .arg(&zip)
            .arg(inner.join("1900009191_cert"))
    });
    ran.then_some((folder, zip))
}

/// Runs a tool; false where the machine has none and does not have to.
fn tool(name: &str, arguments: impl FnOnce(&mut Command) -> &mut Command) -> bool {
    let mut command = Command::new(name);
    arguments(&mut command);
    match command.output() {
        Ok(output) => {
            assert!(output.status.success(), "{output:?}");
            true
        }
        Err(_) => {
            assert!(
                std::env::var_os("PARKGATE_REQUIRE_TOOLS").is_none(),
                "{name} is missing"
            );
            eprintln!("NOT CHECKED: {name} is not here");
            false
        }
    }
}

#[test]
fn a_p12_of_openssl_opens_with_the_merchant_id_and_says_so_when_it_does_not() {
    let (folder, paths) = folder(&[
        ("key.pem", KEY.as_bytes()),
        ("cert.pem", CERTIFICATE.as_bytes()),
    ]);
    // What the certificate tool is likely to write, and what openssl writes today.
    for (name, how) in [
        (
            "old.p12",
            &[
                "-keypbe",
                "PBE-SHA1-3DES",
                "-certpbe",
                "PBE-SHA1-3DES",
                "-macalg",
                "sha1",
            ][..],
        ),
        ("new.p12", &[][..]),
    ] {
        let p12 = folder.path().join(name);
        let ran = tool("openssl", |openssl| {
            openssl
                .args([
                    "pkcs12",
                    "-export",
                    "-passout",
                    "pass:1900009191",
                    "-name",
                    "Tenpay Certificate",
                ])
                .args(how)
                .arg("-inkey")
                .arg(&paths[0])
                .arg("-in")
                .arg(&paths[1])
                .arg("-out")
                .arg(&p12)
        });
        if !ran {
            return;
        }
        let mut passwords = Passwords(vec!["wrong", "1900009191", "not asked"], 0);
        let bundle = open(std::slice::from_ref(&p12), &mut passwords).unwrap();
        assert_eq!(passwords.1, 2, "until one fits");
        let pair = choose(&bundle.found).unwrap();
        assert_eq!(pair.certificate.serial, SERIAL, "{name}");
        let again = Key::from_pem(pair.key.pem.clone()).unwrap();
        assert_eq!(
            again.public, pair.key.public,
            "the PEM written of it is whole"
        );

        let bundle = open(&[p12], &mut Passwords(vec!["wrong"], 0)).unwrap();
        assert_eq!(kinds(&bundle)[0].1, "locked");
        assert!(matches!(choose(&bundle.found), Err(PairFault::Locked)));
    }
}

/// As `openssl pkcs12 -legacy -export` packs it, which today's openssl opens only with its legacy provider.
#[test]
fn a_p12_of_old_tools_under_rc2_opens_without_any_openssl() {
    for (name, bytes) in [
        (
            "legacy",
            &include_bytes!("../../tests/fixtures/p12/throwaway-legacy.p12")[..],
        ),
        (
            "rc2-40",
            include_bytes!("../../tests/fixtures/p12/throwaway-rc2-40.p12"),
        ),
        (
            "rc2-128",
            include_bytes!("../../tests/fixtures/p12/throwaway-rc2-128.p12"),
        ),
    ] {
        let (_folder, paths) = folder(&[("old.p12", bytes)]);
        let bundle = open(&paths, &mut Passwords(vec!["1900009191"], 0)).unwrap();
        let pair = choose(&bundle.found).unwrap();
        assert_eq!(pair.certificate.serial, SERIAL, "{name}");
        let bundle = open(&paths, &mut Passwords(vec!["1900009192"], 0)).unwrap();
        assert!(
            matches!(choose(&bundle.found), Err(PairFault::Locked)),
            "{name}"
        );
    }
}

#[test]
fn what_does_not_belong_together_is_no_pair() {
    let fault = |files: &[(&str, &[u8])]| {
        let (_folder, paths) = folder(files);
        let bundle = open(&paths, &mut none()).unwrap();
        let fault = choose(&bundle.found).unwrap_err();
        assert!(!fault.told().zh.is_ascii());
        fault.told().en
    };
    let (key, certificate) = (KEY.as_bytes(), CERTIFICATE.as_bytes());
    let other = OTHER_CERTIFICATE.as_bytes();
    assert!(fault(&[("c.pem", certificate)]).contains("no private key"));
    assert!(fault(&[("k.pem", key)]).contains("no certificate"));
    let mismatch = fault(&[("k.pem", key), ("c.pem", other)]);
    assert!(
        mismatch.contains("3775B6A45ACD588826D15E583A95F5DD00000001"),
        "{mismatch}"
    );
    let both = fault(&[
        ("k1.pem", key),
        ("c1.pem", certificate),
        ("k2.pem", OTHER_KEY.as_bytes()),
        ("c2.pem", other),
    ]);
    assert!(both.contains("more than one pair"), "{both}");
    let encrypted =
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAA==\n-----END ENCRYPTED PRIVATE KEY-----\n";
    assert!(fault(&[("k.pem", encrypted.as_bytes()), ("c.pem", certificate)]).contains("password"));

    // One pair in two files is one pair.
    let whole = format!("{KEY}{CERTIFICATE}");
    let (_folder, paths) = folder(&[("a.pem", whole.as_bytes()), ("b.pem", whole.as_bytes())]);
    assert!(choose(&open(&paths, &mut none()).unwrap().found).is_ok());
}

#[test]
fn rubbish_is_nothing_of_use_and_harms_nobody() {
    let torn = &KEY.as_bytes()[..KEY.len() / 2];
    let zip = archive(&[("k.pem", KEY.as_bytes())], CompressionMethod::Stored);
    let torn_zip = &zip[..zip.len() / 2];
    let files: [(&str, &[u8]); 4] = [
        ("empty", b""),
        ("torn.pem", torn),
        ("p12.p12", &[0x30, 0x82, 0x01, 0x00, 0x02, 0x01, 0x03, 0x30]),
        ("bytes", &[0xFF; 100]),
    ];
    let (folder, paths) = folder(&files);
    let bundle = open(&[folder.path().to_owned()], &mut Passwords(vec!["1"], 0)).unwrap();
    assert_eq!(bundle.found.len(), paths.len());
    assert!(choose(&bundle.found).is_err());
    let broken = folder.path().join("broken.zip");
    std::fs::write(&broken, torn_zip).unwrap();
    let fault = open(&[broken], &mut none()).unwrap_err();
    assert!(fault.told().en.contains("unpack it"));
    let missing = open(&[PathBuf::from("/nonexistent/x")], &mut none()).unwrap_err();
    assert!(missing.told().en.contains("/nonexistent/x"));
}

#[test]
fn a_pair_is_kept_for_its_owner_alone_and_replaced_only_by_force() {
    let folder = tempfile::tempdir().unwrap();
    let target = |name: &str, force| Target {
        file: folder.path().join(name),
        force,
        owner: None,
    };
    let mode = |file: &Path| std::fs::metadata(file).unwrap().permissions().mode() & 0o777;
    let (key, certificate) = (target("key.pem", false), target("cert.pem", false));
    let kept = keep_pair((&key, KEY), (&certificate, CERTIFICATE)).unwrap();
    assert_eq!(kept, (Kept::Written, Kept::Written));
    assert_eq!((mode(&key.file), mode(&certificate.file)), (0o600, 0o600));

    // Again, with a mode that somebody loosened.
    std::fs::set_permissions(&key.file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let kept = keep_pair((&key, KEY), (&certificate, CERTIFICATE)).unwrap();
    assert_eq!(kept, (Kept::Same, Kept::Same));
    assert_eq!(mode(&key.file), 0o600);

    // Nothing of the two is changed where one must not be.
    std::fs::remove_file(&certificate.file).unwrap();
    let fault = keep_pair((&certificate, OTHER_CERTIFICATE), (&key, OTHER_KEY)).unwrap_err();
    assert!(matches!(fault, KeepFault::Exists { .. }));
    assert!(fault.told().zh.contains("--force"));
    assert!(!certificate.file.exists());
    assert_eq!(std::fs::read_to_string(&key.file).unwrap(), KEY);

    let (key, certificate) = (target("key.pem", true), target("cert.pem", true));
    let kept = keep_pair((&key, OTHER_KEY), (&certificate, OTHER_CERTIFICATE)).unwrap();
    assert_eq!(kept, (Kept::Replaced, Kept::Written));
    assert_eq!(std::fs::read_to_string(&key.file).unwrap(), OTHER_KEY);
    let old = previous(&key.file);
    assert_eq!(std::fs::read_to_string(&old).unwrap(), KEY);
    assert_eq!(mode(&old), 0o600);
    let names = std::fs::read_dir(folder.path()).unwrap();
    assert_eq!(names.count(), 3, "no temporary file stays");
}

#[test]
fn a_request_is_signed_by_its_key_and_names_the_merchant() {
    let made = make("1900009191").unwrap();
    let key = Key::from_pem(made.key.clone()).unwrap();
    let der = CertificateSigningRequestDer::from_pem_slice(made.request.as_bytes()).unwrap();
    let (rest, request) =
        x509_parser::certification_request::X509CertificationRequest::from_der(&der).unwrap();
    assert!(rest.is_empty());
    let info = &request.certification_request_info;
    assert_eq!(info.subject.to_string(), "C=CN, CN=1900009191");
    assert_eq!(
        crate::wechat::RsaPublicKey::from_spki_der(info.subject_pki.raw).unwrap(),
        key.public
    );
    assert!(!format!("{made:?}").contains("PRIVATE"));

    let (_folder, paths) = folder(&[("r.csr", made.request.as_bytes())]);
    tool("openssl", |openssl| {
        openssl
            .args(["req", "-verify", "-noout", "-in"])
            .arg(&paths[0])
    });
    let bundle = open(&paths, &mut none()).unwrap();
    assert_eq!(kinds(&bundle)[0].1, "certificate_request");
}
