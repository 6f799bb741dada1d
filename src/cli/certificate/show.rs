//! `parkgate certificate show`.

use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::json;

use super::password::Passwords;
use super::{
    Place, PlaceArgs, certificate_json, certificate_table, found_json, found_table, refuse,
};
use crate::cli::output;
use crate::cli::words::{Lang, preparation as words};
use crate::credentials::{choose, open};

#[derive(Debug, clap::Args)]
pub struct ShowArgs {
    /// Files to look into: ZIP, PEM, P12, or a folder; without any, those that are configured
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The password of a P12 file
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    #[command(flatten)]
    place: PlaceArgs,
}

/// Tells what files hold, and whether a key and a certificate among them belong together. Changes nothing.
pub fn run(args: &ShowArgs, lang: Lang) -> ExitCode {
    let as_json = args.place.json;
    let place = match Place::of(&args.place, lang) {
        Ok(place) => place,
        Err(code) => return code,
    };
    let files = match args.files.is_empty() {
        true => vec![place.key.file.clone(), place.certificate.file.clone()],
        false => args.files.clone(),
    };
    let passwords = Passwords::new(args.password_file.as_deref(), place.mchid.as_deref(), lang);
    let mut passwords = match passwords {
        Ok(passwords) => passwords,
        Err(error) => return refuse(&crate::causes::told(&error), as_json),
    };
    let bundle = match open(&files, &mut passwords) {
        Ok(bundle) => bundle,
        Err(fault) => return refuse(lang.told(&fault.told()), as_json),
    };
    let pair = choose(&bundle.found);
    if as_json {
        let (certificate, fault) = match &pair {
            Ok(pair) => (Some(certificate_json(pair.certificate)), None),
            Err(fault) => (None, Some(lang.told(&fault.told()).to_owned())),
        };
        output::print(
            &json!({
                "found": found_json(&bundle.found),
                "belong_together": pair.is_ok(),
                "certificate": certificate,
                "fault": fault,
            })
            .to_string(),
        );
    } else {
        output::print(&found_table(&bundle.found, lang));
    }
    match pair {
        Ok(_) if as_json => ExitCode::SUCCESS,
        Ok(pair) => output::print(&format!(
            "\n{}{}",
            certificate_table(pair.certificate, lang),
            lang.of(words::FITS)
        )),
        Err(fault) => super::fail(super::REFUSED, lang.told(&fault.told())),
    }
}
