//! A disk with little room, that can be filled and be made read-only.

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
