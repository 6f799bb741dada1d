//! `parkgate certificate request` and `install`: a key that never leaves the box.

use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::json;

use super::{Place, PlaceArgs, certificate_json, certificate_table, kept_json, kept_table, refuse};
use crate::cli::output;
use crate::cli::words::Lang;
use crate::credentials::{self, Bundle, Password, Target, choose, keep, open};
use crate::wechat::Secret;

#[derive(Debug, clap::Args)]
pub struct RequestArgs {
    /// The merchant id, else as configured
    #[arg(long, value_name = "ID", value_parser = mchid)]
    mchid: Option<String>,
    #[command(flatten)]
    place: PlaceArgs,
}

#[derive(Debug, clap::Args)]
pub struct InstallArgs {
    /// The certificate as the merchant platform shows it (证书串): PEM, or its base64 alone
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    place: PlaceArgs,
}

/// A key that waits for its certificate stands beside the one in use.
const PENDING: &str = "requested_key.pem";
const REQUEST: &str = "requested.csr";

/// Makes key and request.
pub fn make(args: &RequestArgs, lang: Lang) -> ExitCode {
    let as_json = args.place.json;
    let place = match Place::of(&args.place, lang) {
        Ok(place) => place,
        Err(code) => return code,
    };
    let Some(mchid) = args.mchid.clone().or_else(|| place.mchid.clone()) else {
        let fault = both!(
            "whose certificate? Give --mchid ID, or a config that names it",
            "为哪个商户申请？请用 --mchid 商户号，或提供配置文件"
        );
        return refuse(lang.told(&fault), as_json);
    };
    let (key, request) = waiting(&place);
    let name = key.file.display().to_string();
    if key.file.exists() && !key.force {
        return refuse(&lang.key_waits(&name), as_json);
    }
    let made = match credentials::make(&mchid) {
        Ok(made) => made,
        Err(error) => return refuse(&error.to_string(), as_json),
    };
    // An older request is of no use without its key.
    let request = Target {
        force: true,
        ..request
    };
    let kept = keep(&key, made.key.expose_pem()).and_then(|_| keep(&request, &made.request));
    if let Err(fault) = kept {
        return refuse(lang.told(&fault.told()), as_json);
    }
    let told = lang.request_made(&name, &request.file.display().to_string());
    output::print(&match as_json {
        true => json!({
            "mchid": mchid,
            "key_file": key.file,
            "request_file": request.file,
            "request": made.request,
            "verified_against_console": false,
        })
        .to_string(),
        false => format!("{}\n{told}", made.request),
    })
}

/// Puts the waiting key and its certificate in their places.
pub fn install(args: &InstallArgs, lang: Lang) -> ExitCode {
    let as_json = args.place.json;
    let place = match Place::of(&args.place, lang) {
        Ok(place) => place,
        Err(code) => return code,
    };
    let (key, request) = waiting(&place);
    if !key.file.exists() {
        let name = key.file.display().to_string();
        return refuse(&lang.no_key_waits(&name), as_json);
    }
    let files = [key.file.clone(), args.file.clone()];
    let bundle: Bundle = match open(&files, &mut NoPassword) {
        Ok(bundle) => bundle,
        Err(fault) => return refuse(lang.told(&fault.told()), as_json),
    };
    let pair = match choose(&bundle.found) {
        Ok(pair) => pair,
        Err(fault) => return refuse(lang.told(&fault.told()), as_json),
    };
    if let Err(why) = place.check(pair.certificate, lang) {
        return refuse(&why, as_json);
    }
    let kept = match place.keep(&pair) {
        Ok(kept) => kept,
        Err(fault) => return refuse(lang.told(&fault.told()), as_json),
    };
    for done in [&key.file, &request.file] {
        // They stand in their places now; what stays behind is only untidy.
        let _ = std::fs::remove_file(done);
    }
    output::print(&match as_json {
        true => json!({
            "certificate": certificate_json(pair.certificate),
            "files": kept_json(&place, kept),
        })
        .to_string(),
        false => format!(
            "{}\n{}{}",
            certificate_table(pair.certificate, lang),
            kept_table(&place, kept, lang),
            lang.taken_up()
        ),
    })
}

fn waiting(place: &Place) -> (Target, Target) {
    let beside = |name: &str| Target {
        file: place.key.file.with_file_name(name),
        ..place.key.clone()
    };
    (beside(PENDING), beside(REQUEST))
}

/// What the merchant platform shows has none.
struct NoPassword;

impl Password for NoPassword {
    fn next(&mut self, _file: &str) -> Option<Secret> {
        None
    }
}

fn mchid(text: &str) -> Result<String, String> {
    let fits = (8..=10).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    match fits {
        true => Ok(text.to_owned()),
        false => Err("a merchant id has 8 to 10 digits".to_owned()),
    }
}
