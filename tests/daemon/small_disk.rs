//! A disk with little room, that can be filled and be made read-only; and one whose medium fails.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A filesystem in memory. It goes with the test.
pub struct SmallDisk(PathBuf);

impl SmallDisk {
    /// None, loudly, where this process may not mount.
    pub fn mount(at: &Path, megabytes: u32) -> Option<Self> {
        let size = format!("size={megabytes}m");
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &size, "parkgate-test"])
            .arg(at)
            .output();
        let mounted = mount.is_ok_and(|output| output.status.success());
        if !mounted {
            println!("NOT CHECKED: a disk of its own needs the right to mount one");
        }
        mounted.then(|| Self(at.to_owned()))
    }

    /// Leaves no room at all.
    pub fn fill(&self) {
        let mut filler = fs::File::create(self.0.join("filler")).unwrap();
        while filler.write_all(&[1; 4096]).is_ok() {}
    }

    pub fn free(&self) {
        fs::remove_file(self.0.join("filler")).unwrap();
    }

    /// Gives it another size.
    pub fn resize(&self, megabytes: u32) {
        self.remount(&format!("size={megabytes}m"));
    }

    /// Makes it read-only, or writable again.
    pub fn read_only(&self, only: bool) {
        self.remount(if only { "ro" } else { "rw" });
    }

    fn remount(&self, option: &str) {
        let mut mount = Command::new("mount");
        let mount = mount
            .args(["-o", &format!("remount,{option}")])
            .arg(&self.0);
        assert!(mount.status().unwrap().success(), "{option}");
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // A daemon may still have files there, if the test failed.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// A filesystem in a file, as on a card. It goes with the test.
pub struct FailingDisk {
    image: PathBuf,
    at: PathBuf,
}

impl FailingDisk {
    /// None, loudly, where this process may not make and mount one.
    pub fn mount(image: PathBuf, at: &Path) -> Option<Self> {
        const BYTES: u64 = 96 << 20;
        let made = fs::File::create(&image).and_then(|file| file.set_len(BYTES));
        let disk = Self {
            image,
            at: at.to_owned(),
        };
        let formatted =
            made.is_ok() && succeeds(Command::new("mkfs.ext4").arg("-q").arg(&disk.image));
        let mounted = formatted && disk.mount_it();
        if !mounted {
            println!("NOT CHECKED: a medium that fails needs mkfs.ext4, and the right to mount");
        }
        mounted.then_some(disk)
    }

    /// As the kernel does it at an error of the medium: read-only at once, whatever is open.
    pub fn fail(&self) {
        let mut mount = Command::new("mount");
        assert!(succeeds(mount.args(["-o", "remount,abort"]).arg(&self.at)));
    }

    /// As another boot finds it. Nothing may be open on it.
    pub fn mount_anew(&self) {
        assert!(succeeds(Command::new("umount").arg(&self.at)));
        assert!(self.mount_it());
    }

    fn mount_it(&self) -> bool {
        let mut mount = Command::new("mount");
        succeeds(mount.args(["-o", "loop"]).arg(&self.image).arg(&self.at))
    }
}

impl Drop for FailingDisk {
    fn drop(&mut self) {
        // A daemon may still have files there, if the test failed.
        let _ = Command::new("umount").arg("-l").arg(&self.at).status();
    }
}

fn succeeds(command: &mut Command) -> bool {
    let output = command.output();
    output.is_ok_and(|output| output.status.success())
}
