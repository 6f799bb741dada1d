//! An ext4 filesystem on a device that loses its cache.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

use fuser::{BackgroundSession, Config, MountOption};
use tempfile::TempDir;

use crate::device::{Device, FILE};

const BYTES: u64 = 96 << 20;

/// A mounted disk; unmounted when dropped.
pub struct Disk {
    pub device: Device,
    session: Option<BackgroundSession>,
    /// Where the device's file is.
    folder: TempDir,
    mounted_at: PathBuf,
}

/// The medium of a new disk. None, loudly, where this process may not make or mount one.
pub fn formatted() -> Option<Vec<u8>> {
    static IMAGE: OnceLock<Option<Vec<u8>>> = OnceLock::new();
    IMAGE.get_or_init(format_and_try).clone()
}

fn format_and_try() -> Option<Vec<u8>> {
    let tried = format().and_then(|image| {
        let place = tempfile::tempdir().map_err(|e| e.to_string())?;
        let disk = Disk::try_mount(image.clone(), place.path())?;
        disk.unmount();
        Ok(image)
    });
    match tried {
        Ok(image) => Some(image),
        Err(why) => {
            println!(
                "NOT CHECKED: power cuts on a disk need root, /dev/fuse, a loop device and mkfs.ext4 ({why})"
            );
            None
        }
    }
}

fn format() -> Result<Vec<u8>, String> {
    let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
    let path = folder.path().join("image");
    File::create(&path)
        .and_then(|file| file.set_len(BYTES))
        .map_err(|e| e.to_string())?;
    let mkfs = [
        "-q",
        "-E",
        "lazy_itable_init=0,lazy_journal_init=0,nodiscard",
    ];
    ran(Command::new("mkfs.ext4")
        .args(mkfs)
        .arg(&path)
        .env("PATH", PATH))?;
    fs::read(&path).map_err(|e| e.to_string())
}

/// Where mkfs is for those who are not root by login.
const PATH: &str = "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin";

impl Disk {
    /// Mounts a medium at a folder; the filesystem recovers from its journal.
    pub fn mount(image: Vec<u8>, at: &Path) -> Self {
        Self::try_mount(image, at).unwrap_or_else(|why| panic!("the disk is not mounted: {why}"))
    }

    fn try_mount(image: Vec<u8>, at: &Path) -> Result<Self, String> {
        let device = Device::of(image);
        let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
        let mut options = Config::default();
        options.mount_options = vec![MountOption::FSName("parkgate-test".to_owned())];
        let session = fuser::spawn_mount(device.clone(), folder.path(), &options);
        let disk = Self {
            device,
            session: Some(session.map_err(|e| format!("FUSE: {e}"))?),
            folder,
            mounted_at: at.to_owned(),
        };
        ran(Command::new("mount")
            .args(["-t", "ext4", "-o", "loop"])
            .arg(disk.folder.path().join(FILE))
            .arg(at))?;
        Ok(disk)
    }

    /// Unmounts it and waits until the device is let go of. Nothing on it may be open.
    pub fn unmount(mut self) {
        self.unmounted();
        self.let_go();
        if let Some(session) = self.session.take() {
            session.join().unwrap();
        }
    }

    /// A program that another test is starting holds everything that is open for a moment.
    fn unmounted(&self) {
        let unmounted = || ran(Command::new("umount").arg(&self.mounted_at));
        for _ in 0..200 {
            if unmounted().is_ok() {
                return;
            }
            thread::sleep(Duration::from_millis(50));
        }
        unmounted().unwrap();
    }

    /// At once for names, and for good when the loop device has let go of the file.
    fn let_go(&self) {
        // If it fails, waiting for the end of the session does not end, and says so better.
        let _ = lazily_unmounted(self.folder.path());
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if self.session.is_some() {
            // A test failed; files may still be open.
            let _ = lazily_unmounted(&self.mounted_at);
            self.let_go();
        }
    }
}

fn lazily_unmounted(folder: &Path) -> Result<Output, String> {
    ran(Command::new("umount").arg("-l").arg(folder))
}

fn ran(command: &mut Command) -> Result<Output, String> {
    let output = command
        .output()
        .map_err(|error| format!("{}: {error}", command.get_program().display()))?;
    match output.status.success() {
        true => Ok(output),
        false => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
    }
}
