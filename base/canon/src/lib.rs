//! The one encoding of calls, leaves, approvals and receipts: restricted RFC 8785 JSON.
//!
//! Each value has exactly one byte string and each accepted byte string exactly
//! one value, so a digest over the bytes is a digest of the value. The
//! restrictions: no floats, no nulls, integers within ±(2⁵³ − 1) (larger ones
//! travel as decimal strings), keys of printable ASCII without duplicates,
//! bytes as lowercase hexadecimal strings.
//!
//! This crate does not know what a record, a call or a digest is.
//!
//! ```
//! use ioi_canon::{parse, Limits, Value};
//! let value = Value::map([("b", Value::from(1)), ("a", Value::from("x"))]);
//! assert_eq!(value.to_bytes(), br#"{"a":"x","b":1}"#);
//! assert_eq!(parse(br#"{"a":"x","b":1}"#, Limits::default()), Ok(value));
//! assert!(parse(br#"{"b":1,"a":"x"}"#, Limits::default()).is_err());
//! ```
#![forbid(unsafe_code)]

mod parse;
mod value;
mod write;

pub use parse::{Limits, ParseError, ParseErrorKind, parse, parse_file};
pub use value::{Map, Value};

/// The largest magnitude of an integer: 2⁵³ − 1, which every JSON reader keeps exactly.
pub const INTEGER_MAX: i64 = (1 << 53) - 1;
