//! Bills held against a ledger.

mod desk;
mod flowing;
mod matching;
mod written;
