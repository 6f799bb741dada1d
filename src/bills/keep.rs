//! Bills as they are kept: packed as they came, under `bills/` of the store, each there whole or not at all.
//! Beside them lies what matching them came to, and who has accepted it.

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, File};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, chown};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;
use ring::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::day::Day;
use super::report::Report;
use crate::json;
use crate::lane::time::Wall;
use crate::store::whole_file;
use crate::wechat::bill::Kind;

/// What a bill comes to unpacked, at most: two million lines.
const PLAIN_MAX: u64 = 1 << 30;

/// A folder of bills.
#[derive(Clone, Debug)]
pub struct Bills(PathBuf);

/// Why a bill is not kept.
#[derive(Debug, thiserror::Error)]
pub enum KeepFault {
    /// What came is not what WeChat said it would be.
    #[error("what came is not the bill that WeChat told the hash of")]
    OtherHash,
    /// Not packed, or cut, or endless.
    #[error("what came cannot be unpacked")]
    Unpacked(#[source] io::Error),
    /// The disk.
    #[error("the bill cannot be written to {}", .0.display())]
    Written(PathBuf, #[source] io::Error),
    /// The box had no thread for it.
    #[error("the bill was not looked at")]
    GivenUp,
}

/// A person says that a day is done with, whatever its bills say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    pub by: String,
    pub why: String,
    pub at: Wall,
}

const REPORT: &str = "match.json";
const ACCEPTED: &str = "accepted.json";

impl Bills {
    /// Those of this store.
    pub fn of(store: &Path) -> Self {
        Self(store.join("bills"))
    }

    /// Where a bill is or will be.
    pub fn path(&self, kind: Kind, day: Day) -> PathBuf {
        let what = match kind {
            Kind::Trade => "trade.csv.gz",
            Kind::FundFlow => "fund-flow.csv.gz",
        };
        self.of_day(day, what)
    }

    /// Keeps a bill if it is the one whose hash WeChat told. `packed` is what came.
    ///
    /// # Errors
    /// If it is another, or cannot be written; what was there then stands.
    pub fn keep(&self, kind: Kind, day: Day, packed: &[u8], sha1: &str) -> Result<(), KeepFault> {
        check(packed, sha1)?;
        self.write(self.path(kind, day), packed)
    }

    /// WeChat says that nothing happened on this day: its bill is empty.
    ///
    /// # Errors
    /// If that cannot be written.
    pub fn keep_nothing(&self, kind: Kind, day: Day) -> Result<(), KeepFault> {
        self.write(self.path(kind, day), &[])
    }

    /// Whether it was fetched; the one of a day without trade counts.
    pub fn has(&self, kind: Kind, day: Day) -> bool {
        self.path(kind, day).is_file()
    }

    /// Days of which anything is kept.
    ///
    /// # Errors
    /// If the folder cannot be read; one that is not there holds nothing.
    pub fn days(&self) -> io::Result<BTreeSet<Day>> {
        Ok(self.files()?.into_iter().map(|(day, _)| day).collect())
    }

    /// Removes what is older. Gives back of how many days.
    ///
    /// # Errors
    /// If a file cannot be removed.
    pub fn remove_before(&self, oldest: Day) -> io::Result<usize> {
        let mut days = BTreeSet::new();
        for (day, file) in self.files()? {
            if day < oldest {
                fs::remove_file(file)?;
                days.insert(day);
            }
        }
        Ok(days.len())
    }

    /// When anything was last put there or removed; None without a folder.
    pub fn changed(&self) -> Option<(i64, i64)> {
        let folder = fs::metadata(&self.0).ok()?;
        Some((folder.mtime(), folder.mtime_nsec()))
    }

    /// What matching the day last came to.
    pub fn report(&self, day: Day) -> Option<Report> {
        self.note(day, REPORT)
    }

    /// Keeps what matching came to.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn keep_report(&self, day: Day, report: &Report) -> Result<(), KeepFault> {
        self.write(self.of_day(day, REPORT), &json::bytes(report))
    }

    /// Who has said that the day is done with.
    pub fn accepted(&self, day: Day) -> Option<Accepted> {
        self.note(day, ACCEPTED)
    }

