//! JSON as records, requests and commands are written in.
//!
//! All of it is read from bytes: for each further form, text or [`Value`], the compiler would make the
//! code that reads a type once more.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// What `value` says, as the type that it was written from.
///
/// # Errors
/// When it says something else.
pub fn typed<T: DeserializeOwned>(value: &Value) -> serde_json::Result<T> {
    serde_json::from_slice(&bytes(value))
}

/// `value` as JSON. It is made of structs, strings and integers, as everything here is: then there is
/// nothing that could not be written.
pub fn bytes<T: Serialize>(value: &T) -> Vec<u8> {
    serde_json::to_vec(value).expect("structs of strings and integers")
}
