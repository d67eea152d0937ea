//! Bytes as recognisers look at them, and what they found.

use crate::kind::Kind;

/// A finding in some text, which may be a decoded one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Match {
    pub(crate) kind: Kind,
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) rest: Rest,
}

/// What belongs to a finding beyond its `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rest {
    /// Nothing.
    None,
    /// All letters of tokens that follow.
    Token,
    /// All letters of the same base64 or hexadecimal text that follow.
    Code,
    /// Everything through the last line of a PEM key, or to the end.
    Pem,
}

impl Match {
    pub(crate) const fn new(kind: Kind, start: usize, end: usize) -> Self {
        Self { kind, start, end, rest: Rest::None }
    }
}

/// Letters of tokens: what keys and JSON Web Tokens are made of.
pub(crate) const fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'+' | b'/' | b'=' | b'~')
}

/// The byte before a place, or a space at the beginning.
pub(crate) fn before(text: &[u8], at: usize) -> u8 {
    at.checked_sub(1).and_then(|at| text.get(at)).copied().unwrap_or(b' ')
}

/// The byte at a place, or a space behind the end.
pub(crate) fn byte_at(text: &[u8], at: usize) -> u8 {
    text.get(at).copied().unwrap_or(b' ')
}

/// How many bytes from a place on are of a class, up to a limit.
pub(crate) fn run(text: &[u8], at: usize, limit: usize, class: impl Fn(u8) -> bool) -> usize {
    let bytes =
        text.get(at..).unwrap_or_default().iter().take(limit).take_while(|byte| class(**byte)).count();
    work::add(bytes + 1);
    bytes
}

/// Bytes that were looked at, counted in tests only: what must not grow faster than a text.
pub(crate) mod work {
    #[cfg(test)]
    thread_local! {
        static BYTES: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
    }

    #[cfg(test)]
    pub(crate) fn add(bytes: usize) {
        BYTES.set(BYTES.get() + bytes as u64);
    }

    #[cfg(not(test))]
    pub(crate) const fn add(_: usize) {}

    #[cfg(test)]
    pub(crate) fn take() -> u64 {
        BYTES.replace(0)
    }
}

/// Context is looked for in so many bytes before a finding.
pub(crate) const CONTEXT_BYTES: usize = 48;

/// Whether one of the words (lower-case ASCII) begins in the bytes before `at`, at a word's beginning.
pub(crate) fn has_context(text: &[u8], at: usize, words: &[&str]) -> bool {
    let near = &text[at.saturating_sub(CONTEXT_BYTES)..at];
    work::add(near.len() * words.len());
    let mut lower = [0; CONTEXT_BYTES];
    let lower = &mut lower[..near.len()];
    lower.copy_from_slice(near);
    lower.make_ascii_lowercase();
    words.iter().any(|word| contains_word(lower, word.as_bytes()))
}

fn contains_word(text: &[u8], word: &[u8]) -> bool {
    let ends = |end: usize| !byte_at(text, end).is_ascii_alphabetic();
    let starts = |start: usize| !before(text, start).is_ascii_alphabetic();
    memchr::memmem::find_iter(text, word).any(|at| starts(at) && ends(at + word.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn context_is_a_whole_word_not_too_far_before() {
        let text = b"my SSN is 123";
        assert!(has_context(text, 10, &["tax", "ssn"]));
        assert!(!has_context(b"classn is 123", 10, &["ssn"]));
        assert!(!has_context(text, 3, &["ssn"]), "what comes later is no context");
        let far = [b"ssn".as_slice(), &[b' '; CONTEXT_BYTES - 2], b"123"].concat();
        assert!(!has_context(&far, far.len() - 3, &["ssn"]));
        assert!(has_context(&far, far.len() - 4, &["ssn"]));
    }
}
