//! A plugin that misbehaves on purpose, for the demo and the tests.

fn main() {}
