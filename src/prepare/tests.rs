use super::*;
use crate::lane::time::Wall;

fn config() -> Config {
    let text = include_str!("../../firmware-config/parkgate.toml");
    Config::parse(text, "parkgate.toml").unwrap()
}

fn partner() -> Config {
    let mut config = config();
    config.merchant.sub = Some(crate::config::SubMerchant {
        mchid: "1900000110".to_owned(),
        appid: "wxcbda96de0b165489".to_owned(),
    });
    config
}

#[test]
fn every_step_says_in_both_languages_what_is_checked_and_what_a_person_confirms() {
    let rows = rows(&partner(), &Checklist::default(), Wall(1_764_000_000_000));
    assert_eq!(rows.len(), 14);
    for row in &rows {
        for both in [&row.about, &row.checked_here] {
            assert!(both.en.len() > 5 && !both.zh.is_ascii(), "{:?}", row.step);
        }
        let has_word = row.to_confirm.is_some() || !row.findings.is_empty();
        assert!(has_word || row.state == State::Note, "{:?}", row.step);
    }
    let direct = rows_of(&config());
    assert_eq!(direct.len(), 13, "no invitation in direct mode");
    let about = |step| &direct.iter().find(|row| row.step == step).unwrap().about.zh;
    assert!(about(Step::Review).contains("待审核") && about(Step::Review).contains("发起邀请"));
    assert!(about(Step::Contract).contains("不需要"));
    assert!(about(Step::Advance).contains("垫资"));
}

fn rows_of(config: &Config) -> Vec<Row> {
    rows(config, &Checklist::default(), Wall(1_764_000_000_000))
}

#[test]
fn drafts_hold_what_the_config_knows() {
    let config = partner();
    let mail = draft(Step::WhiteList, &config).unwrap();
    for part in [
        "欢乐海岸停车场",
        "1900000109",
        "wxd678efa567b16787",
        "1900000110",
        "服务商",
        "微信车主服务",
    ] {
        assert!(mail.zh.contains(part), "{part}: {}", mail.zh);
    }
    let form = draft(Step::Application, &config).unwrap();
    for part in [
        "微信支付分停车",
        "4000000000",
        "停车场备案证明",
        "签约模板：不需要",
    ] {
        assert!(form.zh.contains(part), "{part}: {}", form.zh);
    }
    assert_eq!(draft(Step::Binding, &config), None);
}

#[test]
fn a_word_is_kept_over_restarts_and_says_nothing_of_another_merchant() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path();
    let config = config();
    let mut checklist = Checklist::load(store).unwrap();
    assert_eq!(checklist, Checklist::default());
    checklist.confirm(Step::AppId, &config, "王芳", Some("小程序"), Wall(5_000));
    checklist.save(store).unwrap();
    let again = Checklist::load(store).unwrap();
    let confirmed = again.confirmation(Step::AppId, &config).unwrap();
    assert_eq!(
        (&*confirmed.by, confirmed.note.as_deref()),
        ("王芳", Some("小程序"))
    );
    let rows = rows(&config, &again, Wall(1_764_000_000_000));
    let state = |step| rows.iter().find(|row| row.step == step).unwrap().state;
    assert_eq!(state(Step::AppId), State::Done);
    assert_eq!(state(Step::Binding), State::Open);
    assert_eq!(
        state(Step::Certificate),
        State::Failed,
        "its files are not here"
    );

    let mut other = config.clone();
    other.merchant.mchid = "1900000001".to_owned();
    assert_eq!(again.confirmation(Step::AppId, &other), None);
    assert_eq!(again.confirmation(Step::AppId, &partner()), None);
    let mut again = again;
    assert!(again.reopen(Step::AppId) && !again.reopen(Step::AppId));
}

#[test]
fn a_file_that_is_no_checklist_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("preparation.json");
    for text in [
        "{",
        "[]",
        "{\"version\": 9}",
        "{\"version\": 1, \"confirmed\": {\"no-step\": 1}}",
    ] {
        std::fs::write(&file, text).unwrap();
        let fault = Checklist::load(folder.path()).unwrap_err().to_string();
        assert!(
            fault.contains("preparation.json") && fault.contains("move it away"),
            "{fault}"
        );
    }
    assert_eq!(
        std::fs::read_to_string(&file).unwrap(),
        "{\"version\": 1, \"confirmed\": {\"no-step\": 1}}"
    );
}
