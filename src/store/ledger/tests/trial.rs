//! A disk that fails, stops, and forgets what was not flushed.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};

const SECTOR: usize = 512;

/// Stands between the ledger and the real disk. It counts effects; one of them can be made to
/// fail, all from one on can be refused, and a power cut takes back what was not flushed: of writes
/// any set of sectors, of names any number of the last changes.
pub(in crate::store::ledger) struct Trial(Mutex<State>);

struct State {
    effects: usize,
    /// The effect that fails, and how.
    failing: Option<(usize, i32)>,
    failed: bool,
    /// No file whose name begins so can be made: the disk is full for it.
    refused: Option<&'static str>,
    /// There is no room for new files, nor for longer ones.
    full: bool,
    /// The first effect that does not happen any more.
    dead_from: usize,
    writes: Vec<Unflushed>,
    names: Vec<Renaming>,
    trash: PathBuf,
    trashed: usize,
    random: Random,
}

struct Unflushed {
    file: File,
    offset: u64,
    old: Vec<u8>,
    new_bytes: usize,
    old_length: u64,
    /// The kernel has given up on it: no later flush saves it.
    doomed: bool,
}

enum Renaming {
    Created(PathBuf),
    Renamed {
        from: PathBuf,
        to: PathBuf,
        replaced: Option<PathBuf>,
    },
    Removed {
        path: PathBuf,
        trash: PathBuf,
    },
}

impl Trial {
    /// `trash` is an empty folder beside the ledger's.
    pub(super) fn new(trash: &Path, seed: u64) -> Self {
        Self(Mutex::new(State {
            effects: 0,
            failing: None,
            failed: false,
            refused: None,
            full: false,
            dead_from: usize::MAX,
            writes: Vec::new(),
            names: Vec::new(),
            trash: trash.to_path_buf(),
            trashed: 0,
            random: Random(seed),
        }))
    }

    /// Effects so far.
    pub(super) fn effects(&self) -> usize {
        self.state().effects
    }

    /// Lets the effect after `skip` more fail once with `errno`.
    pub(super) fn fail_after(&self, skip: usize, errno: i32) {
        let mut state = self.state();
        state.failing = Some((state.effects + skip, errno));
        state.failed = false;
    }

    /// Whether the failure asked for has happened.
    pub(super) fn has_failed(&self) -> bool {
        self.state().failed
    }

    /// Leaves no room for files whose names begin with `prefix`.
    pub(super) fn refuse(&self, prefix: &'static str) {
        self.state().refused = Some(prefix);
    }

    /// Leaves no room but what files have already.
    pub(super) fn fill(&self) {
        self.state().full = true;
    }

    /// Refuses every effect after `skip` more.
    pub(super) fn die_after(&self, skip: usize) {
        let mut state = self.state();
        state.dead_from = state.effects + skip;
    }

    /// Whether effects are being refused.
    pub(super) fn is_dead(&self) -> bool {
        let state = self.state();
        state.effects > state.dead_from
    }

    /// The power is cut and comes back: what was not flushed is kept or lost by chance.
    pub(super) fn cut(&self) {
        let mut state = self.state();
        let names = state.names.len();
        let kept = state.random.below(names + 1);
        for name in state.names.split_off(kept).into_iter().rev() {
            name.undo();
        }
        state.names.clear();
        let writes = std::mem::take(&mut state.writes);
        for write in writes.iter().rev() {
            write.lose_some(&mut state.random);
        }
        state.dead_from = usize::MAX;
        state.failing = None;
    }

    /// The process is restarted; the disk is fine again.
    pub(super) fn revive(&self) {
        let mut state = self.state();
        state.dead_from = usize::MAX;
        state.failing = None;
        state.refused = None;
        state.full = false;
    }

    pub(in crate::store::ledger) fn create(&self, path: &Path) -> io::Result<File> {
        let mut state = self.state();
        state.step()?;
        state.check_name(path)?;
        state.check_room(true)?;
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create_new(true).open(path)?;
        state.names.push(Renaming::Created(path.to_path_buf()));
        Ok(file)
    }

    pub(in crate::store::ledger) fn write(
        &self,
        file: &File,
        bytes: &[u8],
        offset: u64,
    ) -> io::Result<()> {
        let mut state = self.state();
        let allowed = state.step();
        let written = match allowed {
            Ok(()) => bytes,
            Err(_) => &bytes[..state.random.below(bytes.len() / SECTOR + 1) * SECTOR],
        };
        let old_length = file.metadata()?.len();
        let end = offset + u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        state.check_room(end > old_length)?;
        let mut old = vec![0; written.len()];
        let readable = usize::try_from(old_length.saturating_sub(offset)).unwrap_or(0);
        let readable = readable.min(old.len());
        file.read_exact_at(&mut old[..readable], offset)?;
        file.write_all_at(written, offset)?;
        let (file, new_bytes) = (file.try_clone()?, written.len());
        state.writes.push(Unflushed {
            file,
            offset,
            old,
            new_bytes,
            old_length,
            doomed: false,
        });
        allowed
    }

