//! What the kernel knows of a process of ours.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command};

use rustix::process::{Pid, Signal, kill_process};

use crate::Outcome;

/// A process that ends with the value.
pub struct Running(pub Child);

impl Running {
    pub fn spawn(command: &mut Command) -> Outcome<Self> {
        Ok(Self(command.spawn()?))
    }

    /// Ends it as systemd does.
    pub fn stop(&mut self) -> Outcome<()> {
        kill_process(Pid::from_child(&self.0), Signal::TERM)?;
        self.0.wait()?;
        Ok(())
    }

    /// A figure of `/proc/PID/status`, in kB.
    pub fn memory_kb(&self, key: &str) -> Outcome<u64> {
        number(&fs::read_to_string(self.proc("status"))?, key)
    }

    /// Times that a thread went to sleep by itself, and so had been woken.
    pub fn switches(&self) -> Outcome<u64> {
        self.threads()?
            .iter()
            .map(|thread| {
                let status = fs::read_to_string(thread.join("status"))?;
                number(&status, "voluntary_ctxt_switches")
            })
            .sum()
    }

    /// Bytes that it caused to be written to disks.
    pub fn written_bytes(&self) -> Outcome<u64> {
        number(&fs::read_to_string(self.proc("io"))?, "write_bytes")
    }

    /// Time on a processor, all threads that there are.
    pub fn ran_ns(&self) -> Outcome<u64> {
        self.threads()?
            .iter()
            .map(|thread| {
                let stat = fs::read_to_string(thread.join("schedstat"))?;
                let ran = stat.split_whitespace().next().unwrap_or_default();
                Ok(ran.parse::<u64>()?)
            })
            .sum()
    }

    fn threads(&self) -> Outcome<Vec<PathBuf>> {
        let threads = fs::read_dir(self.proc("task"))?;
        Ok(threads
            .map(|thread| thread.map(|thread| thread.path()))
            .collect::<Result<_, _>>()?)
    }

    fn proc(&self, file: &str) -> PathBuf {
        format!("/proc/{}/{file}", self.0.id()).into()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// `key: 123 …` in a file of /proc.
fn number(text: &str, key: &str) -> Outcome<u64> {
    text.lines()
        .find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))
        .and_then(|rest| rest.split_whitespace().next())
        .and_then(|number| number.parse().ok())
        .ok_or_else(|| format!("/proc says nothing of {key}").into())
}
