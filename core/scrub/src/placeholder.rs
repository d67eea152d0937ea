//! What a tokenized value is replaced by: `<EMAIL_1:7f3a9c2e>`, the kind, a number, and the session's tag.

use crate::kind::Kind;
use crate::text::{Match, byte_at, run};

/// Hexadecimal digits of a tag.
pub(crate) const TAG_DIGITS: usize = 8;
const WORD_BYTES_MAX: usize = 24;
const NUMBER_DIGITS_MAX: usize = 10;

/// A placeholder's parts.
pub(crate) struct Parts<'a> {
    pub(crate) word: &'a [u8],
    pub(crate) number: &'a [u8],
    pub(crate) tag: &'a [u8],
    pub(crate) end: usize,
}

/// Reads the placeholder that begins at a `<`.
pub(crate) fn read(text: &[u8], at: usize) -> Option<Parts<'_>> {
    let word = at + 1;
    let word_end = word + run(text, word, WORD_BYTES_MAX, |byte| byte.is_ascii_uppercase() || byte == b'_');
    let number_end = word_end + run(text, word_end, NUMBER_DIGITS_MAX, |byte| byte.is_ascii_digit());
    let tag = number_end + 1;
    let tag_end = tag + run(text, tag, TAG_DIGITS, |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let fits = text.get(word_end.checked_sub(1)?) == Some(&b'_')
        && word_end - word > 1
        && number_end > word_end
        && byte_at(text, number_end) == b':'
        && tag_end - tag == TAG_DIGITS
        && byte_at(text, tag_end) == b'>';
    fits.then(|| Parts {
        word: &text[word..word_end - 1],
        number: &text[word_end..number_end],
        tag: &text[tag..tag_end],
        end: tag_end + 1,
    })
}

/// Text that looks like a placeholder, of whatever session.
pub(crate) fn find(text: &[u8], at: usize) -> Option<Match> {
    read(text, at).map(|parts| Match::new(Kind::Placeholder, at, parts.end))
}
