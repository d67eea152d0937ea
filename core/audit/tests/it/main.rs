//! Receipts from end to end: built, verified by both verifiers, damaged, redacted, recovered.
#![allow(clippy::unwrap_used, reason = "a test that can not go on says where it stands")]

mod chain;
mod forge;
mod golden;
mod python;
mod receipts;
mod records;
mod sample;
mod table;
