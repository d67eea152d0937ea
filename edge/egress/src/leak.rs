//! The search for a credential in bytes that pass in pieces.
//!
//! A server that was given a credential may send it back, as it is or in another spelling, cut anywhere.
//! Bytes are let through only when no spelling can begin in them and end in what is still to come.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

/// The answer holds the credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the answer holds the credential that was sent with the request, so it was dropped")]
pub struct Leaked;

/// How the bytes that pass are read before they are compared.
#[derive(Clone, Copy, Debug)]
enum Reading {
    Plain,
    /// Letters in either case are one: hexadecimal digits.
    EitherCase,
    /// `%41` is `A`.
    Percent,
    /// `\u0041` is `A`, `\/` is `/`.
    Json,
}

/// Searches everything that passes for one secret and its spellings: as it is, in hexadecimal, in base64
/// (both alphabets, at every alignment), percent-encoded or JSON-escaped in any part.
pub struct LeakFilter {
    searches: Vec<Search>,
    held: Vec<u8>,
    /// Raw bytes that the longest spelling takes.
    spelling_bytes_max: usize,
}

struct Search {
    reading: Reading,
    /// Raw bytes of an escape that is not complete yet.
    escape: Vec<u8>,
    pattern: Zeroizing<Vec<u8>>,
    /// The failure function of Knuth, Morris and Pratt: a shorter prefix to go on with at a mismatch.
    shorter: Vec<usize>,
    matched: usize,
}

impl LeakFilter {
    /// A filter for one secret of at least one byte.
    #[must_use]
    pub fn new(secret: &[u8]) -> Self {
        let mut searches: Vec<_> = [Reading::Plain, Reading::Percent, Reading::Json]
            .map(|reading| Search::new(reading, secret.to_vec()))
            .into();
        let hex = ioi_types::hex::encode(secret).into_bytes();
        searches.push(Search::new(Reading::EitherCase, hex));
        for alignment in 0..3 {
            for text in [STANDARD_NO_PAD.encode(aligned(secret, alignment)), {
                URL_SAFE_NO_PAD.encode(aligned(secret, alignment))
            }] {
                let certain = certain_letters(secret.len(), alignment, &text);
                if certain.len() >= 4 {
                    searches.push(Search::new(Reading::Plain, certain.as_bytes().to_vec()));
                }
            }
        }
        Self { searches, held: Vec::new(), spelling_bytes_max: secret.len().saturating_mul(6) }
    }

    /// Takes the next piece and returns what may pass now.
    ///
    /// # Errors
    /// [`Leaked`] once any spelling is complete; nothing more is let through then.
    pub fn pass(&mut self, piece: &[u8]) -> Result<Vec<u8>, Leaked> {
        for &byte in piece {
            if self.searches.iter_mut().any(|search| search.found_after(byte)) {
                self.held.clear();
                return Err(Leaked);
            }
        }
        self.held.extend_from_slice(piece);
        let may_go_on = self.searches.iter().any(Search::is_under_way);
        let kept = if may_go_on { self.spelling_bytes_max.min(self.held.len()) } else { 0 };
        Ok(self.held.drain(..self.held.len() - kept).collect())
    }

    /// How much of a spelling the last bytes may be the beginning of.
    pub(crate) fn matched(&self) -> usize {
        self.searches.iter().map(|search| search.matched).max().unwrap_or(0)
    }

    /// The end: what was held back passes, since nothing follows it.
    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        self.held
    }
}

/// The secret after as many bytes as shift it against base64's groups of three.
fn aligned(secret: &[u8], alignment: usize) -> Vec<u8> {
    [&[0; 2][..alignment], secret].concat()
}

/// The letters that the secret alone determines, whatever stands before and after it.
fn certain_letters(secret_bytes: usize, alignment: usize, text: &str) -> &str {
    let first = (alignment * 8).div_ceil(6);
    let end = ((alignment + secret_bytes) * 8) / 6;
    text.get(first..end).unwrap_or_default()
}

impl Search {
    fn new(reading: Reading, pattern: Vec<u8>) -> Self {
        let mut shorter = vec![0; pattern.len()];
        let mut length = 0;
        for at in 1..pattern.len() {
            while length > 0 && pattern[at] != pattern[length] {
                length = shorter[length - 1];
            }
            length += usize::from(pattern[at] == pattern[length]);
            shorter[at] = length;
        }
        Self { reading, escape: Vec::new(), pattern: Zeroizing::new(pattern), shorter, matched: 0 }
    }

    fn is_under_way(&self) -> bool {
        self.matched > 0 || !self.escape.is_empty()
    }

    /// True when this raw byte completes the pattern.
    fn found_after(&mut self, byte: u8) -> bool {
        match self.reading {
            Reading::Plain => self.step(byte),
            Reading::EitherCase => self.step(byte.to_ascii_lowercase()),
            Reading::Percent => self.found_in_escape(byte, b'%', 3, percent),
            Reading::Json => self.found_in_escape(byte, b'\\', 6, json),
        }
    }

    /// Collects an escape up to its end. One that is none counts as the bytes that it is made of.
    fn found_in_escape(
        &mut self,
        byte: u8,
        mark: u8,
        bytes_max: usize,
        read: impl Fn(&[u8]) -> Option<u8>,
    ) -> bool {
        if self.escape.is_empty() && byte != mark {
            return self.step(byte);
        }
        self.escape.push(byte);
        if let Some(decoded) = read(&self.escape) {
            self.escape.clear();
            return self.step(decoded);
        }
        if self.escape.len() < bytes_max && is_beginning(&self.escape, mark) {
            return false;
        }
        let mut raw = std::mem::take(&mut self.escape);
        if byte == mark {
            self.escape.extend(raw.pop());
        }
        raw.into_iter().any(|byte| self.step(byte))
    }

