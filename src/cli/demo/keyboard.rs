//! Reading the terminal: by a thread of its own, that can be ended while nobody types.

use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::thread::JoinHandle;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use tokio::sync::mpsc;

/// What is typed, in pieces as it comes.
pub struct Keyboard {
    pieces: mpsc::Receiver<Vec<u8>>,
    /// Closed to end the reader.
    end: Option<UnixStream>,
    reader: Option<JoinHandle<()>>,
}

const PIECES_MAX: usize = 64;
const PIECE_BYTES_MAX: usize = 1024;

impl Keyboard {
    /// Starts reading.
    ///
    /// # Errors
    /// When no file descriptor or thread is to be had.
    pub fn open(input: OwnedFd) -> io::Result<Self> {
        let (end, ended) = UnixStream::pair()?;
        let (tell, pieces) = mpsc::channel(PIECES_MAX);
        let reader = std::thread::Builder::new()
            .name("keyboard".to_owned())
            .spawn(move || read(&input, &ended, &tell))?;
        Ok(Self {
            pieces,
            end: Some(end),
            reader: Some(reader),
        })
    }

    /// The next bytes. None: the terminal was closed.
    pub async fn next(&mut self) -> Option<Vec<u8>> {
        self.pieces.recv().await
    }
}

impl Drop for Keyboard {
    fn drop(&mut self) {
        self.pieces.close();
        self.end = None;
        if let Some(reader) = self.reader.take() {
            // A panic was reported when it happened.
            let _ = reader.join();
        }
    }
}

fn read(input: &OwnedFd, ended: &UnixStream, tell: &mpsc::Sender<Vec<u8>>) {
    let Ok(mut file) = input.try_clone().map(std::fs::File::from) else {
        return;
    };
    let mut piece = vec![0; PIECE_BYTES_MAX];
    loop {
        let mut ready = [
            PollFd::new(input, PollFlags::IN),
            PollFd::new(ended, PollFlags::IN),
        ];
        match poll(&mut ready, None) {
            Ok(_) => {}
            Err(Errno::INTR) => continue,
            Err(_) => return,
        }
        if !ready[1].revents().is_empty() {
            return;
        }
        let read = match file.read(&mut piece) {
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) => return,
        };
        let typed = piece.get(..read).unwrap_or_default().to_vec();
        if typed.is_empty() || tell.blocking_send(typed).is_err() {
            return;
        }
    }
}
