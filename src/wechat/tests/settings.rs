use super::super::tests::vectors::{PLATFORM, settings, text, vectors};
use super::*;

#[test]
fn good_settings_pass_either_way() {
    let vectors = vectors();
    let merchant = &vectors["material"]["merchant"];
    let checked = settings(&["https://a", "https://b"]).check().unwrap();
    assert_eq!(checked.credentials.serial, text(&merchant["serial_no"]));
    assert_eq!(checked.certificate_ends, Some(Wall(2_335_219_200_000)));

    let mut by_serial = settings(&["https://a"]);
    let lower = text(&merchant["serial_no"]).to_lowercase();
    by_serial.certificate = MerchantCertificate::Serial(format!(" {lower}\n"));
    let checked = by_serial.check().unwrap();
    assert_eq!(checked.credentials.serial, text(&merchant["serial_no"]));
    assert_eq!(checked.certificate_ends, None);
}

#[test]
fn each_fault_names_the_culprit_and_the_fix() {
    let vectors = vectors();
    let material = &vectors["material"];
    let other_key = text(&material[PLATFORM]["private_key_pem_pkcs8"]);
    let own_certificate = text(&material["merchant"]["cert_pem"]);
    let own_public_key = text(&material["merchant"]["public_key_pem"]);
    let key = |pem: &str| MerchantKey::Pem(Secret::new(pem));
    let fault = |change: &dyn Fn(&mut Settings)| {
        let mut settings = settings(&["https://a", "https://b"]);
        change(&mut settings);
        let fault = settings.check().err().unwrap();
        match std::error::Error::source(&fault) {
            Some(source) => format!("{fault}: {source}"),
            None => fault.to_string(),
        }
    };
    let cases = [
        (fault(&|s| s.mchid = "wx12".into()), "mchid \"wx12\""),
        (
            fault(&|s| s.key = key(own_certificate)),
            "a certificate where a private key belongs",
        ),
        (
            fault(&|s| s.key = key("")),
            "private key cannot be used: give apiclient_key.pem",
        ),
        (fault(&|s| s.key = key(other_key)), "5157F09E"),
        (
            fault(&|s| s.certificate = MerchantCertificate::Pem(other_key.into())),
            "a private key where a certificate belongs",
        ),
        (
            fault(&|s| s.certificate = MerchantCertificate::Serial("xyz".into())),
            "\"xyz\" is not up to 40 hex digits",
        ),
        (
            fault(&|s| s.api_v3_keys.push(Secret::new("hunter2"))),
            "APIv3 key no. 2 has 7 characters",
        ),
        (fault(&|s| s.api_v3_keys.clear()), "no APIv3 key is given"),
        (
            fault(&|s| public_key(s).id = "0114232134912410000000000000".into()),
            "PUB_KEY_ID_ included",
        ),
        (
            fault(&|s| public_key(s).pem = own_certificate.into()),
            "a certificate where a public key belongs",
        ),
        (
            fault(&|s| public_key(s).pem = own_public_key.into()),
            "the merchant's own",
        ),
        (
            fault(&|s| {
                s.public_key = None;
                s.platform_certificates = false;
            }),
            "nothing to verify answers with",
        ),
        (fault(&|s| s.base_urls.clear()), "no base URL"),
        (
            fault(&|s| s.base_urls[1] = "http://api.mch.weixin.qq.com".into()),
            "base URL no. 2 cannot be used: only https://",
        ),
        (fault(&|s| s.ca_pem = Some("roots".into())), "ca_file"),
        (fault(&|s| s.proxy = Some("::".into())), "http://host:port"),
        (fault(&|s| s.user_agent = " ".into()), "user agent"),
        (fault(&|s| s.user_agent = "a\nb".into()), "user agent"),
    ];
    for (message, expected) in cases {
        assert!(message.contains(expected), "{message}");
        assert!(
            !message.contains("hunter2") && !message.contains("MII"),
            "{message}"
        );
    }
}

#[test]
fn debug_shows_no_secret() {
    let shown = format!("{:?}", settings(&["https://a"]));
    let material = &vectors()["material"];
    assert!(!shown.contains(text(&material["apiv3_key"])), "{shown}");
    assert!(!shown.contains("PRIVATE KEY"), "{shown}");
}

fn public_key(settings: &mut Settings) -> &mut PublicKey {
    settings.public_key.as_mut().unwrap()
}
