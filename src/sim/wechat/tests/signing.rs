//! Signatures and ciphers against vectors computed with other libraries.

use aes_gcm::aead::{Aead, Nonce, Payload};
use aes_gcm::{Aes256Gcm, KeyInit};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::*;

#[test]
fn every_request_vector_passes_the_signature_check() {
    for vector in list("request_signatures") {
        let mut simulator = Simulator::new(material::settings(1));
        let answer = simulator
            .handle(&request_of(&vector), stands_at(&vector))
            .answer
            .unwrap();
        assert_ne!(
            answer.status,
            401,
            "{}: {}",
            vector["name"],
            json_of(&answer)
        );
    }
}

#[test]
fn request_vectors_of_the_parking_calls_are_served() {
    let mut simulator = Simulator::new(material::settings(1));
    let mut status = |name: &str| {
        let vectors = list("request_signatures");
        let vector = vectors.iter().find(|v| v["name"] == name).unwrap();
        simulator
            .handle(&request_of(vector), stands_at(vector))
            .answer
            .unwrap()
            .status
    };
    assert_eq!(status("find_direct"), 200);
    assert_eq!(status("create_entry_direct"), 200);
    assert_eq!(status("certificates"), 200);
    assert_eq!(status("query_direct"), 404);
}

#[test]
fn partner_vectors_are_served_in_partner_mode_only() {
    for (partner, served) in [(true, 200), (false, 400)] {
        let mut settings = material::settings(1);
        if partner {
            settings
                .merchant
                .sub_merchants
                .insert(material::SUB_MCHID.into(), ["wx1".into()].into());
        }
        let mut simulator = Simulator::new(settings);
        let vectors = list("request_signatures");
        let vector = vectors.iter().find(|v| v["name"] == "find_partner");
        let vector = vector.unwrap();
        let exchange = simulator.handle(&request_of(vector), stands_at(vector));
        assert_eq!(exchange.answer.unwrap().status, served);
    }
}

#[test]
fn negative_request_vectors_are_refused_with_detail() {
    let positives = list("request_signatures");
    for vector in list("request_signatures_negative") {
        let target = vector["wire_request_target"].as_str().unwrap();
        let twin = positives
            .iter()
            .find(|v| v["request_target"] == target)
            .unwrap();
        let mut request = request_of(twin);
        for (name, value) in &mut request.headers {
            if name == "Authorization" {
                let good = twin["signature"].as_str().unwrap();
                *value = value.replace(good, vector["signature"].as_str().unwrap());
            }
        }
        let mut simulator = Simulator::new(material::settings(1));
        let answer = simulator.handle(&request, stands_at(twin)).answer.unwrap();
        assert_refused(&answer, 401, "SIGN_ERROR");
        let body = json_of(&answer);
        assert_eq!(text(&body, "/detail/issue"), "sign not match");
        assert_eq!(text(&body, "/detail/sign_information/url"), target);
        assert_eq!(simulator.books().violations.len(), 1);
    }
}

#[test]
fn answer_vectors_are_reproduced_byte_for_byte() {
    let seal = material::seal();
    for vector in list("response_signatures") {
        let header = |name: &str| vector["headers"][name].as_str().unwrap();
        let verify_string = vector["verify_string"].as_str().unwrap();
        let text = answer::signed_text(
            header("Wechatpay-Timestamp"),
            header("Wechatpay-Nonce"),
            vector["body"].as_str().unwrap().as_bytes(),
        );
        assert_eq!(text, verify_string.as_bytes(), "{}", vector["name"]);

        let serial = header("Wechatpay-Serial");
        let expected = header("Wechatpay-Signature");
        let valid = vector["expect_valid"].as_bool().unwrap();
        let made = seal.sign_answer(serial, &text).unwrap();
        assert_eq!(made == expected, valid, "{}", vector["name"]);
        assert_eq!(seal.verify_answer(serial, &text, expected), valid);
    }
}

#[test]
fn ciphers_are_reproduced_byte_for_byte() {
    let key = material::API_V3_KEY.as_bytes().first_chunk().unwrap();
    for vector in list("aes_gcm") {
        let field = |name: &str| vector[name].as_str().unwrap();
        let sealed = certificates::encrypt(
            key,
            field("nonce"),
            field("associated_data"),
            field("plaintext"),
        );
        assert_eq!(sealed, field("ciphertext_base64"), "{}", vector["name"]);
    }
}

