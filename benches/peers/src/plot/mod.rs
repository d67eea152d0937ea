//! x
use crate::report::Report;
/// x
pub fn latency(_: &Report) -> String { String::new() }
/// x
pub fn throughput(_: &Report) -> String { String::new() }
