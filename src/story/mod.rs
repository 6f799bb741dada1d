//! What the ledger tells about stays and charges: lists, whole stories, the accountant's export. The
//! same for the daemon, which answers with it over its socket, and for the command line beside a
//! ledger whose daemon is stopped. Reading needs no lock and changes nothing.

pub mod archive;
mod at;
pub mod case;
pub mod charge;
mod detail;
pub mod happening;
pub mod head;
pub mod refund;
pub mod session;
pub mod spot;
pub mod standing;
pub mod steps;
pub mod wanted;
