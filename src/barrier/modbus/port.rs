//! Opening a port.

use std::io::ErrorKind as IoKind;

use tokio_serial::{
    ClearBuffer, DataBits, ErrorKind, FlowControl, SerialPort, SerialPortBuilderExt, SerialStream,
    StopBits,
};

use super::{Parity, Port};

/// Opens a port for nobody else, without what lay in its buffers.
///
/// # Errors
/// Why it cannot be opened, with the fix.
pub(super) fn open(port: &Port) -> Result<SerialStream, String> {
    let opened = tokio_serial::new(port.path.to_string_lossy(), port.baud)
        .data_bits(DataBits::Eight)
        .parity(match port.parity {
            Parity::None => tokio_serial::Parity::None,
            Parity::Even => tokio_serial::Parity::Even,
            Parity::Odd => tokio_serial::Parity::Odd,
        })
        .stop_bits(match port.stop_bits {
            2 => StopBits::Two,
            _ => StopBits::One,
        })
        .flow_control(FlowControl::None)
        .exclusive(true)
        .open_native_async();
    let stream = opened.map_err(|error| fault(port, &error))?;
    let cleared = stream.clear(ClearBuffer::All);
    cleared.map_err(|error| fault(port, &error))?;
    Ok(stream)
}

fn fault(port: &Port, error: &tokio_serial::Error) -> String {
    let path = port.path.display();
    match error.kind() {
        ErrorKind::Io(IoKind::PermissionDenied) => {
            format!("{path} may not be opened; let parkgate's user into its group, often dialout")
        }
        _ if !port.path.exists() => format!(
            "{path} is not there; is the adapter plugged in? `ls /dev/serial/by-id` shows what is"
        ),
        ErrorKind::NoDevice | ErrorKind::Io(IoKind::ResourceBusy | IoKind::WouldBlock) => {
            format!("{path} is in use by another program; a port has one user")
        }
        _ => format!("{path} cannot be opened as a serial port: {error}"),
    }
}
