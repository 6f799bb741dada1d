//! Cars that came in leave: two commits and an answer of WeChat before the barrier rises.

use std::time::Duration;

use parkgate::clock::{Clock, TrustRule};
use parkgate::lane::time::Wall;
use parkgate::sim::material;
use parkgate::wechat::{
    Client, MerchantCertificate, MerchantKey, Patience, PublicKey, Secret, Settings,
};
use tokio::time::{Instant, sleep};

use crate::Outcome;
use crate::camera::Cameras;
use crate::daemon::Daemon;
use crate::figure::put;
use crate::figures::{Figures, head, line};
use crate::loads::PLAIN;
use crate::place::STAY;

const CARS: usize = 60;
const PER_SECOND: u32 = 10;

/// With the store on the disk and, where there is one, in memory; then a signed call alone.
pub async fn measure(
    cameras: &mut Cameras,
    disk: &Daemon,
    memory: Option<&Daemon>,
    wechat: &[String],
) -> Outcome<()> {
    let mut rows = Vec::new();
    for (name, daemon) in [("disk", Some(disk)), ("memory", memory)] {
        if let Some(daemon) = daemon {
            rows.push((name, exits(cameras, daemon).await?));
        }
    }
    let asked = signed_calls(wechat).await?;
    head(&format!("Charged exits, QoS 1, {PER_SECOND}/s"), "/ call");
    line("one signed call to the simulator", &asked, None);
    for (name, figures) in &rows {
        let what = format!("reading to open, store on {name}");
        line(&what, figures, Some(&asked));
    }
    let on_disk = &rows[0].1;
    put("charged_p50_us", on_disk.p50())?;
    put("charged_p99_us", on_disk.p99())?;
    put("call_p50_us", asked.p50())?;
    Ok(())
}

async fn exits(cameras: &mut Cameras, daemon: &Daemon) -> Outcome<Figures> {
    let plates = cameras.fresh_plates(CARS, false);
    let form = PLAIN.with_qos_1();
    cameras.read(&daemon.entries(), &plates, form, 40).await?;
    daemon.quiet().await?;
    sleep(STAY).await;
    let took = cameras
        .read(&daemon.exits(), &plates, form, PER_SECOND)
        .await?;
    daemon.quiet().await?;
    let mut figures = Figures::default();
    figures.add(took);
    Ok(figures)
}

/// Signing, HTTP on loopback, the simulator's own signature, and ours to verify.
async fn signed_calls(wechat: &[String]) -> Outcome<Figures> {
    let settings = Settings {
        mchid: material::MCHID.to_owned(),
        key: MerchantKey::Pem(Secret::new(material::MERCHANT_KEY.to_owned())),
        certificate: MerchantCertificate::Serial(material::MERCHANT_SERIAL.to_owned()),
        api_v3_keys: vec![Secret::new(material::API_V3_KEY.to_owned())],
        base_urls: wechat.to_vec(),
        ca_pem: None,
        system_roots: false,
        proxy: None,
        public_key: Some(PublicKey {
            id: material::PUBLIC_KEY_ID.to_owned(),
            pem: material::PUBLIC_KEY.to_owned(),
        }),
        platform_certificates: true,
        believe_unsigned_errors: false,
        user_agent: "parkgate-bench".to_owned(),
    };
    let client = Client::new(settings, Clock::system(TrustRule::Rtc, Wall(0)))?;
    let mut figures = Figures::default();
    for number in 0..CARS {
        let began = Instant::now();
        client
            .query(&format!("TBENCH{number}"), None, Patience::Background)
            .await;
        figures.add([began.elapsed()]);
        sleep(Duration::from_secs(1) / PER_SECOND).await;
    }
    Ok(figures)
}
