//! PDF files: whatever the objects, reading ends, in bounded memory.
//!
//! The library that parses PDF may panic on a broken file. The plugin that reads documents catches
//! that, takes the file for one that can't be read, and so does this target: what it finds is what
//! can't be caught, an endless loop, a deep recursion or unbounded memory.

use crate::text::read;
use std::panic::{catch_unwind, resume_unwind};

/// The input is the file.
pub(crate) fn check(input: &[u8]) {
    let reading = catch_unwind(|| read(b"file.pdf", input).map(|file| file.text.len()));
    if let Err(panic) = reading
        && crate::panics::last_is_ours()
    {
        resume_unwind(panic);
    }
}
