//! `parkgate certificate`: the merchant's key and certificate, from what the certificate tool left behind to
//! where the daemon reads them.

mod import;
mod password;
mod request;
mod show;

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::{Value, json};

use super::output::{Table, text};
use super::words::{Lang, preparation as words};
use super::{BAD_CONFIG, CONFIG, fail, output};
use crate::config::{Certificate as Named, Config};
use crate::credentials::{Found, KeepFault, Kept, Pair, Piece, Target, keep_pair};
use crate::doctor::merchant::day;
use crate::wechat::{Certificate, pem};

#[derive(Debug, clap::Subcommand)]
pub enum CertificateCommand {
    /// Take what WeChat's certificate tool left behind: its ZIP, PEM files or P12, whatever they are called
    Import(import::ImportArgs),
    /// Tell what files hold, or, without any, show the key and certificate that are configured
    Show(show::ShowArgs),
    /// Make a key on this box, and a request for its certificate; not verified against the merchant console
    Request(request::RequestArgs),
    /// Install the certificate that was issued for such a request
    Install(request::InstallArgs),
}

/// Where the two are kept.
#[derive(Debug, clap::Args)]
struct PlaceArgs {
    /// The configuration, which names the files
    #[arg(long, value_name = "FILE", default_value = CONFIG)]
    config: PathBuf,
    /// Keep them in this folder instead, as apiclient_key.pem and apiclient_cert.pem
    #[arg(long, value_name = "DIR")]
    into: Option<PathBuf>,
    /// Replace what is there; the old files stay beside as .previous
    #[arg(long)]
    force: bool,
    /// Print what was done as JSON
    #[arg(long)]
    json: bool,
}

/// Nothing was done.
const REFUSED: u8 = 1;

const KEY_FILE: &str = "apiclient_key.pem";
const CERTIFICATE_FILE: &str = "apiclient_cert.pem";
/// Without a config and without a folder.
const FOLDER: &str = "/etc/parkgate";

/// Does it.
pub fn run(command: &CertificateCommand, lang: Lang) -> ExitCode {
    match command {
        CertificateCommand::Import(args) => import::run(args, lang),
        CertificateCommand::Show(args) => show::run(args, lang),
        CertificateCommand::Request(args) => request::make(args, lang),
        CertificateCommand::Install(args) => request::install(args, lang),
    }
}

/// Where the two go, and whose they must be.
struct Place {
    key: Target,
    certificate: Target,
    mchid: Option<String>,
    /// Where only the serial number is configured, it must be this one.
    serial: Option<String>,
}

impl Place {
    fn of(args: &PlaceArgs, lang: Lang) -> Result<Self, ExitCode> {
        let config = match (args.config.exists(), &args.into) {
            (false, _) => None,
            (true, into) => match Config::load(&args.config) {
                Ok(config) => Some(config),
                Err(_) if into.is_some() => None,
                Err(faults) => return Err(fail(BAD_CONFIG, faults)),
            },
        };
        let (key, certificate) = match (&args.into, &config) {
            (Some(folder), _) => in_folder(folder),
            (None, None) => in_folder(Path::new(FOLDER)),
            (None, Some(config)) => {
                named(config).ok_or_else(|| fail(REFUSED, lang.needs_a_folder()))?
            }
        };
        let owner = config.as_ref().and_then(|config| owner(&config.store.path));
        let target = |file: PathBuf| Target {
            file,
            force: args.force,
            owner,
        };
        let serial = config
            .as_ref()
            .and_then(|config| match &config.merchant.certificate {
                Named::Serial(serial) => Some(format!("{serial:0>40}")),
                Named::File(_) => None,
            });
        Ok(Self {
            key: target(key),
            certificate: target(certificate),
            mchid: config.map(|config| config.merchant.mchid),
            serial: serial.filter(|_| args.into.is_none()),
        })
    }

    /// Puts both where the daemon reads them.
    fn keep(&self, pair: &Pair<'_>) -> Result<(Kept, Kept), KeepFault> {
        let certificate = pem::text("CERTIFICATE", &pair.certificate.der);
        keep_pair(
            (&self.key, pair.key.pem.expose_pem()),
            (&self.certificate, &certificate),
        )
    }

