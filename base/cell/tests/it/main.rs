//! The map between two ends: both in this process, or as what it is, two processes.
#![cfg(feature = "os")]
#![allow(clippy::unwrap_used)]

mod boxes;
mod bytes;
mod common;
mod connect;
mod example;
mod liars;
mod pictures;
mod raw;
mod rings;
mod spill;
mod tables;
