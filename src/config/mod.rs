//! `parkgate.toml`: read once, checked whole.