#[test]
fn downloaded_certificates_decrypt_to_the_material() {
    let mut world = World::new();
    let answer = world.get("/v3/certificates");
    let body = json_of(&answer);
    let listed = body["data"].as_array().unwrap();
    let expected = [
        (
            material::PLATFORM_SERIAL_1,
            material::PLATFORM_CERTIFICATE_1,
        ),
        (
            material::PLATFORM_SERIAL_2,
            material::PLATFORM_CERTIFICATE_2,
        ),
    ];
    assert_eq!(listed.len(), expected.len());
    for (item, (serial, pem)) in listed.iter().zip(expected) {
        assert_eq!(text(item, "/serial_no"), serial);
        assert_eq!(text(item, "/effective_time"), "2024-01-01T08:00:00+08:00");
        assert_eq!(text(item, "/expire_time"), "2044-01-01T08:00:00+08:00");
        let cipher = &item["encrypt_certificate"];
        assert_eq!(decrypt(cipher), pem.as_bytes());
    }
}

#[test]
fn public_key_only_merchants_have_no_certificates() {
    let mut world = World::new();
    world.settings().trust.mode = TrustMode::PublicKey;
    let answer = world.get("/v3/certificates");
    assert_refused(&answer, 404, "RESOURCE_NOT_EXISTS");
    assert_eq!(
        answer.header("Wechatpay-Serial"),
        Some(material::PUBLIC_KEY_ID)
    );
}

#[test]
fn the_signing_key_follows_the_trust_mode() {
    let mut world = World::new();
    let mut naming = Request::get("/v3/certificates");
    naming
        .headers
        .push(("Wechatpay-Serial".into(), material::PUBLIC_KEY_ID.into()));
    let plain = Request::get("/v3/certificates");
    let serial = |world: &mut World, request: &Request| {
        let answer = world.answer(request);
        assert!(world.simulator.verify(&answer));
        answer.header("Wechatpay-Serial").unwrap().to_owned()
    };

    world.settings().trust.mode = TrustMode::Both;
    assert_eq!(serial(&mut world, &naming), material::PUBLIC_KEY_ID);
    assert_eq!(serial(&mut world, &plain), material::PLATFORM_SERIAL_1);
    world.settings().trust.mode = TrustMode::Certificates;
    assert_eq!(serial(&mut world, &naming), material::PLATFORM_SERIAL_1);
    world.settings().trust.signing = vec![material::PLATFORM_SERIAL_2.into()];
    assert_eq!(serial(&mut world, &plain), material::PLATFORM_SERIAL_2);

    world.settings().trust.mode = TrustMode::Mixed;
    world.settings().trust.signing = vec![
        material::PLATFORM_SERIAL_1.into(),
        material::PLATFORM_SERIAL_2.into(),
    ];
    let seen: BTreeSet<String> = (0..40).map(|_| serial(&mut world, &plain)).collect();
    assert_eq!(seen.len(), 3, "{seen:?}");
}

#[test]
fn a_rotation_goes_from_one_certificate_over_two_to_the_next() {
    let mut world = World::new();
    let trust = world.settings().trust.clone().before_rotation();
    world.settings().trust = trust;
    let list = Request::get("/v3/certificates");
    let seen = |world: &mut World| {
        let listed = json_of(&world.answer(&list))["data"]
            .as_array()
            .unwrap()
            .len();
        let serials = (0..40).map(|_| {
            let answer = world.answer(&list);
            assert!(world.simulator.verify(&answer));
            answer.header("Wechatpay-Serial").unwrap().to_owned()
        });
        (listed, serials.collect::<BTreeSet<String>>())
    };
    let (first, second) = (material::PLATFORM_SERIAL_1, material::PLATFORM_SERIAL_2);
    let set = |serials: &[&str]| serials.iter().map(|it| (*it).to_owned()).collect();
    assert_eq!(seen(&mut world), (1, set(&[first])));
    world.settings().trust.rotate();
    assert_eq!(seen(&mut world), (2, set(&[first, second])));
    world.settings().trust.retire_old();
    assert_eq!(seen(&mut world), (1, set(&[second])));
    world.settings().trust.switch_to_public_key();
    assert_refused(&world.answer(&list), 404, "RESOURCE_NOT_EXISTS");
}

