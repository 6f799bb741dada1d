//! Waiting for what must become true, with an end.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

/// Far more than anything here takes, also on a busy machine.
pub const AT_MOST: Duration = Duration::from_secs(120);
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Looks until there is something to see.
pub async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + AT_MOST;
    loop {
        if let Some(seen) = look().await {
            return seen;
        }
        assert!(
            Instant::now() < deadline,
            "waited {AT_MOST:?} in vain for {what}"
        );
        sleep(LOOK_EVERY).await;
    }
}

/// As [`until`], for what can be seen at once.
pub async fn seen<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let looking = async {
        loop {
            match look() {
                Some(seen) => return seen,
                None => sleep(LOOK_EVERY).await,
            }
        }
    };
    soon(what, looking).await
}

/// Waits for a future that must end.
pub async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    timeout(AT_MOST, future)
        .await
        .unwrap_or_else(|_| panic!("waited {AT_MOST:?} in vain for {what}"))
}
