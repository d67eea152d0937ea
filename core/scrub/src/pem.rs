//! PEM private keys. The first line makes one certain; where the last line is missing, everything that follows
//! belongs to it.

use crate::kind::Kind;
use crate::text::{Match, Rest, byte_at, run, work};

/// What every first line begins with.
pub(crate) const BEGIN: &str = "-----BEGIN ";
const END: &[u8] = b"-----END";
const DASHES: &[u8] = b"-----";
/// Words between the dashes take so many bytes at most.
const LABEL_BYTES_MAX: usize = 48;
/// A last line takes so many bytes at most.
pub(crate) const END_BYTES_MAX: usize = END.len() + LABEL_BYTES_MAX + DASHES.len();

/// The bytes of a label, and of the dashes behind it.
fn label(text: &[u8], at: usize) -> Option<(&[u8], usize)> {
    let class = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b' ';
    let bytes = run(text, at, LABEL_BYTES_MAX, class);
    let end = at + bytes;
    let dashes = text.get(end..end + DASHES.len())?;
    (dashes == DASHES).then_some((&text[at..end], end + DASHES.len()))
}

/// The private key whose first line begins at `at`. A line that is only quoted, as in `"…KEY-----"`, is none.
pub(crate) fn find(text: &[u8], at: usize) -> Option<Match> {
    let (label, end) = label(text, at + BEGIN.len())?;
    let private = memchr::memmem::find(label, b"PRIVATE KEY").is_some();
    let next = byte_at(text, end);
    let goes_on = next.is_ascii_whitespace() || next.is_ascii_alphanumeric() || matches!(next, b'\\' | b'%');
    (private && goes_on).then_some(Match { kind: Kind::PrivateKey, start: at, end, rest: Rest::Pem })
}

/// Behind the next last line, from a place on.
pub(crate) fn end(text: &[u8], from: usize) -> Option<usize> {
    let text = text.get(from..)?;
    let end =
        memchr::memmem::find_iter(text, END).find_map(|at| label(text, at + END.len())).map(|(_, end)| end);
    work::add(end.unwrap_or(text.len()));
    Some(from + end?)
}