#[test]
fn an_unknown_serial_is_of_no_key_that_is_listed() {
    let mut world = World::new();
    world
        .simulator
        .faults_mut()
        .next
        .push_back(Fault::UnknownSerial);
    let answer = world.answer(&Request::get("/v3/certificates"));
    assert!(!world.simulator.verify(&answer));
    let named = answer.header("Wechatpay-Serial").unwrap().to_owned();
    assert!(!String::from_utf8(answer.body).unwrap().contains(&named));
}

#[test]
fn answers_are_signed_with_rsa_and_carry_their_headers() {
    let mut simulator = Simulator::new(material::settings(1));
    let vectors = list("request_signatures");
    let vector = vectors.iter().find(|v| v["name"] == "create_entry_direct");
    let vector = vector.unwrap();
    let mut answer = simulator
        .handle(&request_of(vector), stands_at(vector))
        .answer
        .unwrap();
    assert!(simulator.verify(&answer));
    assert_eq!(
        answer.header("wechatpay-timestamp"),
        vector["timestamp"].as_str()
    );
    assert!(answer.header("Request-ID").unwrap().ends_with("-0"));
    assert_eq!(answer.header("Date"), Some("Mon, 24 Nov 2025 16:00:10 GMT"));
    answer.body.push(b' ');
    assert!(!simulator.verify(&answer));
}

#[test]
fn the_fixture_and_the_material_are_the_same_keys() {
    let material = vectors()["material"].clone();
    let text = |pointer: &str| text(&material, pointer).to_owned();
    assert_eq!(text("/mchid"), material::MCHID);
    assert_eq!(text("/appid"), material::APPID);
    assert_eq!(text("/sp_mode/sub_mchid"), material::SUB_MCHID);
    assert_eq!(text("/apiv3_key"), material::API_V3_KEY);
    assert_eq!(text("/merchant/serial_no"), material::MERCHANT_SERIAL);
    assert_eq!(
        text("/merchant/private_key_pem_pkcs8"),
        material::MERCHANT_KEY
    );
    assert_eq!(text("/merchant/cert_pem"), material::MERCHANT_CERTIFICATE);
    assert_eq!(text("/test_root_ca_cert_pem"), material::ROOT_CERTIFICATE);
    assert_eq!(
        text("/wechatpay_public_key/public_key_id"),
        material::PUBLIC_KEY_ID
    );
    assert_eq!(
        text("/wechatpay_public_key/public_key_pem"),
        material::PUBLIC_KEY
    );
}

fn vectors() -> Value {
    let file = include_str!("../../../../tests/fixtures/wechat-vectors.json");
    serde_json::from_str(file).unwrap()
}

fn list(name: &str) -> Vec<Value> {
    vectors()[name].as_array().unwrap().clone()
}

fn request_of(vector: &Value) -> Request {
    let field = |name: &str| vector[name].as_str().unwrap();
    let mut request = match field("method") {
        "GET" => Request::get(field("request_target")),
        _ => Request::post(field("request_target"), field("body")),
    };
    request
        .headers
        .push(("Authorization".into(), field("authorization").into()));
    request
}

fn stands_at(vector: &Value) -> Wall {
    let seconds: i64 = vector["timestamp"].as_str().unwrap().parse().unwrap();
    Wall(seconds * 1000)
}

fn decrypt(cipher: &Value) -> Vec<u8> {
    let key = material::API_V3_KEY.as_bytes().first_chunk().unwrap();
    let nonce = Nonce::<Aes256Gcm>::try_from(text(cipher, "/nonce").as_bytes()).unwrap();
    let payload = Payload {
        msg: &STANDARD.decode(text(cipher, "/ciphertext")).unwrap(),
        aad: text(cipher, "/associated_data").as_bytes(),
    };
    Aes256Gcm::new(<&aes_gcm::Key<Aes256Gcm>>::from(key as &[u8; 32]))
        .decrypt(&nonce, payload)
        .unwrap()
}
