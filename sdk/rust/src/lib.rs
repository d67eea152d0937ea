//! Write an IOI plugin in Rust.
