//! The files that a person gives, opened: plain ones, ZIP archives, PKCS#12.

use std::fs::File;
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;
use zip::ZipArchive;

use super::piece::{Found, Piece, pieces};
use super::pkcs12;
use crate::bilingual::Both;
use crate::wechat::Secret;

/// What was found in all of them.
#[derive(Debug, Default)]
pub struct Bundle {
    /// At least one piece for each file.
    pub found: Vec<Found>,
}

/// Who knows the password of a PKCS#12 file. Asked again and again, until it has no more or one fits.
pub trait Password {
    /// The next one to try for this file.
    fn next(&mut self, file: &str) -> Option<Secret>;
}

/// Why a file cannot be looked at.
#[derive(Debug)]
pub enum BundleFault {
    /// No such file, or no right to read it.
    Unreadable { file: PathBuf, why: String },
    /// Larger than anything that the tool writes.
    TooLarge { file: PathBuf },
    /// A ZIP that cannot be opened.
    Zip { file: PathBuf, why: String },
}

/// The tool's ZIP has some 10 KiB.
const LARGEST: u64 = 4 * 1024 * 1024;
const FILES_MAX: usize = 100;

/// Opens files; a folder counts as the files in it.
pub fn open(paths: &[PathBuf], password: &mut dyn Password) -> Result<Bundle, BundleFault> {
    let mut bundle = Bundle::default();
    for path in paths {
        for file in files(path)? {
            let bytes = read(&file)?;
            bundle.take(&file, &name(&file), &bytes, password)?;
        }
    }
    Ok(bundle)
}

impl Bundle {
    fn take(
        &mut self,
        path: &Path,
        name: &str,
        bytes: &[u8],
        password: &mut dyn Password,
    ) -> Result<(), BundleFault> {
        const ZIP: &[u8] = b"PK\x03\x04";
        if bytes.starts_with(ZIP) && !name.contains('/') {
            for (inner, bytes) in unzip(path, bytes)? {
                self.take(path, &format!("{name}/{inner}"), &bytes, password)?;
            }
            return Ok(());
        }
        let pieces = match pkcs12::is_pkcs12(bytes) {
            true => unlock(name, bytes, password),
            false => pieces(bytes),
        };
        self.found.extend(pieces.into_iter().map(|piece| Found {
            file: name.to_owned(),
            piece,
        }));
        Ok(())
    }
}

fn unlock(name: &str, bytes: &[u8], password: &mut dyn Password) -> Vec<Piece> {
    while let Some(password) = password.next(name) {
        if let Some(pieces) = pkcs12::open(bytes, &password) {
            return pieces;
        }
    }
    vec![Piece::Locked]
}

/// A file in an archive: its name and what is in it.
type Inner = (String, Zeroizing<Vec<u8>>);

fn unzip(path: &Path, bytes: &[u8]) -> Result<Vec<Inner>, BundleFault> {
    let fault = |why: String| BundleFault::Zip {
        file: path.to_owned(),
        why,
    };
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|it| fault(it.to_string()))?;
    let mut files = Vec::new();
    for index in 0..archive.len().min(FILES_MAX) {
        let entry = archive
            .by_index(index)
            .map_err(|it| fault(it.to_string()))?;
        if entry.is_dir() {
            continue;
        }
        let name = entry.name().map_err(|it| fault(it.to_string()))?;
        let (name, size) = (last_part(&name), entry.size());
        if size > LARGEST {
            return Err(BundleFault::TooLarge {
                file: path.to_owned(),
            });
        }
        files.push((
            name,
            contents(entry, size).map_err(|it| fault(it.to_string()))?,
        ));
    }
    Ok(files)
}

fn files(path: &Path) -> Result<Vec<PathBuf>, BundleFault> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let listed = std::fs::read_dir(path).map_err(|error| unreadable(path, &error))?;
    let mut files: Vec<PathBuf> = listed
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.is_file())
        .take(FILES_MAX)
        .collect();
    files.sort();
    Ok(files)
}

fn read(file: &Path) -> Result<Zeroizing<Vec<u8>>, BundleFault> {
    let opened = File::open(file).map_err(|error| unreadable(file, &error))?;
    let length = opened
        .metadata()
        .map_err(|error| unreadable(file, &error))?
        .len();
    if length > LARGEST {
        return Err(BundleFault::TooLarge {
            file: file.to_owned(),
        });
    }
    contents(opened, length).map_err(|error| unreadable(file, &error))
}

/// Room for everything at once: a buffer that grows would leave copies of a key behind.
fn contents(reader: impl Read, length: u64) -> std::io::Result<Zeroizing<Vec<u8>>> {
    let room = usize::try_from(length.min(LARGEST)).unwrap_or_default() + 1;
    let mut bytes = Zeroizing::new(Vec::with_capacity(room));
    reader.take(LARGEST).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn unreadable(file: &Path, error: &std::io::Error) -> BundleFault {
    BundleFault::Unreadable {
        file: file.to_owned(),
        why: error.to_string(),
    }
}

fn name(file: &Path) -> String {
    let name = file.file_name().unwrap_or(file.as_os_str());
    name.to_string_lossy().into_owned()
}

/// Names in an archive are anybody's; only the last part is shown.
fn last_part(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    last.chars().filter(|c| !c.is_control()).take(80).collect()
}

impl BundleFault {
    /// What is wrong and what to do.
    pub fn told(&self) -> Both {
        match self {
            Self::Unreadable { file, why } => both!(
                "{file} cannot be read: {why}",
                "无法读取 {file}：{why}",
                file = file.display(),
            ),
            Self::TooLarge { file } => both!(
                "{file} is larger than anything that the certificate tool writes; check the file name",
                "{file} 过大，不是证书工具生成的文件；请检查文件名",
                file = file.display(),
            ),
            Self::Zip { file, why } => both!(
                "the archive {file} cannot be opened ({why}); unpack it, and give the files in it",
                "无法打开压缩包 {file}（{why}）；请解压后提供其中的文件",
                file = file.display(),
            ),
        }
    }
}