    pub(in crate::store::ledger) fn sync(&self, file: &File) -> io::Result<()> {
        let mut state = self.state();
        let allowed = state.step();
        for write in state
            .writes
            .iter_mut()
            .filter(|write| same(&write.file, file))
        {
            write.doomed |= allowed.is_err();
        }
        state
            .writes
            .retain(|write| write.doomed || !same(&write.file, file));
        allowed
    }

    pub(in crate::store::ledger) fn sync_folder(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.step()?;
        state.names.retain(|name| name.folder() != Some(path));
        Ok(())
    }

    pub(in crate::store::ledger) fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.step()?;
        state.check_name(to)?;
        let replaced = to.exists().then(|| state.throw_away(to)).transpose()?;
        fs::rename(from, to)?;
        let (from, to) = (from.to_path_buf(), to.to_path_buf());
        state.names.push(Renaming::Renamed { from, to, replaced });
        Ok(())
    }

    pub(in crate::store::ledger) fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.step()?;
        let (trash, path) = (state.throw_away(path)?, path.to_path_buf());
        state.names.push(Renaming::Removed { path, trash });
        Ok(())
    }

    /// What the kernel gave up on stops to be visible.
    pub(in crate::store::ledger) fn forget_cache(&self, file: &File) {
        let mut state = self.state();
        let (gone, kept): (Vec<_>, Vec<_>) = std::mem::take(&mut state.writes)
            .into_iter()
            .partition(|write| write.doomed && same(&write.file, file));
        state.writes = kept;
        for write in gone.iter().rev() {
            write.lose_some(&mut state.random);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no test panics inside")
    }
}

impl State {
    fn step(&mut self) -> io::Result<()> {
        let this = self.effects;
        self.effects += 1;
        match self.failing {
            _ if this >= self.dead_from => Err(io::Error::from_raw_os_error(libc::EIO)),
            Some((at, errno)) if at == this => {
                self.failed = true;
                Err(io::Error::from_raw_os_error(errno))
            }
            _ => Ok(()),
        }
    }

    fn check_room(&self, is_wanted: bool) -> io::Result<()> {
        match self.full && is_wanted {
            true => Err(io::Error::from_raw_os_error(libc::ENOSPC)),
            false => Ok(()),
        }
    }

    fn check_name(&self, path: &Path) -> io::Result<()> {
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        match self.refused {
            Some(prefix) if name.starts_with(prefix) => {
                Err(io::Error::from_raw_os_error(libc::ENOSPC))
            }
            _ => Ok(()),
        }
    }

    fn throw_away(&mut self, path: &Path) -> io::Result<PathBuf> {
        self.trashed += 1;
        let trash = self.trash.join(self.trashed.to_string());
        fs::rename(path, &trash)?;
        Ok(trash)
    }
}

impl Unflushed {
    fn lose_some(&self, random: &mut Random) {
        let grown = self.file.metadata().expect("open").len() > self.old_length;
        if grown && random.below(2) == 0 {
            self.file
                .set_len(self.old_length)
                .expect("open for writing");
        }
        let length = self.file.metadata().expect("open").len();
        let mut at = self.offset;
        for old in self.old[..self.new_bytes].chunks(SECTOR) {
            if random.below(2) == 0 && at < length {
                self.file.write_all_at(old, at).expect("open for writing");
            }
            at += SECTOR as u64;
        }
    }
}

impl Renaming {
    fn folder(&self) -> Option<&Path> {
        match self {
            Self::Created(path) | Self::Renamed { to: path, .. } | Self::Removed { path, .. } => {
                path.parent()
            }
        }
    }

    fn undo(self) {
        match self {
            Self::Created(path) => fs::remove_file(path).expect("it was created"),
            Self::Renamed { from, to, replaced } => {
                fs::rename(&to, from).expect("it was renamed");
                if let Some(replaced) = replaced {
                    fs::rename(replaced, to).expect("it was replaced");
                }
            }
            Self::Removed { path, trash } => fs::rename(trash, path).expect("it was removed"),
        }
    }
}

fn same(a: &File, b: &File) -> bool {
    let inode = |file: &File| file.metadata().map(|m| (m.dev(), m.ino())).expect("open");
    inode(a) == inode(b)
}

/// SplitMix64.
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(super) fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(limit).expect("small")).expect("small")
    }
}
