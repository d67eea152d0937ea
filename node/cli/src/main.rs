//! The ioi command.

fn main() {}
