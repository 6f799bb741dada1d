use serde_json::json;

use crate::cli::demo::foot::{Foot, Link, Money, Standings};
use crate::cli::demo::paint::Paint;
use crate::cli::demo::width::columns;

#[test]
fn a_busy_car_park_fits_into_80_columns() {
    let row = busy().status(79, Paint::none());
    assert_eq!(
        row.text,
        "3 inside | queue 2: 10.00 | paid 45.00 | staff 5.00 | WeChat cut | fault: 500"
    );
    assert_eq!(row.columns, columns(&row.text));
}

#[test]
fn a_quiet_one_says_that_all_is_well() {
    let row = Foot::default().status(79, Paint::none());
    assert_eq!(
        row.text,
        "0 inside | queue empty | WeChat ok | cameras ok | no fault"
    );
}

#[test]
fn a_wide_terminal_shows_everything_and_a_narrow_one_what_matters_most() {
    let mut foot = busy();
    foot.standings.paused = true;
    assert_eq!(
        foot.status(200, Paint::none()).text,
        "3 inside | queue 2: 10.00 | accepted 5.00 | paid 45.00 | staff 5.00 | let off 5.00 | \
         WeChat cut | cameras ok | fault: 500 | paused"
    );
    assert_eq!(
        foot.status(40, Paint::none()).text,
        "3 inside | queue 2: 10.00 | WeChat cut"
    );
    assert_eq!(foot.status(5, Paint::none()).text, "3 ins");
    for at_most in 0..120 {
        let row = foot.status(at_most, Paint::none());
        assert!(row.columns <= at_most, "{at_most}: {row:?}");
        assert_eq!(row.columns, columns(&row.text));
        let painted = foot.status(at_most, Paint::on());
        assert_eq!(painted.columns, row.columns);
    }
}

#[test]
fn the_cursor_stands_behind_what_is_typed() {
    let mut foot = Foot::default();
    let prompt = foot.prompt(79, Paint::none());
    assert_eq!(
        prompt.row.text,
        "plate>    Enter in/out  n network  f fault  p pause  h help  q quit"
    );
    assert_eq!(prompt.cursor, 7);

    foot.typed = "粤Z1234港".into();
    let prompt = foot.prompt(79, Paint::none());
    assert_eq!(
        prompt.row.text,
        "plate> 粤Z1234港   Enter in or out  i in  o out  Esc clears"
    );
    assert_eq!(prompt.cursor, 16);

    // Its end stays in sight.
    assert_eq!(foot.prompt(14, Paint::none()).row.text, "plate> 1234港");
    for at_most in 0..80 {
        let prompt = foot.prompt(at_most, Paint::none());
        assert!(prompt.row.columns <= at_most, "{at_most}: {prompt:?}");
        assert!(prompt.cursor <= at_most);
        assert_eq!(prompt.row.columns, columns(&prompt.row.text));
    }
}

#[test]
fn it_stands_as_the_daemon_says() {
    let status = json!({
        "cars_inside": 3,
        "wechat_silent": true,
        "merchant_stopped": null,
        "totals": {
            "opened": { "count": 14, "fen": 7_000 },
            "settled": { "count": 9, "fen": 4_500 },
            "handed_to_staff": { "count": 1, "fen": 500 },
            "withdrawn": { "count": 1, "fen": 500 },
        },
        "alarms": [{ "kind": "link_down" }, { "kind": "wechat_silent" }],
    });
    let waiting = money(2, 1_000);
    let mut standings = Standings::of(&status, waiting, true);
    assert_eq!(standings.links_down, 1);
    standings.links_down = 0;
    standings.fault = Some("500");
    assert_eq!(standings, busy().standings);
    let silent = Standings::of(&status, waiting, false);
    assert_eq!(silent.wechat, Link::Silent);
    let mut stopped = status;
    stopped["merchant_stopped"] = "SIGN_ERROR".into();
    let stopped = Standings::of(&stopped, waiting, false);
    assert_eq!(stopped.wechat, Link::Refuses("SIGN_ERROR".into()));
}

fn busy() -> Foot {
    let standings = Standings {
        inside: 3,
        waiting: money(2, 1_000),
        accepted: money(1, 500),
        settled: money(9, 4_500),
        with_staff: money(1, 500),
        withdrawn: money(1, 500),
        wechat: Link::Cut,
        fault: Some("500"),
        ..Standings::default()
    };
    Foot {
        standings,
        typed: String::new(),
    }
}

fn money(count: u64, fen: u64) -> Money {
    Money { count, fen }
}
