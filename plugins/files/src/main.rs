//! Lists and reads documents through the host and extracts their text.

fn main() {}
