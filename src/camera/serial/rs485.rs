//! The direction of an RS485 transceiver, driven by the kernel.

use std::os::fd::AsRawFd;

/// `struct serial_rs485` of linux/serial.h, in its first and still binary compatible form.
#[repr(C)]
#[derive(Default)]
struct SerialRs485 {
    flags: u32,
    delay_rts_before_send_ms: u32,
    delay_rts_after_send_ms: u32,
    padding: [u32; 5],
}

const ENABLED: u32 = 1 << 0;
const RTS_ON_SEND: u32 = 1 << 1;

/// Has the kernel raise RTS while it sends.
///
/// # Errors
/// Most drivers know nothing of it (ENOTTY); then the adapter itself must turn round.
pub fn enable(port: &impl AsRawFd) -> std::io::Result<()> {
    let mut settings = SerialRs485 {
        flags: ENABLED | RTS_ON_SEND,
        ..SerialRs485::default()
    };
    set(port, &mut settings)
}

#[expect(
    unsafe_code,
    reason = "no safe wrapper of TIOCSRS485 is in the dependency tree"
)]
fn set(port: &impl AsRawFd, settings: &mut SerialRs485) -> std::io::Result<()> {
    // SAFETY: the descriptor is open for as long as `port` is borrowed, and `settings` is the 32
    // bytes that the kernel reads and writes back here.
    let done = unsafe { libc::ioctl(port.as_raw_fd(), libc::TIOCSRS485, &raw mut *settings) };
    match done {
        -1 => Err(std::io::Error::last_os_error()),
        _ => Ok(()),
    }
}
