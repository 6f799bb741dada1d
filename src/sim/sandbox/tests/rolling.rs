//! Keys that roll while a client is at work.

use serde_json::{Value, json};

use super::super::*;
use super::asking::World;

#[tokio::test]
async fn certificates_and_keys_roll() {
    let mut world = World::start(|_| ()).await;
    assert_eq!(certificates(&mut world).await, 2);
    let issued = world.post("/keys/issue", &json!({})).await;
    let rows = issued["keys"]["certificates"].as_array().unwrap();
    assert_eq!(rows.iter().filter(|row| row["signs"] == true).count(), 1);
    assert_eq!(certificates(&mut world).await, 3);
    let mixed = world.post("/keys/mix", &json!({})).await;
    let rows = mixed["keys"]["certificates"].as_array().unwrap();
    assert!(rows.iter().all(|row| row["signs"] == true));
    let newest = rows[2]["serial"].clone();
    world.post("/keys/retire", &json!({})).await;
    assert_eq!(certificates(&mut world).await, 1);
    // It outlives the sandbox.
    let folder = world.folder.path().to_owned();
    let again = Sandbox::start(Kind::at(&folder)).await.unwrap();
    let signing = again
        .server
        .with(|wechat| wechat.settings().trust.signing.clone());
    assert_eq!(json!(signing), json!([newest]));

    let before = std::fs::read_to_string(world.path(API_V3_KEY_FILE)).unwrap();
    let told = world.post("/keys/api-v3", &json!({})).await;
    let after = std::fs::read_to_string(world.path(API_V3_KEY_FILE)).unwrap();
    assert_ne!(before, after);
    assert!(!told.to_string().contains(&after));
    let known = world
        .sandbox
        .server
        .with(|wechat| wechat.settings().api_v3_key);
    assert_eq!(known, after.as_bytes());
}

/// The client signs with the pair that it has read, until it is refused.
#[tokio::test]
async fn the_merchants_certificate_rolls_with_the_old_one_beside_it() {
    let mut world = World::start(|_| ()).await;
    let old = world.old_pair();
    let told = world.post("/keys/merchant/issue", &json!({})).await;
    assert_eq!(told["keys"]["merchant"].as_array().unwrap().len(), 2);
    let certificate = std::fs::read_to_string(world.path(CERTIFICATE_FILE)).unwrap();
    let certificate = crate::wechat::Certificate::from_pem(&certificate).unwrap();
    let state = world.get("/state").await;
    let serial = &state["client"]["merchant_serial"];
    assert_eq!(*serial, json!(certificate.serial));
    assert_ne!(*serial, old["merchant_serial"]);

    assert_eq!(certificates(&mut world).await, 2, "signed with the new one");
    assert_eq!(world.by(&old).await.0, 200, "and with the old one");
    let later = json!({ "after_ms": 3_600_000 });
    let told = world.post("/keys/merchant/retire", &later).await;
    let rows = told["keys"]["merchant"].as_array().unwrap();
    let refused = rows.iter().filter(|row| row["refused_from"].is_string());
    assert_eq!(refused.count(), 1, "{told}");
    assert_eq!(world.by(&old).await.0, 200, "until then");
    // It is remembered over a restart.
    let again = Sandbox::start(Kind::at(world.folder.path())).await.unwrap();
    let known = again
        .server
        .with(|wechat| wechat.settings().merchant.serials.len());
    assert_eq!(known, 2);

    world.post("/keys/merchant/retire", &json!({})).await;
    let (status, refusal) = world.by(&old).await;
    let why = (status, &refusal["detail"]["field"]);
    assert_eq!(why, (401, &json!("serial_no")), "{refusal}");
    assert_eq!(certificates(&mut world).await, 2);
}

impl World {
    /// What the client has now, kept where no roll reaches it.
    fn old_pair(&self) -> Value {
        let mut setup = self.sandbox.setup.json();
        let key = self.path("old_key.pem");
        std::fs::copy(self.path(KEY_FILE), &key).unwrap();
        setup["private_key_file"] = json!(key);
        setup
    }

    /// The list of platform certificates, for a client that is told `setup`.
    async fn by(&mut self, setup: &Value) -> (u16, Value) {
        self.customer.setup = Some(setup.clone());
        let answer = self.customer.get("/v3/certificates").await;
        self.customer.setup = None;
        answer
    }
}

/// How many a client downloads.
async fn certificates(world: &mut World) -> usize {
    let (status, body) = world.customer.get("/v3/certificates").await;
    assert_eq!(status, 200, "{body}");
    body["data"].as_array().unwrap().len()
}
