//! The merchant's keys change while the daemon runs.

use tempfile::TempDir;

use super::*;
use crate::clock::TrustRule;
use crate::lane::time::Wall;
use crate::sim::http::{Outage, Server};
use crate::sim::material;
use crate::sim::wechat::{RsaKeys, Seal, Settings, Simulator};

/// A second key and certificate of the merchant, which the simulator learns of when told.
const NEW_SERIAL: &str = material::PLATFORM_SERIAL_1;
const NEW_KEY: &str = include_str!("../../../sim/material/throwaway_platform_1_key.pem");

struct World {
    folder: TempDir,
    wechat: Server,
    account: Account,
    renewal: Renewal,
}

impl World {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::system(TrustRule::Rtc, Wall(0));
        let simulator = Simulator::new(settings());
        let wechat = Server::on_loopback(simulator, clock.clone(), 1)
            .await
            .unwrap();
        for (name, text) in [
            ("key.pem", material::MERCHANT_KEY),
            ("cert.pem", material::MERCHANT_CERTIFICATE),
            ("v3.key", material::API_V3_KEY),
        ] {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let config = config(&folder, &wechat);
        let account = Account::new(secrets::client(&config, &clock));
        assert!(account.client().is_ok());
        Self {
            renewal: Renewal::new(&config, account.clone(), clock),
            folder,
            wechat,
            account,
        }
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.folder.path().join(name), text).unwrap();
    }

    /// After an outage the port is opened again a moment later.
    async fn until_wechat_listens(&self) {
        let url = self.wechat.base_urls().swap_remove(0);
        let address = url.strip_prefix("http://").unwrap().trim_end_matches('/');
        let listens = async {
            while tokio::net::TcpStream::connect(address).await.is_err() {
                tokio::task::yield_now().await;
            }
        };
        let within = std::time::Duration::from_secs(10);
        tokio::time::timeout(within, listens).await.unwrap();
    }

    fn serial(&self) -> String {
        self.account.client().unwrap().serial().to_owned()
    }

    fn text(&self) -> String {
        self.renewal
            .alarm()
            .map(|alarm| alarm.text)
            .unwrap_or_default()
    }
}

/// A merchant with two certificates, of which WeChat lists the old one.
fn settings() -> Settings {
    let mut settings = material::settings(1);
    let public = crate::wechat::Certificate::from_pem(material::PLATFORM_CERTIFICATE_1);
    assert!(public.is_ok());
    settings.seal = std::sync::Arc::new(Seal::Rsa(keys()));
    settings
}

fn keys() -> RsaKeys {
    use rsa::pkcs8::{DecodePrivateKey, EncodePublicKey};
    let new = rsa::PrivateKey::from_pkcs8_pem(NEW_KEY).unwrap();
    let public = new
        .to_public_key()
        .to_public_key_pem(Default::default())
        .unwrap();
    RsaKeys::default()
        .caller(material::MERCHANT_SERIAL, material::MERCHANT_PUBLIC_KEY)
        .unwrap()
        .caller(NEW_SERIAL, &public)
        .unwrap()
        .platform(material::PLATFORM_SERIAL_1, NEW_KEY)
        .unwrap()
        .platform(
            material::PUBLIC_KEY_ID,
            include_str!("../../../sim/material/throwaway_wechatpay_key.pem"),
        )
        .unwrap()
}

fn config(folder: &TempDir, wechat: &Server) -> Config {
    let dir = folder.path().display();
    let text = include_str!("../../../../firmware-config/parkgate.toml");
    let mut config = Config::parse(text, "parkgate.toml").unwrap();
    config.merchant.mchid = material::MCHID.to_owned();
    config.merchant.private_key_file = format!("{dir}/key.pem").into();
    config.merchant.certificate = Certificate::File(format!("{dir}/cert.pem").into());
    config.merchant.api_v3_key_files = ["v3.key", "next.key"]
        .map(|name| format!("{dir}/{name}").into())
        .into();
    config.wechat.base_urls = wechat.base_urls();
    config
}

#[tokio::test]
async fn a_new_pair_signs_only_once_wechat_has_answered_it_and_the_old_one_until_then() {
    let mut world = World::start().await;
    let client = world.account.client().unwrap();
    assert!(client.refresh_certificates().await.is_ok());
    assert_eq!(
        world.renewal.reload().await,
        Renewed::Unchanged {
            serial: material::MERCHANT_SERIAL.to_owned()
        }
    );

    // Between the two renames of an import.
    world.write("key.pem", NEW_KEY);
    world.renewal.look().await;
    assert!(
        world.text().contains("keys before them stay in force"),
        "{}",
        world.text()
    );
    assert_eq!(world.serial(), material::MERCHANT_SERIAL);

    // WeChat does not list the new certificate yet.
    world.write("cert.pem", material::PLATFORM_CERTIFICATE_1);
    world.renewal.look().await;
    assert!(
        world.text().contains("WeChat refuses it"),
        "{}",
        world.text()
    );
    assert_eq!(world.serial(), material::MERCHANT_SERIAL);

    // It is silent.
    world.wechat.set_outage(Outage::Refused);
    assert!(
        matches!(world.renewal.reload().await, Renewed::No(why) if why.contains("every minute"))
    );
    assert_eq!(world.serial(), material::MERCHANT_SERIAL);

    world.wechat.set_outage(Outage::None);
    world.wechat.with(|it| {
        it.settings_mut()
            .merchant
            .serials
            .insert(NEW_SERIAL.to_owned(), None);
    });
    world.until_wechat_listens().await;
    assert_eq!(
        world.renewal.reload().await,
        Renewed::TakenUp {
            serial: NEW_SERIAL.to_owned()
        }
    );
    assert_eq!(world.serial(), NEW_SERIAL);
    assert_eq!(world.renewal.alarm(), None);
    world.renewal.look().await;
    assert_eq!(world.serial(), NEW_SERIAL, "and it stays");
}

#[tokio::test]
async fn an_api_v3_key_is_taken_up_beside_the_old_one() {
    let mut world = World::start().await;
    let next = "Z9y8X7w6V5u4T3s2R1q0PaObNcMdLeKf";
    world.write("next.key", next);
    world.renewal.look().await;
    assert_eq!(world.renewal.alarm(), None);
    // From now on WeChat seals with the new one.
    world.wechat.with(|it| {
        it.settings_mut().api_v3_key = *next.as_bytes().first_chunk().unwrap();
    });
    let client = world.account.client().unwrap();
    assert!(client.refresh_certificates().await.is_ok());
    // The old one may go.
    world.write("v3.key", next);
    std::fs::remove_file(world.folder.path().join("next.key")).unwrap();
    world.renewal.look().await;
    assert_eq!(world.renewal.alarm(), None);
    let client = world.account.client().unwrap();
    assert!(client.refresh_certificates().await.is_ok());
}

#[tokio::test]
async fn keys_that_were_missing_at_the_start_are_taken_up_when_they_come() {
    let mut world = World::start().await;
    std::fs::remove_file(world.folder.path().join("key.pem")).unwrap();
    world.account.renew(Err("missing".to_owned()));
    world.renewal.look().await;
    assert!(world.account.client().err().unwrap().contains("key.pem"));
    assert!(!world.renewal.has_begun_to_serve());
    world.write("key.pem", material::MERCHANT_KEY);
    world.renewal.look().await;
    assert_eq!(world.serial(), material::MERCHANT_SERIAL);
    assert!(world.renewal.has_begun_to_serve());
    assert!(!world.renewal.has_begun_to_serve(), "told once");
}
