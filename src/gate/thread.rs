//! The thread on which lanes are served: the cameras' connection, their serial ports and the loop, all
//! on one small runtime.
//!
//! So a reading becomes a raise without waking anybody: it is read from the socket, decided, committed and
//! answered here, one after the other. The commit blocks the thread, and may: until a reading's records
//! are on disk there is nothing to be done for its car, and the next car's decision needs the state that
//! this one leaves. What comes meanwhile waits in the kernel, a socket's or a serial line's, as it would
//! otherwise wait in the inbox. A disk that holds a commit up for longer than a keep-alive costs the
//! connection, which is then made anew; no raise could have left in that time either.
//!
//! Whatever need not be done before an arm moves runs elsewhere: WeChat, the operator's systems and the
//! control socket on the runtime that the gate was started on, the index and the ledger's upkeep on
//! threads of their own.

use std::convert::Infallible;
use std::io;
use std::thread;

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

/// See the module. Dropped, it ends with everything that runs on it.
pub struct GateThread {
    runtime: Handle,
    _until_dropped: oneshot::Sender<Infallible>,
}

impl GateThread {
    /// Starts it, with nothing to do yet.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start() -> io::Result<Self> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .thread_name("gate-files")
            .build()?;
        let handle = runtime.handle().clone();
        let (until_dropped, dropped) = oneshot::channel::<Infallible>();
        thread::Builder::new()
            .name("gate".to_owned())
            .spawn(move || {
                // Nothing is ever sent: an error is what is waited for.
                let _ = runtime.block_on(dropped);
                // A look-up of a name that hangs is not waited for.
                runtime.shutdown_background();
            })?;
        Ok(Self {
            runtime: handle,
            _until_dropped: until_dropped,
        })
    }

    /// Where its tasks are spawned.
    pub fn runtime(&self) -> &Handle {
        &self.runtime
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_runs_on_it_panics_alone_and_ends_with_it() {
        let thread = GateThread::start().unwrap();
        let broken = thread.runtime().spawn(async { panic!("one of its tasks") });
        assert!(broken.await.unwrap_err().is_panic());
        let named = thread
            .runtime()
            .spawn(async { thread::current().name().map(str::to_owned) });
        assert_eq!(named.await.unwrap().as_deref(), Some("gate"));
        let endless = thread.runtime().spawn(std::future::pending::<()>());
        drop(thread);
        assert!(endless.await.unwrap_err().is_cancelled());
    }
}
