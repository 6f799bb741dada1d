//! WeChat's daily bills (`wechat-pay.md` 5): fetched, kept, read, and held against the ledger.

pub mod behind;
pub mod bill;
pub mod day;
pub mod fetch;
pub mod flow;
mod flowing;
mod held;
pub mod keep;
pub mod matching;
pub mod money;
mod order;
pub mod report;
pub mod standing;
mod table;
#[cfg(test)]
mod tests;
mod told;
