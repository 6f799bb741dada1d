//! What the page is made of; it is looked at by people.

use serde_json::json;

use super::super::control::{PAGE, ROUTES};
use super::asking::World;
use crate::sim::http::Outage;
use crate::sim::wechat::{Call, CallbackFault, Fault, Outcome, RefundOutcome, TrustMode};

#[tokio::test]
async fn the_page_brings_everything_and_lets_nothing_else_in() {
    let world = World::start(|_| ()).await;
    let told = world.ask("GET", "/", None, &[]).await;
    assert_eq!(
        (told.status, told.header("content-type")),
        (200, Some("text/html; charset=utf-8"))
    );
    let policy = told.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'"), "{policy}");
    assert!(
        policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"),
        "{policy}"
    );
    let (_, rest) = policy.split_once("script-src 'nonce-").unwrap();
    let (nonce, _) = rest.split_once('\'').unwrap();
    assert_eq!(told.body.matches(&format!("nonce=\"{nonce}\"")).count(), 2);
    assert!(!told.body.contains("{{nonce}}"));
    let again = world.ask("GET", "/", None, &[]).await;
    assert!(
        !again
            .header("content-security-policy")
            .unwrap()
            .contains(nonce)
    );
}

#[test]
fn nothing_comes_from_elsewhere_and_nothing_becomes_markup() {
    for banned in [
        "http://",
        "https://",
        "//cdn",
        "src=",
        "@import",
        "innerHTML",
        "outerHTML",
        "insertAdjacent",
        "document.write",
        "eval(",
        "Function(",
        "onclick",
        "onerror",
        "javascript:",
        " style=",
    ] {
        assert!(!PAGE.contains(banned), "{banned}");
    }
}

#[test]
fn every_word_is_there_in_both_languages() {
    let (_, words) = PAGE.split_once("const WORDS = {").unwrap();
    let (words, _) = words.split_once("\n};").unwrap();
    let mut known = Vec::new();
    for line in words.lines().filter(|line| !line.trim().is_empty()) {
        let (name, forms) = line.trim().split_once(": {").unwrap();
        assert!(forms.contains("en: '") && forms.contains("zh: '"), "{line}");
        known.push(name);
    }
    let asked = PAGE
        .split("data-word=\"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next());
    let asked = asked.chain(
        PAGE.split("word('")
            .skip(1)
            .filter_map(|rest| rest.split('\'').next()),
    );
    let mut count = 0;
    for name in asked {
        assert!(known.contains(&name), "{name}");
        count += 1;
    }
    assert!(count > 40, "{count}");
}

#[test]
fn the_page_asks_for_what_is_served() {
    // Whole addresses, and the beginnings of those with a name in them.
    for start in ["'/", "`/"] {
        for rest in PAGE.split(start).skip(1) {
            let end = rest.find(['\'', '`', '?', '$']).unwrap();
            let (path, tail) = rest.split_at(end);
            let path = format!("/{path}");
            let served = match tail.starts_with('$') {
                true => ROUTES
                    .iter()
                    .any(|(_, known, _)| known.starts_with(&format!("{path}{{}}"))),
                false => ROUTES.iter().any(|(_, known, _)| *known == path),
            };
            assert!(served, "{path}");
        }
    }
}

#[test]
fn every_choice_of_the_page_is_one_and_is_documented() {
    let doc = include_str!("../../../../docs/sandbox.md");
    let with_number = choices("WITH_NUMBER");
    for name in choices("FAULTS") {
        let written = match with_number.contains(&name) {
            true => json!({ name: 1 }),
            false => json!(name),
        };
        read::<Fault>(written);
        assert!(doc.contains(&format!("\"{name}\"")), "{name}");
    }
    for name in choices("CALLBACK_FAULTS") {
        let written = match name {
            "late" => json!({ name: 1 }),
            name => json!(name),
        };
        read::<CallbackFault>(written);
        assert!(doc.contains(&format!("\"{name}\"")), "{name}");
    }
    for name in choices("CALLS").into_iter().filter(|name| !name.is_empty()) {
        read::<Call>(json!(name));
        assert!(doc.contains(&format!("\"{name}\"")), "{name}");
    }
    choices("OUTCOMES")
        .into_iter()
        .for_each(|name| read::<Outcome>(json!(name)));
    choices("OUTAGES")
        .into_iter()
        .for_each(|name| read::<Outage>(json!(name)));
    choices("TRUST")
        .into_iter()
        .for_each(|name| read::<TrustMode>(json!(name)));
    let outcomes = choices("REFUND_OUTCOMES").into_iter();
    outcomes.for_each(|name| read::<RefundOutcome>(json!(name)));
}

fn choices(list: &str) -> Vec<&'static str> {
    let (_, rest) = PAGE.split_once(&format!("const {list} = [")).unwrap();
    let (names, _) = rest.split_once("];").unwrap();
    names
        .split(", ")
        .map(|name| name.trim_matches('\''))
        .collect()
}

fn read<T: serde::de::DeserializeOwned>(written: serde_json::Value) {
    if let Err(error) = serde_json::from_value::<T>(written.clone()) {
        panic!("{written}: {error}");
    }
}
