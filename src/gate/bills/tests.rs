use super::*;
use crate::config::Certificate;
use crate::gate::{inbox, secrets};
use crate::lane::time::BootId;
use crate::park::event::Event;
use crate::park::record::{Record, StepTaken};
use crate::sim::http::Server;
use crate::sim::material;
use crate::sim::sandbox::{API_V3_KEY_FILE, CERTIFICATE_FILE, KEY_FILE, write_material};
use crate::sim::wechat::{Call, Simulator};
use crate::store::ledger::made;

/// By a clock that has the right time and no word for it, no call is made and none is given up: nothing is
/// missing, and nothing is waited for, until the clock is believed.
#[tokio::test]
async fn a_clock_that_is_not_trusted_fetches_nothing_until_it_is() {
    let day = Day::read("2026-03-01").unwrap();
    let at = |trusted| Now {
        moment: Moment(1),
        wall: day.has_bill_from().plus_ms(HOUR_MS),
        trusted,
        boot: BootId(1),
    };
    let clock = Clock::manual(at(true));
    let wechat = Server::on_loopback(Simulator::new(material::settings(1)), clock.clone(), 1);
    let wechat = wechat.await.unwrap();
    let asked = || {
        let bills = [Call::TradeBill, Call::FundFlowBill];
        wechat.with(|it| bills.map(|call| it.asked(call)))
    };
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path(), &wechat);
    let began = Record::StepTaken(StepTaken {
        now: Now {
            wall: day.begins(),
            ..at(true)
        },
        event: Event::Tick,
        waited_ms: None,
    });
    let mut ledger = made::ledger(&replay::ledger_dir(&config), 7);
    ledger.commit(&[began.to_stored()]).unwrap();
    drop(ledger);

    let account = Account::new(secrets::client(&config, &clock));
    let client = account.client().unwrap();
    assert!(client.refresh_certificates().await.is_ok());
    let (inbox, _outlet) = inbox::open();
    let progress = Progress::default();
    let told = progress.clone();
    // Comes at the full hour.
    let box_number = LedgerId(0);
    let mut rounds = Rounds::new(&config, box_number, account, clock.clone(), inbox, progress);
    clock.set(at(false));
    for _ in 0..3 {
        rounds.look().await;
    }
    assert_eq!((asked(), told.told()), ([0, 0], Told::default()));

    clock.set(at(true));
    rounds.look().await;
    assert_eq!(asked(), [1, 1]);
    let here = Told {
        newest: Some(day),
        ..Told::default()
    };
    assert_eq!(told.told(), here);
    rounds.look().await;
    assert_eq!(asked(), [1, 1], "once");
}

fn config(folder: &std::path::Path, wechat: &Server) -> Config {
    write_material(folder).unwrap();
    let text = include_str!("../../../firmware-config/parkgate.toml");
    let mut config = Config::parse(text, "parkgate.toml").unwrap();
    config.merchant.mchid = material::MCHID.to_owned();
    config.merchant.private_key_file = folder.join(KEY_FILE);
    config.merchant.certificate = Certificate::File(folder.join(CERTIFICATE_FILE));
    config.merchant.api_v3_key_files = vec![folder.join(API_V3_KEY_FILE)];
    config.wechat.base_urls = wechat.base_urls();
    config.store.path = folder.join("store");
    config
}
