//! The sandbox's page, used as a person uses it.

use std::path::Path;

use parkgate::clock::{Clock, TrustRule};
use parkgate::lane::time::Wall;
use serde_json::{Value, json};

use super::browser::{Browser, until};
use super::customer::Customer;
use super::receiver;
use super::sandbox::Sandbox;

const PLATE: &str = "粤B88888";

/// What is on the page in one language.
struct Words {
    language: &'static str,
    set: &'static str,
    queue: &'static str,
    no_faults: &'static str,
    as_others: &'static str,
    in_arrears: &'static str,
    failing: &'static str,
    forged: &'static str,
    refusing: &'static str,
    paid: &'static str,
    again: &'static str,
    one_more: &'static str,
    all_sign: &'static str,
    newest: &'static str,
    signs: &'static str,
    another_key: &'static str,
    another_certificate: &'static str,
    refuse_old: &'static str,
    refused_from: &'static str,
    leave_out: &'static str,
    put_back: &'static str,
    requests: &'static str,
    entries: &'static str,
    charges: &'static str,
    callbacks: &'static str,
}

const ENGLISH: Words = Words {
    language: "en-US",
    set: "Set",
    queue: "Queue",
    no_faults: "No faults any more",
    as_others: "As any other",
    in_arrears: "in arrears (OVERDUE)",
    failing: "500 without acting",
    forged: "forged",
    refusing: "refuses connections",
    paid: "Paid",
    again: "Deliver again",
    one_more: "One more",
    all_sign: "All sign",
    newest: "Only the newest",
    signs: "signs",
    another_key: "Another APIv3 key",
    another_certificate: "Another certificate",
    refuse_old: "Refuse the old ones",
    refused_from: "refused from",
    leave_out: "Leave out of bills",
    put_back: "Into bills again",
    requests: "Requests",
    entries: "Entries",
    charges: "Charges",
    callbacks: "Callbacks",
};

const CHINESE: Words = Words {
    language: "zh-CN",
    set: "设置",
    queue: "排队",
    no_faults: "取消所有故障",
    as_others: "恢复默认",
    in_arrears: "欠费（OVERDUE）",
    failing: "未处理，返回 500",
    forged: "伪造",
    refusing: "拒绝连接",
    paid: "扣款成功",
    again: "重新发送",
    one_more: "新增",
    all_sign: "全部签名",
    newest: "只留最新",
    signs: "签名中",
    another_key: "更换 APIv3 密钥",
    another_certificate: "新的商户证书",
    refuse_old: "停用旧证书",
    refused_from: "停用时间",
    leave_out: "从账单中去掉",
    put_back: "放回账单",
    requests: "请求",
    entries: "入场",
    charges: "扣费",
    callbacks: "回调",
};

#[tokio::test]
async fn a_person_does_everything_with_the_page_in_both_languages() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    for words in [&ENGLISH, &CHINESE] {
        let folder = tempfile::tempdir().unwrap();
        let sandbox = Sandbox::start(folder.path(), &[]);
        let url = sandbox.setup["control_url"].as_str().unwrap();
        browser.addresses.clear();
        browser.open(&format!("{url}/"), words.language);
        let mut person = Person {
            browser: &mut browser,
            customer: Customer::of(folder.path(), now),
            words,
        };
        person.customer.notify_url = receiver::taking();
        person.reads(&sandbox.setup);
        person.sets_a_fault().await;
        person.blocks_a_driver().await;
        person.forges_a_callback();
        person.settles_a_charge().await;
        person.bills_without_it();
        person.rolls_keys(folder.path());
        person.rolls_the_merchants_certificate().await;
        person.takes_a_permission();
        person.takes_the_network_away();
        person.finds_nothing_cut();
        person.mistypes();
        person.changes_the_language();
        browser.close();
        let elsewhere = |it: &&String| !it.starts_with(url) && !it.starts_with("data:");
        let elsewhere: Vec<&String> = browser.addresses.iter().filter(elsewhere).collect();
        assert!(elsewhere.is_empty(), "{elsewhere:?}");
    }
    assert!(browser.complaints.is_empty(), "{:#?}", browser.complaints);
}

/// Seconds since 1970.
fn now() -> i64 {
    Clock::system(TrustRule::Rtc, Wall(0)).now().wall.0 / 1000
}

