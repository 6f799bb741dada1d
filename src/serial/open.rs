//! Opening a port.

use std::io::ErrorKind as IoKind;
use std::path::PathBuf;

use tokio_serial::{
    ClearBuffer, DataBits, ErrorKind, FlowControl, SerialPort, SerialPortBuilderExt, SerialStream,
    StopBits,
};

use super::{Parity, PortSettings};

/// Why a port cannot be opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenFault {
    #[error("{} is not there; is the adapter plugged in? `ls /dev/serial/by-id` shows what is", .0.display())]
    Missing(PathBuf),
    #[error("{} is in use by another program; a port has one user", .0.display())]
    InUse(PathBuf),
    #[error("{} may not be opened; let parkgate's user into its group, often dialout", .0.display())]
    Forbidden(PathBuf),
    #[error("{} cannot be opened as a serial port: {detail}", .path.display())]
    Other { path: PathBuf, detail: String },
}

impl PortSettings {
    /// Opens the port for nobody else. What lay in its buffers before is dropped: nobody knows how old
    /// it is.
    ///
    /// # Errors
    /// See [`OpenFault`].
    pub fn open(&self) -> Result<SerialStream, OpenFault> {
        let port = tokio_serial::new(self.path.to_string_lossy(), self.baud)
            .data_bits(DataBits::Eight)
            .parity(match self.parity {
                Parity::None => tokio_serial::Parity::None,
                Parity::Even => tokio_serial::Parity::Even,
                Parity::Odd => tokio_serial::Parity::Odd,
            })
            .stop_bits(match self.stop_bits {
                2 => StopBits::Two,
                _ => StopBits::One,
            })
            .flow_control(FlowControl::None)
            .exclusive(true)
            .open_native_async()
            .map_err(|error| self.fault(&error))?;
        port.clear(ClearBuffer::All)
            .map_err(|error| self.fault(&error))?;
        Ok(port)
    }

    fn fault(&self, error: &tokio_serial::Error) -> OpenFault {
        let path = self.path.clone();
        match error.kind() {
            ErrorKind::Io(IoKind::PermissionDenied) => OpenFault::Forbidden(path),
            _ if !path.exists() => OpenFault::Missing(path),
            ErrorKind::NoDevice | ErrorKind::Io(IoKind::ResourceBusy | IoKind::WouldBlock) => {
                OpenFault::InUse(path)
            }
            _ => OpenFault::Other {
                path,
                detail: error.to_string(),
            },
        }
    }
}
