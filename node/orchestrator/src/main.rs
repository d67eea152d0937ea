//! The orchestrator process: sessions, routing, decisions and the audit log.

fn main() {}
