//! The way into the loop: one bounded queue for everything that happens.

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

use tokio::sync::oneshot;

use super::steward::Ask;
use crate::barrier::BarrierEvent;
use crate::camera::CameraEvent;
use crate::control::{Answer, Question};
use crate::lane::alarm::Alarm;
use crate::park::event::Event;

/// What waits at most. An answer that finds it full waits outside; a reading is dropped.
const CAPACITY: usize = 4096;
/// How long an answer waits before it tries again to get in.
const RETRY: Duration = Duration::from_millis(5);

/// What comes in.
pub enum Message {
    /// For the park.
    Event(Event),
    /// From a camera, not yet matched with a lane.
    Camera(CameraEvent),
    /// From a barrier's driver.
    Barrier(BarrierEvent),
    /// Something for the alarm list.
    Alarm(Alarm),
    /// A command that was taken and then not written.
    NotWritten { command_id: String, why: String },
    /// From the local socket.
    Asked(Question, oneshot::Sender<Answer>),
    /// From the steward of the ledger's past.
    Steward(Ask),
    /// Finish what is at hand and end.
    Stop,
}

/// The sending end.
#[derive(Clone)]
pub struct Inbox(SyncSender<Message>);

/// The loop's end.
pub struct Outlet(Receiver<Message>);

/// A new inbox.
pub fn open() -> (Inbox, Outlet) {
    let (sender, receiver) = sync_channel(CAPACITY);
    (Inbox(sender), Outlet(receiver))
}

impl Inbox {
    /// For what must not be lost: waits for room.
    pub async fn put(&self, event: Event) {
        self.put_message(Message::Event(event)).await;
    }

    /// As [`Inbox::put`], for anything.
    pub async fn put_message(&self, mut message: Message) {
        loop {
            message = match self.0.try_send(message) {
                Ok(()) | Err(TrySendError::Disconnected(_)) => return,
                Err(TrySendError::Full(message)) => message,
            };
            tokio::time::sleep(RETRY).await;
        }
    }

    /// For what will come again: false if there was no room.
    pub fn offer(&self, message: Message) -> bool {
        self.0.try_send(message).is_ok()
    }
}

impl Outlet {
    /// Waits for the first message, at most that long, and takes what else is there, up to `most`.
    /// None: nobody can send any more.
    pub fn take(&self, at_most: Duration, most: usize) -> Option<Vec<Message>> {
        let first = match self.0.recv_timeout(at_most) {
            Ok(message) => message,
            Err(RecvTimeoutError::Timeout) => return Some(Vec::new()),
            Err(RecvTimeoutError::Disconnected) => return None,
        };
        let mut messages = vec![first];
        messages.extend(self.0.try_iter().take(most.saturating_sub(1)));
        Some(messages)
    }
}
