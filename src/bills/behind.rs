//! Work on a bill: seconds on a small box, and behind everything that a car or a charge waits for.

use std::thread;

use tokio::sync::oneshot;

/// How much the thread stands back: the lanes' and WeChat's threads have 0.
const NICE: i32 = 15;

/// Runs `work` on a thread of its own. None if there is no thread, or it panicked.
pub async fn run<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let (tell, told) = oneshot::channel();
    let started = thread::Builder::new().name("bills".to_owned()).spawn(|| {
        // On Linux this is the calling thread alone. Where it is not allowed, it works on as the others do.
        let _ = rustix::process::setpriority_process(None, NICE);
        // Whoever waited may have gone.
        let _ = tell.send(work());
    });
    started.ok()?;
    told.await.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nice() -> i32 {
        rustix::process::getpriority_process(None).unwrap()
    }

    #[tokio::test]
    async fn it_stands_back_and_nobody_else_does() {
        let before = nice();
        assert_eq!(run(nice).await, Some(NICE.max(before)));
        assert_eq!(nice(), before);
        assert_eq!(run(|| -> u8 { panic!("a bill") }).await, None);
    }
}