    /// Keeps that somebody says so.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn accept(&self, day: Day, accepted: &Accepted) -> Result<(), KeepFault> {
        self.write(self.of_day(day, ACCEPTED), &json::bytes(accepted))
    }

    /// A bill, unpacked as it is read; None if it was never fetched. One of a day without trade is empty.
    ///
    /// # Errors
    /// If the file cannot be opened.
    pub fn open(&self, kind: Kind, day: Day) -> io::Result<Option<Bill>> {
        let file = match File::open(self.path(kind, day)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file?,
        };
        let is_empty = file.metadata()?.len() == 0;
        Ok(Some(Bill::of_packed(file, is_empty)))
    }

    fn of_day(&self, day: Day, what: &str) -> PathBuf {
        self.0.join(format!("{day}-{what}"))
    }

    /// What cannot be read is as good as not there: it is made again from bill and ledger.
    fn note<T: DeserializeOwned>(&self, day: Day, what: &str) -> Option<T> {
        let bytes = fs::read(self.of_day(day, what)).ok()?;
        serde_json::from_slice(&bytes).ok()
    }

    fn files(&self) -> io::Result<Vec<(Day, PathBuf)>> {
        let files = match fs::read_dir(&self.0) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            files => files?,
        };
        let mut of_days = Vec::new();
        for file in files {
            let file = file?;
            let name = file.file_name();
            let name = name.to_str().unwrap_or_default();
            let day = name.split_at_checked(10).and_then(|(day, rest)| {
                let day = Day::read(day)?;
                rest.starts_with('-').then_some(day)
            });
            of_days.extend(day.map(|day| (day, file.path())));
        }
        Ok(of_days)
    }

    fn write(&self, path: PathBuf, bytes: &[u8]) -> Result<(), KeepFault> {
        let written = self
            .make()
            .and_then(|owner| whole_file::write_for(&path, bytes, owner));
        written.map_err(|error| KeepFault::Written(path, error))
    }

    /// The folder is there. What root puts into it belongs to whom the store belongs: the daemon goes on with it.
    fn make(&self) -> io::Result<Option<(u32, u32)>> {
        let store = self.0.parent().map(fs::metadata).transpose()?;
        let owner = store.map(|store| (store.uid(), store.gid()));
        let owner = owner.filter(|_| rustix::process::geteuid().is_root());
        match DirBuilder::new().mode(0o750).create(&self.0) {
            Ok(()) => {
                if let Some((user, group)) = owner {
                    chown(&self.0, Some(user), Some(group))?;
                }
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
        Ok(owner)
    }
}

/// A bill to be read.
pub enum Bill {
    /// Nothing happened on that day.
    Nothing,
    /// Line by line, unpacked, and not endlessly many bytes.
    Lines(Box<dyn BufRead>),
}

impl Bill {
    /// What is kept of a day.
    pub(crate) fn of_packed(packed: impl Read + 'static, is_empty: bool) -> Self {
        match is_empty {
            true => Self::Nothing,
            false => {
                let plain = MultiGzDecoder::new(packed).take(PLAIN_MAX);
                Self::Lines(Box::new(BufReader::new(plain)))
            }
        }
    }
}

/// Whether this is the bill whose hash WeChat told.
pub(crate) fn check(packed: &[u8], sha1: &str) -> Result<(), KeepFault> {
    let plain = MultiGzDecoder::new(packed).take(PLAIN_MAX);
    let found = sha1_of(plain).map_err(KeepFault::Unpacked)?;
    match found == sha1 {
        true => Ok(()),
        false => Err(KeepFault::OtherHash),
    }
}

fn sha1_of(mut bytes: impl Read) -> io::Result<String> {
    let mut hash = Hash(Context::new(&SHA1_FOR_LEGACY_USE_ONLY));
    io::copy(&mut bytes, &mut hash)?;
    let digest = hash.0.finish();
    Ok(digest
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect())
}

struct Hash(Context);

impl Write for Hash {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn packed(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn only_the_bill_whose_hash_was_told_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let (bills, day) = (Bills::of(folder.path()), Day::read("2026-03-01").unwrap());
        // FIPS 180: the SHA-1 of "abc".
        let sha1 = "a9993e364706816aba3e25717850c26c9cd0d89d";
        let other = bills.keep(Kind::Trade, day, &packed(b"abd"), sha1);
        assert!(matches!(other, Err(KeepFault::OtherHash)));
        let torn = &packed(b"abc")[..12];
        assert!(matches!(
            bills.keep(Kind::Trade, day, torn, sha1),
            Err(KeepFault::Unpacked(_))
        ));
        assert!(bills.open(Kind::Trade, day).unwrap().is_none());
        bills.keep(Kind::Trade, day, &packed(b"abc"), sha1).unwrap();
        let Some(Bill::Lines(mut lines)) = bills.open(Kind::Trade, day).unwrap() else {
            panic!("it is kept")
        };
        let mut text = String::new();
        lines.read_to_string(&mut text).unwrap();
        assert_eq!(text, "abc");
        let mode = std::fs::metadata(bills.path(Kind::Trade, day)).unwrap();
        assert_eq!(mode.permissions().mode() & 0o137, 0);
        bills.keep_nothing(Kind::FundFlow, day).unwrap();
        let nothing = bills.open(Kind::FundFlow, day).unwrap();
        assert!(matches!(nothing, Some(Bill::Nothing)));
    }

    #[test]
    fn what_is_older_is_removed_with_all_that_lies_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let (bills, day) = (Bills::of(folder.path()), Day::read("2026-03-01").unwrap());
        assert!(bills.days().unwrap().is_empty());
        assert_eq!(bills.changed(), None);
        let accepted = Accepted {
            by: "Li".into(),
            why: "found".into(),
            at: Wall(0),
        };
        for day in [day, day.plus(1), day.plus(2)] {
            bills.keep_nothing(Kind::Trade, day).unwrap();
            bills.keep_report(day, &Report::default()).unwrap();
            bills.accept(day, &accepted).unwrap();
        }
        fs::write(folder.path().join("bills/README"), "mine").unwrap();
        assert_eq!(bills.remove_before(day.plus(2)).unwrap(), 2);
        assert_eq!(bills.days().unwrap(), BTreeSet::from([day.plus(2)]));
        assert_eq!((bills.report(day), bills.accepted(day)), (None, None));
        assert_eq!(bills.accepted(day.plus(2)), Some(accepted));
        assert!(folder.path().join("bills/README").is_file());
        let mode = fs::metadata(folder.path().join("bills")).unwrap().mode();
        assert_eq!(mode & 0o027, 0, "{mode:o}");
    }
}
