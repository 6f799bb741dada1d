//! The queue alone, over a book that is made of records.

mod entries;
mod material;
mod noticed;
mod queries;
mod staff;
mod turns;
