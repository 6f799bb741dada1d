//! Resends of one signed request: a client that fails over to the backup host sends the same
//! nonce, timestamp and signature again, and that is one business request (`wechat-pay.md` 1.1).

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::answer::Reply;
use super::authorization::Authorization;
use super::books::ViolationKind;
use super::message::Request;
use super::refusal::Refusal;
use super::time::seconds;
use crate::lane::time::Wall;

/// The requests that could still come again.
#[derive(Default)]
pub(super) struct Heard(BTreeMap<(i64, String), Remembered>);

struct Remembered {
    digest: [u8; 32],
    /// None for what changes nothing, which is simply answered anew.
    reply: Option<Reply>,
}

/// Older timestamps are refused anyhow.
const REMEMBERED_S: i64 = 300;

impl Heard {
    /// The reply to this very request if it came before. A nonce that comes again with another
    /// content is refused.
    pub fn earlier(
        &mut self,
        authorization: &Authorization,
        request: &Request,
        now: Wall,
    ) -> Result<Option<Reply>, Refusal> {
        let oldest = seconds(now).saturating_sub(REMEMBERED_S);
        self.0 = self.0.split_off(&(oldest, String::new()));
        match self.0.get(&key(authorization)) {
            None => Ok(None),
            Some(remembered) if remembered.digest == digest(request) => {
                Ok(remembered.reply.clone())
            }
            Some(_) => Err(Refusal::sign(
                ViolationKind::ReusedNonce,
                "nonce_str",
                "nonce used before",
            )),
        }
    }

    /// Keeps the reply.
    pub fn remember(&mut self, authorization: &Authorization, request: &Request, reply: &Reply) {
        let changes = request.method != "GET";
        self.0.insert(
            key(authorization),
            Remembered {
                digest: digest(request),
                reply: changes.then(|| reply.clone()),
            },
        );
    }
}

fn key(authorization: &Authorization) -> (i64, String) {
    (authorization.timestamp, authorization.nonce.clone())
}

fn digest(request: &Request) -> [u8; 32] {
    Sha256::new()
        .chain_update(&request.method)
        .chain_update(b"\n")
        .chain_update(&request.target)
        .chain_update(b"\n")
        .chain_update(&request.body)
        .finalize()
        .into()
}
