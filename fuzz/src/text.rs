//! Text out of documents of any kind: bounded, and only the document's own bytes where it says so.

use ioi_extract::{Charset, ExtractError, Extracted, Limits, Media, extract};

/// Low, so that an input of a few KiB reaches them.
const LIMITS: Limits = Limits { text_bytes_max: 2 << 10, unfolded_bytes_max: 64 << 10 };

/// The first line is the file's name, the rest the file.
pub(crate) fn check(input: &[u8]) {
    let at = input.iter().position(|byte| *byte == b'\n').unwrap_or(input.len());
    let (name, bytes) = (&input[..at], input.get(at + 1..).unwrap_or_default());
    read(name, bytes);
}

/// Reads a document and holds the result against what is promised of every one.
pub(crate) fn read<'b>(name: &[u8], bytes: &'b [u8]) -> Option<Extracted<'b>> {
    let extracted = match extract(name, bytes, LIMITS) {
        Ok(extracted) => extracted,
        Err(error) => {
            let reason = error.to_string();
            assert!(reason.len() <= 2048, "a reason is short: {reason}");
            let limits = [LIMITS.text_bytes_max, LIMITS.unfolded_bytes_max];
            assert!(!matches!(error, ExtractError::Bomb { bytes_max, .. } if !limits.contains(&bytes_max)));
            return None;
        }
    };
    assert!(extracted.text.len() <= LIMITS.text_bytes_max, "the text is bounded");
    if extracted.same_as_source {
        assert_eq!(extracted.text.as_bytes(), bytes, "the text is the document");
    }
    if extracted.media != Media::Pdf && extracted.charset == Charset::Utf8 && extracted.replaced == 0 {
        assert!(std::str::from_utf8(bytes).is_ok(), "characters were replaced and not counted");
    }
    let again = extract(name, bytes, LIMITS);
    assert_eq!(again.as_ref(), Ok(&extracted), "the same document gives the same text");
    Some(extracted)
}
