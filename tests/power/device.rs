//! A block device with a write cache that is lost when the power is cut: a file of a FUSE filesystem,
//! under a loop device.
#![allow(
    dead_code,
    reason = "the tests of the ledger and of the daemon use a part of it each"
)]

use std::ffi::OsStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, UNIX_EPOCH};

use fuser::{
    Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation, INodeNo, LockOwner,
    OpenFlags, ReplyAttr, ReplyData, ReplyEmpty, ReplyEntry, ReplyOpen, ReplyWrite, Request,
    WriteFlags,
};
use parkgate::sim::random::SplitMix64;

/// Name of the device's file.
pub const FILE: &str = "disk";

/// What a disk writes whole or not at all.
const SECTOR: usize = 512;
/// The first block holds ext4's superblock, of two sectors under one checksum. A filesystem in which one
/// of them is new and the other old is not mounted; no program can do anything about it but not write
/// through such a disk.
const SUPERBLOCK: usize = 4096;

/// Milliseconds, more than a busy machine takes for some requests.
const LOOKS: u32 = 10_000;

/// See the module. A clone is the same device.
#[derive(Clone)]
pub struct Device(Arc<Mutex<State>>);

struct State {
    /// What reads see: the medium and the cache over it.
    seen: Vec<u8>,
    /// What is there after a power cut in any case.
    durable: Vec<u8>,
    /// Writes since the last flush, oldest first.
    cache: Vec<Write>,
    obeys_flushes: bool,
    planned: Option<Planned>,
    taken: Option<Taken>,
}

/// A cut that is still to come.
struct Planned {
    requests_before: u64,
    fate: Fate,
    random: SplitMix64,
    certain: Box<dyn FnOnce() -> u64 + Send>,
}

/// What a cut left, and what was certain right before.
pub type Taken = (u64, Cut);

struct Write {
    offset: usize,
    bytes: Vec<u8>,
}

/// What becomes of the cache when the power is cut.
#[derive(Clone, Copy, Debug)]
pub enum Fate {
    /// All of it reaches the medium: a disk without a volatile cache.
    Kept,
    /// None of it does.
    Lost,
    /// Any writes do, in any order, each of them whole or in any of its sectors.
    Torn,
}

impl Fate {
    /// One or the other, by chance.
    pub fn drawn(random: &mut SplitMix64) -> Self {
        match random.below(4) {
            0 => Self::Kept,
            1 => Self::Lost,
            _ => Self::Torn,
        }
    }
}

/// What a cut left.
pub struct Cut {
    /// The medium.
    pub image: Vec<u8>,
    /// Writes that were in the cache.
    pub unflushed: usize,
}

impl Device {
    /// With these bytes on its medium.
    pub fn of(image: Vec<u8>) -> Self {
        Self(Arc::new(Mutex::new(State {
            seen: image.clone(),
            durable: image,
            cache: Vec::new(),
            obeys_flushes: true,
            planned: None,
            taken: None,
        })))
    }

    /// From now on it says that it has flushed, and has not.
    pub fn lie(&self) {
        self.state().obeys_flushes = false;
    }

    /// What would be there if the power were cut at this very moment. The device goes on.
    pub fn cut(&self, fate: Fate, random: &mut SplitMix64) -> Cut {
        self.state().cut(fate, random)
    }

