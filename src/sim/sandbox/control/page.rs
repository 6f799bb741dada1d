//! The page: sent as one file, nothing from elsewhere, and a policy that lets nothing else in.

use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::Response;

use super::problem::Problem;

/// `{{nonce}}` stands where the policy's word goes.
pub(in crate::sim::sandbox) fn source() -> String {
    [
        ("{{style}}", include_str!("page/style.css")),
        ("{{words}}", include_str!("page/words.js")),
        ("{{script}}", include_str!("page/page.js")),
    ]
    .iter()
    .fold(PAGE.to_owned(), |page, (place, part)| {
        page.replace(place, part)
    })
}

const PAGE: &str = include_str!("page/page.html");

/// The page, with a word of this answer's own that its script and style carry.
pub(super) fn response() -> Result<Response, Problem> {
    let word = getrandom::u64().map_err(|error| Problem::machine(&error))?;
    let nonce = format!("{word:016x}");
    let policy = format!(
        "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; \
         connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    let mut response = Response::new(Body::from(source().replace("{{nonce}}", &nonce)));
    let headers = response.headers_mut();
    let kind = HeaderValue::from_static("text/html; charset=utf-8");
    headers.insert(header::CONTENT_TYPE, kind);
    let policy = HeaderValue::from_str(&policy).map_err(|_| Problem::failed())?;
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    Ok(super::guarded(response))
}
