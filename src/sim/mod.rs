//! A virtual car park and a strict WeChat Pay simulator: what `parkgate demo`, `parkgate sandbox`
//! and the tests run on.

pub mod broker;
pub mod http;
pub mod material;
pub mod random;
pub mod sandbox;
pub mod site;
pub mod wechat;
