//! PDF files: whatever the objects, reading ends, in bounded memory, and without a panic.
//!
//! The plugin that reads documents would catch a panic of the library that parses PDF and skip the
//! file; an endless loop, a deep recursion or unbounded memory would cost it more. All four count.

use crate::text::read;
use ioi_extract::Media;

/// The input is the file.
pub(crate) fn check(input: &[u8]) {
    if let Some(file) = read(b"file.pdf", input) {
        let is_pdf = file.media == Media::Pdf;
        assert!(!is_pdf || input.windows(5).any(|window| window == b"%PDF-"), "taken for a PDF");
        assert!(!is_pdf || !(file.text.is_empty() || file.same_as_source), "a page shows some text");
    }
}
