//! Bills as they are kept: packed as they came, under `bills/` of the store, each there whole or not at all.

use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;
use ring::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY};

use super::day::Day;
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
}

impl Bills {
    /// Those of this store.
    pub fn of(store: &Path) -> Self {
        Self(store.join("bills"))
    }

    /// Where a bill is or will be.
    pub fn path(&self, kind: Kind, day: Day) -> PathBuf {
        let name = match kind {
            Kind::Trade => "trade",
            Kind::FundFlow => "fund-flow",
        };
        self.0.join(format!("{day}-{name}.csv.gz"))
    }

    /// Keeps a bill if it is the one whose hash WeChat told. `packed` is what came.
    ///
    /// # Errors
    /// If it is another, or cannot be written; what was there then stands.
    pub fn keep(&self, kind: Kind, day: Day, packed: &[u8], sha1: &str) -> Result<(), KeepFault> {
        let found =
            sha1_of(plain(io::Cursor::new(packed.to_vec()))).map_err(KeepFault::Unpacked)?;
        if found != sha1 {
            return Err(KeepFault::OtherHash);
        }
        self.write(kind, day, packed)
    }

    /// WeChat says that nothing happened on this day: its bill is empty.
    ///
    /// # Errors
    /// If that cannot be written.
    pub fn keep_nothing(&self, kind: Kind, day: Day) -> Result<(), KeepFault> {
        self.write(kind, day, &[])
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
        Ok(Some(match file.metadata()?.len() {
            0 => Bill::Nothing,
            _ => Bill::Lines(Box::new(BufReader::new(plain(file)))),
        }))
    }

    fn write(&self, kind: Kind, day: Day, packed: &[u8]) -> Result<(), KeepFault> {
        let path = self.path(kind, day);
        let written =
            std::fs::create_dir_all(&self.0).and_then(|()| whole_file::write(&path, packed));
        written.map_err(|error| KeepFault::Written(path, error))
    }
}

/// A bill to be read.
pub enum Bill {
    /// Nothing happened on that day.
    Nothing,
    /// Line by line.
    Lines(Box<BufReader<Plain>>),
}

/// Unpacked bytes, and not endlessly many.
pub type Plain = io::Take<MultiGzDecoder<Box<dyn Read>>>;

fn plain(packed: impl Read + 'static) -> Plain {
    let packed: Box<dyn Read> = Box::new(packed);
    MultiGzDecoder::new(packed).take(PLAIN_MAX)
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
}
