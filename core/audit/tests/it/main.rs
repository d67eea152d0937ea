//! Receipts from end to end: built, verified by both verifiers, damaged, redacted, recovered.

mod chain;
mod forge;
mod golden;
mod python;
mod receipts;
mod sample;
mod table;
