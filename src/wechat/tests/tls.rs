//! TLS: whom the client lets in. The certificates are throw-away ones, made for this test.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use rustls::{ServerConnection, Stream};

use super::identity::server_config;
use super::server::{client_with, signed};
use super::vectors::settings;
use crate::charges::answer::{Answer, Heard, Transaction};
use crate::wechat::Patience;

const CA: &str = include_str!("tls/ca.pem");
const HERE: (&str, &str) = (include_str!("tls/here.pem"), include_str!("tls/here.key"));
const ELSEWHERE: (&str, &str) = (
    include_str!("tls/elsewhere.pem"),
    include_str!("tls/elsewhere.key"),
);
const ACCEPTED: &str = r#"{"out_trade_no":"T1","trade_state":"ACCEPTED"}"#;

#[tokio::test]
async fn a_configured_root_is_trusted() {
    let heard = charge(HERE, Some(CA), signed(200, ACCEPTED)).await;
    assert!(matches!(heard.answer, Answer::Verified(_)), "{heard:?}");
}

#[tokio::test]
async fn an_unknown_root_or_a_wrong_name_is_sent_nothing() {
    for (identity, ca, part) in [
        (HERE, None, "UnknownIssuer"),
        (ELSEWHERE, Some(CA), "not valid for name"),
    ] {
        let heard = charge(identity, ca, signed(200, ACCEPTED)).await;
        let Answer::NotSent(reason) = heard.answer else {
            panic!("{heard:?}")
        };
        assert!(reason.contains(part), "{reason}");
    }
}

/// A man in the middle whose certificate is of an authority that the box knows.
#[tokio::test]
async fn whom_tls_lets_in_is_not_believed_without_wechats_signature() {
    let genuine = String::from_utf8(signed(200, ACCEPTED)).unwrap();
    let settled = genuine.replace("ACCEPTED", "SUCCESS!");
    let unsigned = genuine
        .replace("Wechatpay-Signature", "X-Signature")
        .replace("wechatpay-signature", "x-signature");
    for forged in [settled, unsigned] {
        let heard = charge(HERE, Some(CA), forged.into_bytes()).await;
        assert!(matches!(heard.answer, Answer::Lost(_)), "{heard:?}");
    }
}

/// Charges at a TLS server with this certificate and key.
async fn charge(identity: (&str, &str), ca: Option<&str>, answer: Vec<u8>) -> Heard<Transaction> {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let tls = Arc::new(server_config(identity));
    let serving = std::thread::spawn(move || {
        let (mut tcp, _) = listener.accept().unwrap();
        let mut connection = ServerConnection::new(tls).unwrap();
        let mut stream = Stream::new(&mut connection, &mut tcp);
        let mut request = [0; 4096];
        // A client that does not like the certificate goes away.
        if stream.read(&mut request).is_ok_and(|count| count > 0) {
            stream.write_all(&answer).unwrap();
        }
    });
    let mut settings = settings(&[&url]);
    settings.ca_pem = ca.map(str::to_owned);
    let total = Duration::from_secs(5);
    let heard = client_with(settings)
        .0
        .charge("{}", Patience::Lane { total })
        .await;
    serving.join().unwrap();
    heard
}
