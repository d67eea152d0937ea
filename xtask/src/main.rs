//! Build, test and tidy commands of this workspace.

fn main() {}