struct Person<'a> {
    browser: &'a mut Browser,
    customer: Customer,
    words: &'static Words,
}

impl Person<'_> {
    /// The values that a client needs.
    fn reads(&mut self, setup: &Value) {
        for name in ["base_url", "merchant_serial", "private_key_file"] {
            let value = setup[name].as_str().unwrap();
            self.browser.wait_for("#client", value);
        }
        let language = self.browser.value("document.documentElement.lang");
        let spoken = language.as_str().unwrap();
        assert!(self.words.language.starts_with(spoken), "{spoken}");
    }

    async fn sets_a_fault(&mut self) {
        let words = self.words;
        self.browser.choose("#fault-kind", words.failing);
        self.browser.choose("#fault-call", "entry");
        self.browser.press("#fault", words.queue);
        let queued = format!("entry: {}", words.failing);
        self.browser.wait_for("#faults-now", &queued);

        let (status, _) = self.customer.enter("P1", PLATE).await;
        assert_eq!(status, 500);
        self.browser.wait_for("#rows", words.failing);
        self.browser.wait_for("#rows", "SYSTEM_ERROR");
        let (status, _) = self.customer.enter("P1", PLATE).await;
        assert_eq!(status, 200);
        self.browser.press("#lists", words.entries);
        self.browser.wait_for("#rows", "NORMAL");
    }

    /// Whoever is inside is told of it, and told again by hand.
    async fn blocks_a_driver(&mut self) {
        let words = self.words;
        self.browser.write("#plate-number", "京A00001");
        // The plate of the list goes to where something can be set for it.
        self.browser.press("#rows", PLATE);
        let typed = format!("document.querySelector('#plate-number').value === '{PLATE}'");
        self.browser.wait("the plate", &typed);
        self.browser.choose("#plate-service", words.in_arrears);
        self.browser.press("#plate", words.set);
        self.browser.wait_for("#plates", words.in_arrears);

        self.browser.press("#lists", words.callbacks);
        self.browser
            .wait_for("#rows", "VEHICLE.ENTRANCE_STATE_CHANGE");
        self.browser.wait_for("#rows", "taken");
        self.browser.press("#plate", words.as_others);
        let gone = format!("!document.querySelector('#plates').innerText.includes('{PLATE}')");
        self.browser.wait("the plate to go", &gone);
        self.browser
            .wait("both", "document.querySelectorAll('#rows tr').length === 3");
    }

    fn forges_a_callback(&mut self) {
        let words = self.words;
        self.browser.choose("#callback-fault", words.forged);
        self.browser.press("#callback", words.queue);
        self.browser.wait_for("#callbacks-now", words.forged);
        // One that was taken is delivered again as it should be; the next one is forged.
        self.browser.press("#rows", words.again);
        self.browser.wait_for("#rows", "204, 204");
    }

    async fn settles_a_charge(&mut self) {
        let words = self.words;
        self.browser.write("#settle", "3600");
        self.browser.press("#settings", words.set);
        self.waits_for("settings.settle_after_ms === 3600000");

        self.browser.write("#coupon-yuan", "5");
        self.browser.press("#coupon", words.set);
        self.waits_for("settings.coupon?.fen === 500");

        self.browser.press("#lists", words.charges);
        self.customer.charge("T000001", PLATE).await;
        self.browser.wait_for("#rows", "ACCEPTED");
        self.browser.wait_for("#rows", "¥15.00");
        self.browser.press("#rows", words.paid);
        self.browser.wait_for("#rows", "SUCCESS");
        self.browser.wait_for("#rows", "¥10.00");
        self.browser.press("#lists", words.callbacks);
        self.browser.wait_for("#rows", "TRANSACTION.SUCCESS");
        self.browser.wait_for("#rows", words.forged);
        let query = "/v3/vehicle/transactions/out-trade-no/T000001";
        let (status, charge) = self.customer.get(query).await;
        let state = (status, &charge["trade_state"]);
        assert_eq!(state, (200, &json!("SUCCESS")), "{charge}");
    }

    fn bills_without_it(&mut self) {
        let words = self.words;
        self.browser.press("#lists", words.charges);
        self.browser.press("#rows", words.leave_out);
        self.waits_for("settings.bills_without[0] === 'T000001'");
        self.browser.press("#rows", words.put_back);
        self.waits_for("settings.bills_without.length === 0");
    }

    /// Whoever reads `client.json` anew goes on.
    async fn rolls_the_merchants_certificate(&mut self) {
        let words = self.words;
        self.browser.press("#hand", words.another_certificate);
        let two = "document.querySelectorAll('#merchant-certificates tr').length === 2";
        self.browser.wait("two of the merchant's certificates", two);
        self.browser.write("#merchant-after", "3600");
        self.browser.press("#merchant-retire", words.refuse_old);
        self.browser
            .wait_for("#merchant-certificates", words.refused_from);
        assert_eq!(self.customer.get("/v3/certificates").await.0, 200);
    }

    fn takes_a_permission(&mut self) {
        self.browser.tick("#switch-refunds");
        self.waits_for("settings.switches.refunds === false");
        self.browser.tick("#calls-back");
        self.waits_for("settings.calls_back === false");
    }

    fn rolls_keys(&mut self, folder: &Path) {
        let words = self.words;
        let sign = |count: usize| {
            let rows = "[...document.querySelectorAll('#certificates tr')]";
            format!(
                "{rows}.filter((it) => it.innerText.includes('{}')).length === {count}",
                words.signs
            )
        };
        let are = |count: usize| {
            format!("document.querySelectorAll('#certificates tr').length === {count}")
        };
        self.browser.wait("two certificates", &are(2));
        self.browser.press("#hand", words.one_more);
        self.browser.wait("three certificates", &are(3));
        self.browser.wait("one that signs", &sign(1));
        self.browser.press("#hand", words.all_sign);
        self.browser.wait("three that sign", &sign(3));
        self.browser.press("#hand", words.newest);
        self.browser.wait("one certificate", &are(1));
        let key = || std::fs::read_to_string(folder.join("apiv3.key")).unwrap();
        let before = key();
        self.browser.press("#hand", words.another_key);
        until(|| key() != before).expect("another key");
    }

    fn takes_the_network_away(&mut self) {
        let words = self.words;
        self.browser.choose("#outage-kind", words.refusing);
        self.browser.press("#outage", words.set);
        self.waits_for("faults.outage === 'refused'");
        self.browser.press("#hand", words.no_faults);
        self.waits_for("faults.outage === 'none'");
    }

    /// Something that is true of the sandbox, as its control tells.
    fn waits_for(&mut self, what: &str) {
        let asked = format!("fetch('/state').then((it) => it.json()).then((it) => it.{what})");
        self.browser.wait(what, &asked);
    }

    /// What is refused says why.
    fn mistypes(&mut self) {
        self.browser.write("#plate-number", "a b");
        self.browser.press("#plate", self.words.set);
        self.browser.wait_for("#told.bad", "a b");
        self.browser.write("#plate-number", PLATE);
    }

    /// In every list, beside each other and below each other.
    fn finds_nothing_cut(&mut self) {
        let words = self.words;
        let cut = "[...document.querySelectorAll('button, h2, label, input')]\
                   .filter((it) => it.scrollWidth > it.clientWidth + 1 && it.clientWidth > 0)\
                   .map((it) => it.id || it.textContent)";
        for list in [
            words.requests,
            words.entries,
            words.charges,
            words.callbacks,
        ] {
            self.browser.press("#lists", list);
            for (width, height) in [(1280, 900), (390, 844)] {
                self.browser.resize(width, height);
                let beyond = "document.documentElement.scrollWidth <= innerWidth";
                self.browser.wait("everything in the window", beyond);
                assert_eq!(self.browser.value(cut), json!([]), "{list} at {width}");
            }
        }
        self.browser.press("#lists", words.requests);
        self.browser
            .wait_for("#rows", "/v3/vehicle/parking/parkings");
        for (width, height, name) in [(1280, 900, "wide"), (390, 844, "narrow")] {
            self.browser.resize(width, height);
            let picture = format!("sandbox-{name}-{}.png", words.language);
            let picture = Path::new(env!("CARGO_TARGET_TMPDIR")).join(picture);
            self.browser.picture(&picture);
            println!("a picture of the page: {}", picture.display());
        }
    }

    fn changes_the_language(&mut self) {
        let (to, heading) = match self.words.language {
            "en-US" => ("中文", "车主"),
            _ => ("English", "Drivers"),
        };
        self.browser.press("header", to);
        self.browser.wait_for("#hand", heading);
    }
}