    /// As [`Device::cut`], right before the device does the write or flush that comes after so many
    /// others: with the cache as full as it gets. `certain` is asked at that moment. If so many do not
    /// come for a while, the cut is now.
    pub fn cut_between_requests(
        &self,
        requests_before: u64,
        fate: Fate,
        random: &SplitMix64,
        certain: impl FnOnce() -> u64 + Send + 'static,
    ) -> Taken {
        self.state().planned = Some(Planned {
            requests_before,
            fate,
            random: random.clone(),
            certain: Box::new(certain),
        });
        for _ in 0..LOOKS {
            if let Some(taken) = self.state().taken.take() {
                return taken;
            }
            thread::sleep(Duration::from_millis(1));
        }
        let mut state = self.state();
        state.cut_as_planned();
        state
            .taken
            .take()
            .expect("taken now, or since the last look")
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn cut(&self, fate: Fate, random: &mut SplitMix64) -> Cut {
        let mut image = self.durable.clone();
        for write in &self.cache {
            write.survive(fate, random, &mut image);
        }
        Cut {
            image,
            unflushed: self.cache.len(),
        }
    }

    fn cut_as_planned(&mut self) {
        if let Some(planned) = self.planned.take() {
            let Planned {
                fate, mut random, ..
            } = planned;
            let certain = (planned.certain)();
            self.taken = Some((certain, self.cut(fate, &mut random)));
        }
    }

    fn request(&mut self) {
        match &mut self.planned {
            Some(planned) if planned.requests_before > 0 => planned.requests_before -= 1,
            Some(_) => self.cut_as_planned(),
            None => {}
        }
    }

    fn write(&mut self, offset: usize, bytes: &[u8]) -> Option<()> {
        self.request();
        let end = offset.checked_add(bytes.len())?;
        self.seen.get_mut(offset..end)?.copy_from_slice(bytes);
        let bytes = bytes.to_vec();
        self.cache.push(Write { offset, bytes });
        Some(())
    }

    fn flush(&mut self) {
        self.request();
        if self.obeys_flushes {
            for write in self.cache.drain(..) {
                put(&write.bytes, write.offset, &mut self.durable);
            }
        }
    }

    fn read(&self, offset: usize, length: usize) -> &[u8] {
        let from = offset.min(self.seen.len());
        &self.seen[from..self.seen.len().min(from + length)]
    }
}

impl Write {
    fn survive(&self, fate: Fate, random: &mut SplitMix64, image: &mut [u8]) {
        let is_whole = match fate {
            Fate::Kept => true,
            Fate::Lost => return,
            Fate::Torn => match random.below(3) {
                0 => true,
                1 => return,
                _ => false,
            },
        };
        let unit = match self.offset < SUPERBLOCK {
            true => SUPERBLOCK,
            false => SECTOR,
        };
        for (number, part) in self.bytes.chunks(unit).enumerate() {
            if is_whole || random.chance(500) {
                put(part, self.offset + number * unit, image);
            }
        }
    }
}

fn put(bytes: &[u8], offset: usize, image: &mut [u8]) {
    image[offset..offset + bytes.len()].copy_from_slice(bytes);
}

const FOLDER: INodeNo = INodeNo::ROOT;
const DISK: INodeNo = INodeNo(2);
const TTL: Duration = Duration::from_secs(3600);

impl Device {
    fn attributes(&self, inode: INodeNo) -> FileAttr {
        let is_disk = inode == DISK;
        let size = if is_disk { self.state().seen.len() } else { 0 };
        let size = u64::try_from(size).unwrap_or(0);
        FileAttr {
            ino: inode,
            size,
            blocks: size / 512,
            atime: UNIX_EPOCH,
            mtime: UNIX_EPOCH,
            ctime: UNIX_EPOCH,
            crtime: UNIX_EPOCH,
            kind: match is_disk {
                true => FileType::RegularFile,
                false => FileType::Directory,
            },
            perm: 0o700,
            nlink: 1,
            uid: 0,
            gid: 0,
            rdev: 0,
            blksize: 4096,
            flags: 0,
        }
    }
}

impl Filesystem for Device {
    fn lookup(&self, _: &Request, _: INodeNo, name: &OsStr, reply: ReplyEntry) {
        match name == FILE {
            true => reply.entry(&TTL, &self.attributes(DISK), Generation(0)),
            false => reply.error(Errno::ENOENT),
        }
    }

    fn getattr(&self, _: &Request, inode: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        match inode == DISK || inode == FOLDER {
            true => reply.attr(&TTL, &self.attributes(inode)),
            false => reply.error(Errno::ENOENT),
        }
    }

    /// Past the kernel's cache: every write comes at once, and every flush.
    fn open(&self, _: &Request, _: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        reply.opened(FileHandle(0), FopenFlags::FOPEN_DIRECT_IO);
    }

    fn read(
        &self,
        _: &Request,
        _: INodeNo,
        _: FileHandle,
        offset: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        let state = self.state();
        match (usize::try_from(offset), usize::try_from(size)) {
            (Ok(offset), Ok(size)) => reply.data(state.read(offset, size)),
            _ => reply.error(Errno::EINVAL),
        }
    }

    fn write(
        &self,
        _: &Request,
        _: INodeNo,
        _: FileHandle,
        offset: u64,
        bytes: &[u8],
        _: WriteFlags,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        let offset = usize::try_from(offset).ok();
        let written = offset.and_then(|offset| self.state().write(offset, bytes));
        match written.and_then(|()| u32::try_from(bytes.len()).ok()) {
            Some(length) => reply.written(length),
            None => reply.error(Errno::EFBIG),
        }
    }

    fn fsync(&self, _: &Request, _: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        self.state().flush();
        reply.ok();
    }

    /// Of a file descriptor that is closed: no flush of the device.
    fn flush(&self, _: &Request, _: INodeNo, _: FileHandle, _: LockOwner, reply: ReplyEmpty) {
        reply.ok();
    }
}
