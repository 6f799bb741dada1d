//! A day's bill, fetched over the simulator's HTTP shell and held against the ledger of that day.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

use super::cars::*;
use super::stories::on_disk;
use super::world::*;
use crate::bills::day::Day;
use crate::bills::fetch::{FetchFault, Fetched, fetch};
use crate::bills::keep::Bills;
use crate::bills::matching::compare;
use crate::bills::report::{Report, What};
use crate::clock::Clock;
use crate::lane::number::SessionId;
use crate::lane::time::{BootId, Moment, Now, Wall};
use crate::park::event::Event;
use crate::sim::http::Server;
use crate::sim::material;
use crate::sim::wechat::{Call, Simulator};
use crate::wechat::bill::Kind;
use crate::wechat::{
    Client, MerchantCertificate, MerchantKey, PublicKey, Secret, Settings, USER_AGENT,
};

fn client(server: &Server, clock: &Clock) -> Client {
    let settings = Settings {
        mchid: material::MCHID.into(),
        key: MerchantKey::Pem(Secret::new(material::MERCHANT_KEY)),
        certificate: MerchantCertificate::Pem(material::MERCHANT_CERTIFICATE.into()),
        api_v3_keys: vec![Secret::new(material::API_V3_KEY)],
        base_urls: vec![format!("http://{}", server.addresses()[0])],
        ca_pem: None,
        system_roots: false,
        proxy: None,
        public_key: Some(PublicKey {
            id: material::PUBLIC_KEY_ID.into(),
            pem: material::PUBLIC_KEY.into(),
        }),
        platform_certificates: true,
        believe_unsigned_errors: false,
        user_agent: USER_AGENT.into(),
    };
    Client::new(settings, clock.clone()).unwrap()
}

fn at(wall: Wall) -> Now {
    Now {
        moment: Moment(1_000),
        wall,
        trusted: true,
        boot: BootId(9),
    }
}

/// A charge of 5 yuan that settled, of which 2 went back.
fn a_day() -> (World, String) {
    let mut world = inside_for(HOUR);
    world.read(OUT, PLATE);
    world.pass(100);
    let trade_no = world.charge().claim.trade_no.clone();
    world.pass(MINUTE);
    world.tell(Event::RefundAsked {
        sent_for: None,
        trade_no: trade_no.clone(),
        session: SessionId::named_by(&trade_no).unwrap(),
        plate: number(PLATE),
        charged_fen: 500,
        exited: world.now().wall,
        fen: Some(200),
        by: "王芳".into(),
        why: "误收".into(),
    });
    world.pass(10 * MINUTE);
    assert_eq!(world.book().totals().refunded.fen, 200);
    (world, trade_no)
}

fn whats(report: &Report) -> Vec<What> {
    report.differences.iter().map(|it| it.what).collect()
}

#[tokio::test]
async fn given_a_day_with_a_charge_and_a_refund_when_its_bill_is_fetched_then_it_matches_and_an_altered_one_does_not()
 {
    let (mut world, trade_no) = a_day();
    let day = Day::of(world.now().wall);
    let ledger = on_disk(&world.disk.stored(), world.park().ledger().0);
    let empty = Simulator::new(material::settings(1));
    let mut simulator = std::mem::replace(&mut world.simulator, empty);
    simulator.settings_mut().seal = material::seal();
    let clock = Clock::manual(at(day.has_bill_from().plus_ms(-1)));
    let server = Server::on_loopback(simulator, clock.clone(), 1)
        .await
        .unwrap();
    let client = client(&server, &clock);
    let store = tempfile::tempdir().unwrap();
    let bills = Bills::of(store.path());
    let get = async |kind, day| {
        let now = clock.now().wall;
        fetch(&client, None, &bills, kind, day, now).await
    };

    let early = get(Kind::Trade, day).await.unwrap_err();
    assert!(matches!(early, FetchFault::TooEarly(_)), "{early}");
    clock.set(at(day.has_bill_from().plus_ms(30 * 60 * 1000)));
    server.with(|simulator| simulator.settings_mut().switches.bills_altered = true);
    let wrong = get(Kind::Trade, day).await.unwrap_err();
    assert!(matches!(wrong, FetchFault::Wrong(_)), "{wrong}");
    assert_eq!(server.with(|simulator| simulator.asked(Call::BillFile)), 3);
    assert!(bills.open(Kind::Trade, day).unwrap().is_none());
    server.with(|simulator| simulator.settings_mut().switches.bills_altered = false);
    for kind in [Kind::Trade, Kind::FundFlow] {
        assert_eq!(get(kind, day).await.unwrap(), Fetched::Kept);
    }
    let before = Day::of(day.begins().plus_ms(-1));
    assert_eq!(get(Kind::Trade, before).await.unwrap(), Fetched::Nothing);
    assert_eq!(server.books().violations, []);

    let held = |day| compare(&bills, day, ledger.path()).unwrap();
    let report = held(day);
    assert!(report.matches(), "{report:?}");
    assert_eq!(
        (report.rows, report.ok.fen, report.refunded.fen),
        (2, 500, 200)
    );
    assert_eq!(
        (report.others.count, report.fee_yuan.as_str()),
        (0, "0.01800")
    );
    let flow = report.flow.unwrap();
    assert_eq!((flow.income.fen, flow.refunded.fen), (500, 200));
    assert_eq!((flow.ok.count, flow.fee_yuan.as_str()), (2, "0.02000"));
    let report = held(before);
    assert!(report.no_trade && report.matches(), "{report:?}");

    let path = bills.path(Kind::Trade, day);
    let mut text = String::new();
    let file = std::fs::File::open(&path).unwrap();
    GzDecoder::new(file).read_to_string(&mut text).unwrap();
    let altered = |change: &dyn Fn(&str) -> String| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(change(&text).as_bytes()).unwrap();
        std::fs::write(&path, encoder.finish().unwrap()).unwrap();
        held(day)
    };
    let report = altered(&|text| text.replace("`5.00", "`6.00"));
    assert_eq!(
        whats(&report),
        [What::AmountDiffers, What::FlowDiffers],
        "{report:?}"
    );
    std::fs::remove_file(bills.path(Kind::FundFlow, day)).unwrap();
    let other = SessionId::named_by(&trade_no).unwrap().trade_no(7);
    let report = altered(&|text| text.replace(&trade_no, &other));
    assert_eq!(whats(&report), [What::MissingHere, What::MissingThere]);
    // Another box's number is told apart, and is no difference.
    let others = trade_no.replacen("T0", "T1", 1);
    let report = altered(&|text| text.replace(&trade_no, &others).replace("R0", "R1"));
    assert_eq!((report.others.fen, report.others_refunded.fen), (500, 200));
    assert_eq!(
        whats(&report),
        [What::MissingThere, What::RefundMissingThere]
    );
    let by_hand = altered(&|text| text.replace("`R0", "`X0"));
    assert_eq!(
        whats(&by_hand),
        [What::RefundFromElsewhere, What::RefundMissingThere]
    );
    server.shutdown().await;
}
