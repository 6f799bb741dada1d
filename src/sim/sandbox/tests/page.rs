//! What the page is made of. It is used in a browser by `tests/clients/page.rs`.

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::super::control::{ROUTES, page};
use super::asking::World;
use crate::sim::http::Outage;
use crate::sim::wechat::{
    Call, CallbackFault, Fault, Outcome, RefundOutcome, Service, Switches, TrustMode,
};

#[tokio::test]
async fn the_page_brings_everything_and_lets_nothing_else_in() {
    let world = World::start(|_| ()).await;
    let told = world.ask("GET", "/", "", &[]).await;
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
    let again = world.ask("GET", "/", "", &[]).await;
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
        assert!(!page().contains(banned), "{banned}");
    }
}

#[test]
fn every_word_is_there_in_both_languages() {
    let page = page();
    let (_, words) = page.split_once("const WORDS = {").unwrap();
    let (words, _) = words.split_once("\n};").unwrap();
    let mut known = Vec::new();
    for line in words.lines().filter(|line| !line.trim().is_empty()) {
        let (name, forms) = line.trim().split_once(": {").unwrap();
        assert!(forms.contains("en: '") && forms.contains("zh: '"), "{line}");
        known.push(name);
    }
    let asked = page
        .split("data-word=\"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next());
    let asked = asked.chain(
        page.split("word('")
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
    let page = page();
    // Whole addresses, and the beginnings of those with a name in them.
    for start in ["'/", "`/"] {
        for rest in page.split(start).skip(1) {
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
fn every_choice_of_the_page_is_one_and_has_words() {
    let with_number = choices("WITH_NUMBER");
    let fault = |name: &str| match with_number.iter().any(|it| it == name) {
        true => json!({ name: 1 }),
        false => json!(name),
    };
    let callback = |name: &str| match name {
        "late" => json!({ name: 1 }),
        name => json!(name),
    };
    let service = |name: &str| match name {
        "normal" | "not_enrolled" => json!(name),
        reason => json!({ "blocked": reason }),
    };
    let word = |name: &str| json!(name);
    are_read::<Service>("SERVICES", "service", service);
    are_read::<Outcome>("OUTCOMES", "outcome", word);
    are_read::<RefundOutcome>("REFUND_OUTCOMES", "refund", word);
    are_read::<Outage>("OUTAGES", "outage", word);
    are_read::<TrustMode>("TRUST", "trust", word);
    are_read::<Fault>("FAULTS", "fault", fault);
    are_read::<CallbackFault>("CALLBACK_FAULTS", "callback", callback);
    let switch = |name: &str| {
        let mut switches = json!(Switches::default());
        assert!(switches[name].is_boolean(), "{name}");
        switches[name] = json!(true);
        switches
    };
    are_read::<Switches>("SWITCHES", "switch", switch);
    for name in choices("CALLS").into_iter().filter(|name| !name.is_empty()) {
        read::<Call>(json!(name));
    }
}

#[test]
fn every_fault_and_call_is_documented() {
    let doc = include_str!("../../../../docs/sandbox.md");
    for list in ["FAULTS", "CALLBACK_FAULTS", "CALLS"] {
        for name in choices(list).into_iter().filter(|name| !name.is_empty()) {
            assert!(doc.contains(&format!("\"{name}\"")), "{name}");
        }
    }
}

fn are_read<T: DeserializeOwned>(list: &str, kind: &str, written: impl Fn(&str) -> Value) {
    for name in choices(list) {
        read::<T>(written(&name));
        assert!(page().contains(&format!("\n  {kind}_{name}: {{")), "{name}");
    }
}

fn choices(list: &str) -> Vec<String> {
    let page = page();
    let (_, rest) = page.split_once(&format!("const {list} = [")).unwrap();
    let (names, _) = rest.split_once("];").unwrap();
    let names = names.split(", ").map(|name| name.trim_matches('\''));
    names.map(str::to_owned).collect()
}

fn read<T: DeserializeOwned>(written: Value) {
    if let Err(error) = serde_json::from_value::<T>(written.clone()) {
        panic!("{written}: {error}");
    }
}
