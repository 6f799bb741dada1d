//! `parkgate certificate import`.

use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::json;

use super::password::Passwords;
use super::{
    Place, PlaceArgs, certificate_json, certificate_table, found_json, found_table, kept_json,
    kept_table, refuse,
};
use crate::cli::output;
use crate::cli::words::Lang;
use crate::credentials::{choose, open};

#[derive(Debug, clap::Args)]
pub struct ImportArgs {
    /// The tool's ZIP, or its PEM and P12 files, or a folder of them
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The password of a P12 file; else the merchant id is tried, then it is asked for
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    #[command(flatten)]
    place: PlaceArgs,
}

/// Finds the pair among the files, checks it, and puts it where the daemon reads it.
pub fn run(args: &ImportArgs, lang: Lang) -> ExitCode {
    let as_json = args.place.json;
    let place = match Place::of(&args.place, lang) {
        Ok(place) => place,
        Err(code) => return code,
    };
    let passwords = Passwords::new(args.password_file.as_deref(), place.mchid.as_deref(), lang);
    let mut passwords = match passwords {
        Ok(passwords) => passwords,
        Err(error) => return refuse(&crate::causes::told(&error), as_json),
    };
    let bundle = match open(&args.files, &mut passwords) {
        Ok(bundle) => bundle,
        Err(fault) => return refuse(lang.told(&fault.told()), as_json),
    };
    if !as_json {
        output::print(&found_table(&bundle.found, lang));
    }
    let pair = match choose(&bundle.found) {
        Ok(pair) => pair,
        Err(fault) => return refuse(lang.told(&fault.told()), as_json),
    };
    if let Err(why) = place.check(pair.certificate, lang) {
        return refuse(&why, as_json);
    }
    if let Some(configured) = place
        .serial
        .as_ref()
        .filter(|it| **it != pair.certificate.serial)
    {
        let fault = both!(
            "[merchant] certificate_serial is {configured}, and this certificate's is {serial}; write certificate_file = \
             \"{file}\" in its place, and import again",
            "[merchant] certificate_serial 为 {configured}，而该证书为 {serial}；请改写为 certificate_file = \"{file}\" 后重新导入",
            serial = pair.certificate.serial,
            file = place.certificate.file.display(),
        );
        return refuse(lang.told(&fault), as_json);
    }
    let kept = match place.keep(&pair) {
        Ok(kept) => kept,
        Err(fault) => return refuse(lang.told(&fault.told()), as_json),
    };
    output::print(&match as_json {
        true => json!({
            "found": found_json(&bundle.found),
            "certificate": certificate_json(pair.certificate),
            "files": kept_json(&place, kept),
        })
        .to_string(),
        false => format!(
            "\n{}\n{}{}",
            certificate_table(pair.certificate, lang),
            kept_table(&place, kept, lang),
            lang.taken_up()
        ),
    })
}
