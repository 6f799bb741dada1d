//! JSON as records, requests and commands are written in.

use serde::Serialize;

/// `value` as JSON. It is made of structs, strings and integers, as everything here is: then there is
/// nothing that could not be written.
pub fn bytes<T: Serialize>(value: &T) -> Vec<u8> {
    serde_json::to_vec(value).expect("structs of strings and integers")
}
