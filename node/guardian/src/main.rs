//! The guardian process: keys, log frontiers and statements; no network.

fn main() {}
