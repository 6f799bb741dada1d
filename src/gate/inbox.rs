//! The way into the loop: one bounded queue for everything that happens.

use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::rows;
use super::steward::Ask;
use crate::barrier::BarrierEvent;
use crate::camera::CameraEvent;
use crate::control::{Answer, Question};
use crate::lane::alarm::Alarm;
use crate::notice::Opened;
use crate::park::event::Event;

/// What waits at most. An answer that finds it full waits outside; a reading is dropped.
const CAPACITY: usize = 4096;

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
    /// What WeChat told by itself; answered when it is on disk.
    Noticed(Box<Opened>, oneshot::Sender<Answer>),
    /// From the local socket.
    Asked(Question, oneshot::Sender<Answer>),
    /// From the steward of the ledger's past.
    Steward(Ask),
    /// From the index.
    Index(rows::Ask),
    /// Finish what is at hand and end.
    Stop,
}

/// The sending end.
#[derive(Clone)]
pub struct Inbox(mpsc::Sender<Message>);

/// The loop's end.
pub struct Outlet(mpsc::Receiver<Message>);

/// A new inbox.
pub fn open() -> (Inbox, Outlet) {
    let (sender, receiver) = mpsc::channel(CAPACITY);
    (Inbox(sender), Outlet(receiver))
}

impl Inbox {
    /// For what must not be lost: waits for room.
    pub async fn put(&self, event: Event) {
        self.put_message(Message::Event(event)).await;
    }

    /// As [`Inbox::put`], for anything.
    pub async fn put_message(&self, message: Message) {
        // An error says that the loop has ended, and then nobody is there to hear it.
        let _ = self.0.send(message).await;
    }

    /// For what will come again: false if there was no room. Never waits, on whatever thread.
    pub fn offer(&self, message: Message) -> bool {
        self.0.try_send(message).is_ok()
    }
}

impl Outlet {
    /// Waits for the first message, at most that long, and takes what else is there, up to `most`.
    /// None: nobody can send any more.
    pub async fn take(&mut self, at_most: Duration, most: usize) -> Option<Vec<Message>> {
        let mut messages = Vec::new();
        match timeout(at_most, self.0.recv_many(&mut messages, most)).await {
            Ok(0) => None,
            Ok(_) | Err(_) => Some(messages),
        }
    }
}
