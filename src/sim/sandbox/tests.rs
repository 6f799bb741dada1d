//! The sandbox as a whole: its keys, what it tells a client, its control and its page.

mod asking;
mod controlling;
mod customer;
mod money;
mod page;
mod rolling;
mod starting;
