//! The workload process: passages, retrieval and answers; no keys, no network.

fn main() {}
