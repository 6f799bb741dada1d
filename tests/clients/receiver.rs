//! Whom callbacks go to.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

/// Takes whatever comes, believing nothing, and answers 204. Ends with the process.
pub fn taking() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // Who hangs up early is delivered to again.
            let _ = answer(stream);
        }
    });
    format!("http://{address}/wechat")
}

fn answer(mut stream: TcpStream) -> std::io::Result<()> {
    let mut heard = Vec::new();
    while !is_whole(&heard) {
        let mut some = [0; 4096];
        match stream.read(&mut some)? {
            0 => break,
            length => heard.extend_from_slice(&some[..length]),
        }
    }
    stream.write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
}

fn is_whole(heard: &[u8]) -> bool {
    let text = String::from_utf8_lossy(heard).to_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head
        .lines()
        .find_map(|it| it.strip_prefix("content-length: "));
    body.len() >= length.map_or(0, |length| length.trim().parse().unwrap_or(0))
}
