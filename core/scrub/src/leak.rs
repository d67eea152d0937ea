//! The search for known secrets in bytes that pass in pieces.
//!
//! A server that was given a credential may send it back, as it is or in another spelling, cut anywhere.
//! Bytes are let through only when no spelling can begin in them and end in what is still to come.

use crate::nfkc::{decode, folded};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

/// The bytes hold one of the secrets.
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
    /// A character is what Unicode takes it for (NFKC): a full-width `Ａ` is `A`.
    Alike,
}

/// Searches everything that passes for secrets and their spellings: as they are, in hexadecimal, in base64
/// (both alphabets, at every alignment), percent-encoded, JSON-escaped or in alike characters in any part.
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
    /// A filter for one secret. An empty one is nowhere.
    #[must_use]
    pub fn new(secret: &[u8]) -> Self {
        Self::of([secret])
    }

    /// A filter for several secrets. The work for a byte grows with their number.
    pub fn of<'s>(secrets: impl IntoIterator<Item = &'s [u8]>) -> Self {
        let mut filter = Self { searches: Vec::new(), held: Vec::new(), spelling_bytes_max: 0 };
        for secret in secrets.into_iter().filter(|secret| !secret.is_empty()) {
            filter.searches.extend(spellings(secret));
            let bytes = secret.len().saturating_mul(SPELLING_BYTES_MAX);
            filter.spelling_bytes_max = filter.spelling_bytes_max.max(bytes);
        }
        filter
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
    #[must_use]
    pub fn matched(&self) -> usize {
        self.searches.iter().map(|search| search.matched).max().unwrap_or(0)
    }

    /// The end: what was held back passes, since nothing follows it.
    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        self.held
    }
}

/// One byte takes six in JSON (`\u0041`), which is the longest of its spellings.
const SPELLING_BYTES_MAX: usize = 6;

/// One search for each spelling of a secret.
fn spellings(secret: &[u8]) -> Vec<Search> {
    let read = [Reading::Plain, Reading::Percent, Reading::Json, Reading::Alike];
    let mut searches: Vec<_> = read.map(|reading| Search::new(reading, secret.to_vec())).into();
    let hex = ioi_types::hex::encode(secret).into_bytes();
    searches.push(Search::new(Reading::EitherCase, hex));
    for alignment in 0..3 {
        let bytes = aligned(secret, alignment);
        let texts = [STANDARD_NO_PAD.encode(&bytes), URL_SAFE_NO_PAD.encode(&bytes)];
        // Without `+` and `/` both alphabets write the same.
        let texts = &texts[..1 + usize::from(texts[0] != texts[1])];
        let certain = texts.iter().map(|text| certain_letters(secret.len(), alignment, text));
        let long = certain.filter(|certain| certain.len() >= 4);
        searches.extend(long.map(|certain| Search::new(Reading::Plain, certain.as_bytes().to_vec())));
    }
    searches
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
            Reading::Alike => self.found_in_character(byte),
        }
    }

    /// Collects a character of several bytes and goes on with what it is taken for.
    fn found_in_character(&mut self, byte: u8) -> bool {
        if self.escape.is_empty() && byte < 0xC2 {
            return self.step(byte);
        }
        self.escape.push(byte);
        if let Some((character, _)) = decode(&self.escape) {
            let raw = std::mem::take(&mut self.escape);
            return match folded(character) {
                Some(folded) => folded.bytes().iter().any(|byte| self.step(*byte)),
                None => raw.into_iter().any(|byte| self.step(byte)),
            };
        }
        let continues = (0x80..0xC0).contains(&byte) || self.escape.len() == 1;
        if continues && self.escape.len() < 4 {
            return false;
        }
        let mut raw = std::mem::take(&mut self.escape);
        if byte >= 0xC2 {
            self.escape.extend(raw.pop());
        }
        raw.into_iter().any(|byte| self.step(byte))
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
            8 => per_byte(&|byte| char::from_u32(u32::from(byte) + 0xFEE0).unwrap().to_string()),
            _ => per_byte(&|byte| match byte {
                byte if byte % 2 == 0 => format!("\\u00{byte:02X}"),
                byte => (byte as char).to_string(),
            }),
        }
    }

    proptest! {
        #[test]
        fn a_secret_is_found_in_every_spelling_wherever_it_is_cut(
            secret in "[!-\\[\\]-~&&[^%]]{8,60}", how in 0_usize..10,
            before in prop::collection::vec(any::<u8>(), 0..40), after in prop::collection::vec(any::<u8>(), 0..40),
            cuts in prop::collection::vec(any::<usize>(), 0..8),
        ) {
            // Bytes before it that begin an escape or a character would change what the secret's own first byte is.
            let begins = |byte: &u8| b"%\\".contains(byte) || *byte >= 0xC2;
            let before: Vec<u8> = before.into_iter().filter(|byte| !begins(byte)).collect();
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
    fn each_of_several_secrets_is_found_and_an_empty_one_is_nowhere() {
        let secrets: [&[u8]; 3] = [b"first-secret", b"", b"second/secret+longer"];
        for (secret, how) in secrets.iter().flat_map(|secret| (0..9).map(move |how| (secret, how))) {
            let text = spelled(secret, how, b"<", b">");
            let found = LeakFilter::of(secrets).pass(&text).is_err();
            assert_eq!(found, !secret.is_empty(), "{how}: {}", text.escape_ascii());
        }
        assert_eq!(LeakFilter::of([]).pass(b"anything").unwrap(), b"anything");
    }

    #[test]
    fn text_without_a_beginning_of_the_secret_passes_at_once() {
        let mut filter = LeakFilter::new(b"zzzzzzzz-secret");
        assert_eq!(filter.pass(b"data: 1 + 1 = 2\n\n").unwrap(), b"data: 1 + 1 = 2\n\n");
    }
}
