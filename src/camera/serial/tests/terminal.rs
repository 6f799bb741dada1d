//! A pseudo-terminal as a serial line: this end is the device. Also included by tests/daemon.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

/// A device that is plugged in until it is dropped.
pub struct Terminal {
    device: File,
    link: PathBuf,
}

impl Terminal {
    /// Plugs a device in, under a name that stays the same for the next one.
    pub fn plug(link: &Path) -> Self {
        let device = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC);
        let device = device.unwrap();
        grantpt(&device).unwrap();
        unlockpt(&device).unwrap();
        let flags = fcntl_getfl(&device).unwrap();
        fcntl_setfl(&device, flags | OFlags::NONBLOCK).unwrap();
        let name = ptsname(&device, Vec::new()).unwrap();
        // As udev does it: the name is there at once, and whole.
        let beside = link.with_extension("new");
        symlink(OsStr::from_bytes(name.to_bytes()), &beside).unwrap();
        fs::rename(&beside, link).unwrap();
        Self {
            device: device.into(),
            link: link.to_owned(),
        }
    }

    /// Says something, as much as the line takes at once.
    pub fn say(&mut self, bytes: &[u8]) {
        self.device.write_all(bytes).unwrap();
    }

    /// What was said to it since the last look.
    pub fn heard(&mut self) -> Vec<u8> {
        let mut heard = Vec::new();
        match self.device.read_to_end(&mut heard) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            // Nobody has the other end open.
            Err(error) if error.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error()) => {}
            other => panic!("{other:?}"),
        }
        heard
    }
}

impl Drop for Terminal {
    /// Unplugs it.
    fn drop(&mut self) {
        // The next one may have taken the name over.
        let _ = fs::remove_file(&self.link);
    }
}
