use super::*;

fn chosen(asked: Option<Lang>, set: &[(&str, &str)]) -> Lang {
    Lang::chosen(asked, |name| {
        let found = set.iter().find(|(set, _)| *set == name);
        found.map(|(_, value)| (*value).to_owned())
    })
}

#[test]
fn what_is_asked_for_comes_before_the_environment() {
    assert_eq!(chosen(None, &[]), Lang::En);
    assert_eq!(chosen(None, &[("LANG", "zh_CN.UTF-8")]), Lang::Zh);
    assert_eq!(
        chosen(None, &[("LANG", "zh_CN.UTF-8"), ("LC_ALL", "C")]),
        Lang::En
    );
    assert_eq!(
        chosen(None, &[("LANG", "zh_CN.UTF-8"), ("LC_ALL", "")]),
        Lang::Zh
    );
    assert_eq!(
        chosen(Some(Lang::Zh), &[("LC_ALL", "en_GB.UTF-8")]),
        Lang::Zh
    );
}

#[test]
fn lengths_have_two_units_at_most() {
    for (ms, en, zh) in [
        (0, "0 s", "0 秒"),
        (59_999, "59 s", "59 秒"),
        (95_000, "1 min 35 s", "1 分 35 秒"),
        (3_600_000, "1 h", "1 小时"),
        (90_061_000, "1 d 1 h", "1 天 1 小时"),
    ] {
        assert_eq!(Lang::En.length(ms), en);
        assert_eq!(Lang::Zh.length(ms), zh);
    }
}

#[test]
fn a_refusal_says_what_to_do_in_both_languages() {
    use crate::charges::staff::Declined;
    use crate::park::reply::Refusal;
    let refusal = Refusal::Charge {
        trade_no: "T1".into(),
        why: Declined::MayStillBeTaken,
    };
    for lang in [Lang::En, Lang::Zh] {
        let text = lang.refusal(&refusal);
        assert!(
            text.contains("T1") && text.contains("parkgate charges retry"),
            "{text}"
        );
    }
}
