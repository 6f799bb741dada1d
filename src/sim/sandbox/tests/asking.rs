//! A sandbox of this process, and what the tests ask its control.

use std::path::PathBuf;
use std::sync::OnceLock;

use serde_json::Value;

use super::super::keys::Keys;
use super::super::*;
use super::customer::{Customer, Told, ask};

/// A sandbox in a folder of its own.
pub(super) struct World {
    pub sandbox: Sandbox,
    pub folder: tempfile::TempDir,
    pub customer: Customer,
}

impl World {
    pub async fn start(change: impl FnOnce(&mut Kind)) -> Self {
        let folder = folder_with_keys();
        let mut kind = Kind::at(folder.path());
        kind.control = Some(SocketAddr::from(([127, 0, 0, 1], 0)));
        change(&mut kind);
        let sandbox = Sandbox::start(kind).await.unwrap();
        Self {
            sandbox,
            customer: Customer::of(folder.path(), || now().0 / 1000),
            folder,
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The control's address without its scheme.
    pub fn control(&self) -> &str {
        let url = self.sandbox.setup.control_url.as_deref().unwrap();
        url.strip_prefix("http://").unwrap()
    }

    pub async fn get(&self, path: &str) -> Value {
        let told = self.ask("GET", path, "", &[]).await;
        assert_eq!(told.status, 200, "{path}: {}", told.body);
        serde_json::from_str(&told.body).unwrap()
    }

    pub async fn post(&self, path: &str, body: &Value) -> Value {
        let told = self.post_told(path, &body.to_string()).await;
        assert_eq!(told.status, 200, "{path}: {}", told.body);
        serde_json::from_str(&told.body).unwrap()
    }

    pub async fn post_told(&self, path: &str, body: &str) -> Told {
        let json = [("Content-Type", "application/json")];
        self.ask("POST", path, body, &json).await
    }

    pub async fn ask(
        &self,
        method: &str,
        path: &str,
        body: &str,
        headers: &[(&str, &str)],
    ) -> Told {
        ask(self.control(), method, path, body, headers).await
    }
}

/// Keys take a moment to make, and these tests are not about that.
pub(super) fn folder_with_keys() -> tempfile::TempDir {
    static MADE: OnceLock<Keys> = OnceLock::new();
    let keys = MADE.get_or_init(|| Keys::make(now()).unwrap());
    let folder = tempfile::tempdir().unwrap();
    keys.keep(folder.path()).unwrap();
    folder
}

fn now() -> Wall {
    Clock::system(TrustRule::Rtc, Wall(0)).now().wall
}
