//! Prices and lists of a real daemon: a changed tariff is taken up at a start, a list at once.

use std::process::Output;

use serde_json::Value;
use tokio::time::sleep;

use crate::bench::{Bench, Setup};
use crate::stay;

const BEFORE: &str = "粤B74001";
const AFTER: &str = "粤B74002";
const CARD: &str = "粤B74003";

const TARIFF: &str = "\
name = \"lab\"
version = \"2\"
then = { every = \"1h\", fen = 900 }

[[band]]
name = \"weekend\"
days = [\"weekend\"]
per_visit_fen = 700

[[class]]
name = \"taxis\"
plates = [\"粤B74002\"]
per_visit_fen = 300
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_tariff_is_taken_up_at_a_start_and_a_list_at_once() {
    let (bench, daemon) = Bench::start(Setup::default()).await;
    bench.entry().pass(BEFORE).await;
    bench.filed(1).await;
    sleep(stay::CHARGED).await;
    bench.exit().pass(BEFORE).await;
    bench.settled().await;
    daemon.stop().await;

    std::fs::write(bench.path("tariff.toml"), TARIFF).unwrap();
    let daemon = bench.daemon().await;
    for list in ["permit", "visitor"] {
        let put = [
            "lists", "put", CARD, "--list", list, "--by", "王芳", "--why", "月租",
        ];
        let output = bench.place.ask(&put).await;
        assert!(output.status.success(), "{output:?}");
    }
    let status = json(&bench.place.ask(&["status", "--json"]).await);
    assert_eq!(status["lists"]["version"], 2, "{status}");
    assert_eq!(status["lists"]["plates"], 1, "{status}");

    bench.entry().pass(AFTER).await;
    bench.filed(1).await;
    bench.entry().pass(CARD).await;
    sleep(stay::CHARGED).await;
    bench.exit().pass(AFTER).await;
    bench.settled().await;
    // The card is never registered and never charged.
    bench.exit().pass(CARD).await;
    let status = json(&bench.place.ask(&["status", "--json"]).await);
    assert_eq!(status["totals"]["opened"]["fen"], 500 + 300, "{status}");
    assert_eq!(status["totals"]["opened"]["count"], 2, "{status}");

    let shown = bench.place.ask(&["lists", "show", "--lang", "zh"]).await;
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(
        shown.contains("免费通行") && shown.contains(CARD),
        "{shown}"
    );
    daemon.stop().await;
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"))
}