    fn step(&mut self, byte: u8) -> bool {
        while self.matched > 0 && self.pattern[self.matched] != byte {
            self.matched = self.shorter[self.matched - 1];
        }
        self.matched += usize::from(self.pattern[self.matched] == byte);
        if self.matched < self.pattern.len() {
            return false;
        }
        self.matched = 0;
        true
    }
}

/// Whether these bytes can still become an escape.
fn is_beginning(raw: &[u8], mark: u8) -> bool {
    let digits = |raw: &[u8]| raw.iter().all(u8::is_ascii_hexdigit);
    match (mark, raw) {
        (_, [_]) => true,
        (b'%', [_, rest @ ..]) => digits(rest),
        (_, [_, b'u', rest @ ..]) => digits(rest),
        _ => false,
    }
}

fn percent(raw: &[u8]) -> Option<u8> {
    match raw {
        [b'%', digits @ ..] if digits.len() == 2 => number(digits),
        _ => None,
    }
}

fn json(raw: &[u8]) -> Option<u8> {
    match raw {
        [b'\\', letter @ (b'"' | b'\\' | b'/')] => Some(*letter),
        [b'\\', b'u', b'0', b'0', digits @ ..] if digits.len() == 2 => number(digits),
        _ => None,
    }
}

fn number(digits: &[u8]) -> Option<u8> {
    let text = std::str::from_utf8(digits).ok().filter(|text| text.bytes().all(|b| b.is_ascii_hexdigit()))?;
    u8::from_str_radix(text, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Passes `bytes` in pieces that end at `cuts`.
    fn pass(secret: &[u8], bytes: &[u8], cuts: &[usize]) -> Result<Vec<u8>, Leaked> {
        let mut filter = LeakFilter::new(secret);
        let mut ends: Vec<_> = cuts.iter().map(|cut| cut % (bytes.len() + 1)).chain([bytes.len()]).collect();
        ends.sort_unstable();
        let (mut passed, mut start) = (Vec::new(), 0);
        for end in ends {
            passed.extend(filter.pass(&bytes[start..end])?);
            start = end;
        }
        passed.extend(filter.finish());
        Ok(passed)
    }

    fn spelled(secret: &[u8], how: usize, before: &[u8], after: &[u8]) -> Vec<u8> {
        let whole = [before, secret, after].concat();
        let per_byte = |spell: &dyn Fn(u8) -> String| {
            let middle: String = secret.iter().map(|byte| spell(*byte)).collect();
            [before, middle.as_bytes(), after].concat()
        };
        match how {
            0 => whole,
            1 => ioi_types::hex::encode(&whole).into_bytes(),
            2 => ioi_types::hex::encode(&whole).to_uppercase().into_bytes(),
            3 => STANDARD_NO_PAD.encode(whole).into_bytes(),
            4 => URL_SAFE_NO_PAD.encode(whole).into_bytes(),
            5 => per_byte(&|byte| format!("%{byte:02X}")),
            6 => per_byte(&|byte| format!("%{byte:02x}")),
            7 => per_byte(&|byte| format!("\\u00{byte:02x}")),
            _ => per_byte(&|byte| match byte {
                byte if byte % 2 == 0 => format!("\\u00{byte:02X}"),
                byte => (byte as char).to_string(),
            }),
        }
    }

    proptest! {
        #[test]
        fn a_secret_is_found_in_every_spelling_wherever_it_is_cut(
            secret in "[!-\\[\\]-~&&[^%]]{8,60}", how in 0_usize..9,
            before in prop::collection::vec(any::<u8>(), 0..40), after in prop::collection::vec(any::<u8>(), 0..40),
            cuts in prop::collection::vec(any::<usize>(), 0..8),
        ) {
            // Bytes before it that begin an escape would change what the secret's own first byte is.
            let before: Vec<u8> = before.into_iter().filter(|b| !b"%\\".contains(b)).collect();
            let text = spelled(secret.as_bytes(), how, &before, &after);
            prop_assert_eq!(pass(secret.as_bytes(), &text, &cuts), Err(Leaked));
        }

        #[test]
        fn what_holds_no_secret_passes_whole(
            text in prop::collection::vec(any::<u8>(), 0..400), cuts in prop::collection::vec(any::<usize>(), 0..8),
        ) {
            let secret = b"sk-0123456789abcdef";
            prop_assert_eq!(pass(secret, &text, &cuts), Ok(text));
        }

        #[test]
        fn the_beginning_of_a_secret_is_held_back_until_it_is_known_to_be_none(
            length in 1_usize..19, tail in "[ -~]{0,40}",
        ) {
            let secret = b"sk-0123456789abcdef";
            let mut filter = LeakFilter::new(secret);
            let first = filter.pass(&secret[..length]).unwrap();
            prop_assert!(first.is_empty(), "{:?} passed before its end was known", first);
            let text = [&secret[..length], b" ", tail.as_bytes()].concat();
            prop_assert_eq!(pass(secret, &text, &[length]), Ok(text));
        }
    }

    #[test]
    fn text_without_a_beginning_of_the_secret_passes_at_once() {
        let mut filter = LeakFilter::new(b"zzzzzzzz-secret");
        assert_eq!(filter.pass(b"data: 1 + 1 = 2\n\n").unwrap(), b"data: 1 + 1 = 2\n\n");
    }
}