    /// Whether the certificate is this merchant's and lasts.
    fn check(&self, certificate: &Certificate, lang: Lang) -> Result<(), String> {
        let (theirs, serial) = (&certificate.subject, &certificate.serial);
        let is_id = !theirs.is_empty() && theirs.bytes().all(|b| b.is_ascii_digit());
        if let Some(ours) = self.mchid.as_ref().filter(|ours| is_id && *ours != theirs) {
            return Err(lang.another_merchant(theirs, ours));
        }
        if certificate.not_after < super::when::now() {
            return Err(lang.has_ended(serial, &day(certificate.not_after)));
        }
        Ok(())
    }
}

fn in_folder(folder: &Path) -> (PathBuf, PathBuf) {
    (folder.join(KEY_FILE), folder.join(CERTIFICATE_FILE))
}

/// As the config names them; None where systemd hands one over.
fn named(config: &Config) -> Option<(PathBuf, PathBuf)> {
    let merchant = &config.merchant;
    let key = merchant.private_key_file.clone();
    let certificate = match &merchant.certificate {
        Named::File(file) => file.clone(),
        Named::Serial(_) => key.with_file_name(CERTIFICATE_FILE),
    };
    let are_files = key.is_absolute() && certificate.is_absolute();
    are_files.then_some((key, certificate))
}

/// Who runs the daemon: the store is theirs.
fn owner(store: &Path) -> Option<(u32, u32)> {
    let metadata = std::fs::metadata(store).ok()?;
    Some((metadata.uid(), metadata.gid()))
}

/// What each file holds.
fn found_table(found: &[Found], lang: Lang) -> String {
    let mut table = Table::default();
    for Found { file, piece } in found {
        let more = match piece {
            Piece::Certificate(certificate) => {
                let ends = day(certificate.not_after);
                format!("{} {} … {ends}", certificate.serial, certificate.subject)
            }
            _ => String::new(),
        };
        table.row([text(file.as_str()), text(lang.of(piece.word())), text(more)]);
    }
    table.render()
}

fn found_json(found: &[Found]) -> Value {
    let rows = found.iter().map(|Found { file, piece }| {
        let mut row = json!({ "file": file, "holds": piece.id() });
        if let Piece::Certificate(certificate) = piece {
            row["certificate"] = certificate_json(certificate);
        }
        row
    });
    Value::Array(rows.collect())
}

fn certificate_table(certificate: &Certificate, lang: Lang) -> String {
    let mut table = Table::default();
    let mut row = |title, value: String| table.row([text(lang.of(title)), text(value)]);
    row(words::SERIAL, certificate.serial.clone());
    row(words::SUBJECT, certificate.subject.clone());
    row(words::ISSUER, certificate.issuer.clone());
    row(words::VALID_FROM, day(certificate.not_before));
    row(words::VALID_UNTIL, day(certificate.not_after));
    table.render()
}

fn certificate_json(certificate: &Certificate) -> Value {
    json!({
        "serial": certificate.serial,
        "subject": certificate.subject,
        "issuer": certificate.issuer,
        "valid_from": certificate.not_before.to_rfc3339(),
        "valid_until": certificate.not_after.to_rfc3339(),
    })
}

/// What became of the two files.
fn kept_table(place: &Place, kept: (Kept, Kept), lang: Lang) -> String {
    let mut table = Table::default();
    for (title, target, kept) in [
        (words::KEY_FILE, &place.key, kept.0),
        (words::CERTIFICATE_FILE, &place.certificate, kept.1),
    ] {
        table.row([
            text(lang.of(title)),
            text(target.file.display().to_string()),
            text(lang.of(words::kept(kept))),
        ]);
    }
    table.render()
}

fn kept_json(place: &Place, kept: (Kept, Kept)) -> Value {
    let word = |kept| match kept {
        Kept::Written => "written",
        Kept::Replaced => "replaced",
        Kept::Same => "same",
    };
    json!([
        { "file": place.key.file, "holds": "private_key", "kept": word(kept.0) },
        { "file": place.certificate.file, "holds": "certificate", "kept": word(kept.1) },
    ])
}

/// Tells why not, in JSON too.
fn refuse(why: &str, as_json: bool) -> ExitCode {
    if as_json {
        output::print(&json!({ "error": why }).to_string());
    }
    fail(REFUSED, why)
}
