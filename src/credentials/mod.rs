//! The merchant's key and certificate on their way to the box: what a file holds whatever it is called,
//! whether the two belong together, and how they come to where the daemon reads them.

mod bundle;
mod der;
mod keep;
mod pair;
mod piece;
mod pkcs12;
mod request;
#[cfg(test)]
mod tests;

pub use self::bundle::{Bundle, BundleFault, Password, open};
pub use self::keep::{KeepFault, Kept, Target, keep, keep_pair, previous};
pub use self::pair::{Pair, PairFault, choose};
pub use self::piece::{Found, Key, Piece, pieces};
pub use self::request::{Request, RequestFault, make};
