//! The queue alone, over a book that is made of records.

mod entries;
mod material;
mod queries;
mod staff;
mod turns;
