//! Terms: what counts as the same word.
//!
//! A token is a run of letters and digits (Unicode's alphanumeric characters).
//! It is lower-cased, Latin letters lose their diacritics, combining marks and
//! invisible joiners inside it are dropped, and only its first
//! [`TERM_BYTES_MAX`] bytes count. Each ideograph and kana is a token of its
//! own, since those scripts write no spaces. Tokens of nothing but a–z are then
//! stemmed as English (see the `stem` module).
//!
//! An index keeps 40 bits of a hash of each term, never the term. A text could
//! hold a word made to collide with another, but its author gains nothing by
//! it that writing the other word would not give.

use crate::stem::stem;

/// Bytes of a token that count.
pub(crate) const TERM_BYTES_MAX: usize = 64;
/// Bits of a term's fingerprint.
pub(crate) const TERM_BITS: u32 = 40;

/// The fingerprint of a term: below 2⁴⁰.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct TermId(pub(crate) u64);

/// One occurrence of a term; `start..end` are bytes of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) term: TermId,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

const SEPARATOR: u8 = 0;
const WORD: u8 = 1;
const WIDE: u8 = 2;

/// Whether a byte parts tokens, is an ASCII letter or digit, or part of a
/// character beyond ASCII.
const CLASS: [u8; 256] = {
    let mut class = [SEPARATOR; 256];
    let mut byte = 0;
    while byte < 256 {
        class[byte] = match byte as u8 {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => WORD,
            0x80.. => WIDE,
            _ => SEPARATOR,
        };
        byte += 1;
    }
    class
};

/// Calls `each` for every token of `text`, in order.
pub(crate) fn each_token(text: &str, mut each: impl FnMut(Token)) {
    let bytes = text.as_bytes();
    let mut term = Term::new();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let start = at;
        let mut class = CLASS[*byte as usize];
        if class == SEPARATOR {
            at += 1;
            continue;
        }
        while class == WORD {
            at += 1;
            class = bytes.get(at).map_or(SEPARATOR, |byte| CLASS[*byte as usize]);
        }
        if class == WIDE {
            at = start + wide_token(&text[start..], &mut term);
        } else {
            term.set_ascii(bytes, start, at - start);
        }
        stem(&mut term);
        if term.length > 0 {
            each(Token { term: term.fingerprint(), start, end: at });
        }
    }
}

/// Reads the token at the start of `text`, which holds a character outside
/// ASCII; returns the bytes consumed, at least one character. The term stays
/// empty if there is no token.
fn wide_token(text: &str, term: &mut Term) -> usize {
    term.clear();
    for (at, character) in text.char_indices() {
        if is_ideograph(character) {
            if term.length > 0 {
                return at;
            }
            term.push_char(character);
            return at + character.len_utf8();
        }
        if is_ignored(character) {
            continue;
        }
        if !character.is_alphanumeric() {
            return if term.length > 0 { at } else { at + character.len_utf8() };
        }
        match unaccented(character) {
            Some(letter) => term.push(letter),
            None => character.to_lowercase().for_each(|lower| term.push_char(lower)),
        }
    }
    text.len()
}

/// Scripts written without spaces whose characters carry meaning alone.
fn is_ideograph(character: char) -> bool {
    matches!(character, '\u{3041}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}'
        | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

/// Combining diacritics, the soft hyphen and zero-width characters.
fn is_ignored(character: char) -> bool {
    matches!(character, '\u{300}'..='\u{36f}' | '\u{ad}' | '\u{200b}'..='\u{200d}' | '\u{feff}')
}

/// The plain letter under a Latin letter of U+00C0 to U+017F; `None` where
/// there is no single one.
fn unaccented(character: char) -> Option<u8> {
    // One letter for each code point; `.` keeps the character.
    const BASE: &[u8; 192] = b"\
        aaaaaa.ceeeeiiii.nooooo.ouuuuy..\
        aaaaaa.ceeeeiiii.nooooo.ouuuuy.y\
        aaaaaaccccccccddddeeeeeeeeeegggg\
        gggghhhhiiiiiiiiii..jjkk.lllllll\
        lllnnnnnn...oooooo..rrrrrrssssss\
        ssttttttuuuuuuuuuuuuwwyyyzzzzzzs";
    let index = u32::from(character).checked_sub(0xc0)?;
    let base = if character.is_ascii() { character as u8 } else { *BASE.get(index as usize)? };
    (base != b'.').then_some(base)
}

/// A term being read. Bytes after its length have no meaning.
#[derive(Debug)]
pub(crate) struct Term {
    bytes: [u8; TERM_BYTES_MAX],
    length: usize,
}

impl Term {
    pub(crate) fn new() -> Self {
        Self { bytes: [0; TERM_BYTES_MAX], length: 0 }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    /// Keeps the first `length` bytes.
    pub(crate) fn truncate(&mut self, length: usize) {
        self.length = self.length.min(length);
    }

    #[inline]
    pub(crate) fn push(&mut self, byte: u8) {
        if self.length < TERM_BYTES_MAX {
            self.bytes[self.length] = byte;
            self.length += 1;
        }
    }

    fn push_char(&mut self, character: char) {
        let mut utf8 = [0; 4];
        character.encode_utf8(&mut utf8).bytes().for_each(|byte| self.push(byte));
    }

    fn clear(&mut self) {
        self.length = 0;
    }

    /// Takes over `text[start..start + length]`, ASCII letters and digits, in
    /// lower case. Words of eight bytes are copied, since bytes that were
    /// written one by one are slow to read back together.
    #[inline]
    fn set_ascii(&mut self, text: &[u8], start: usize, length: usize) {
        self.length = length.min(TERM_BYTES_MAX);
        let words = self.bytes.as_chunks_mut::<8>().0;
        for (index, word) in words.iter_mut().take(self.length.div_ceil(8)).enumerate() {
            let rest = &text[start + 8 * index..];
            let raw =
                rest.first_chunk::<8>().map_or_else(|| padded(rest), |whole| u64::from_le_bytes(*whole));
            // This bit makes capitals small; small letters and digits have it.
            *word = (raw | 0x2020_2020_2020_2020).to_le_bytes();
        }
    }

    /// The upper 40 bits of a multiply-and-fold hash over eight bytes at a time,
    /// the last ones filled up with zeros.
    #[inline]
    fn fingerprint(&self) -> TermId {
        let mut hash = 0x9e37_79b9_7f4a_7c15 ^ self.length as u64;
        let mut left = self.length;
        for word in self.bytes.as_chunks::<8>().0.iter().take(self.length.div_ceil(8)) {
            let unused_bits = 64 - 8 * left.min(8) as u32;
            let word = u64::from_le_bytes(*word) << unused_bits >> unused_bits;
            hash = fold(hash ^ word, 0xe703_7ed1_a0b4_28db);
            left = left.saturating_sub(8);
        }
        TermId(fold(hash ^ 0xa076_1d64_78bd_642f, 0x8ebc_6af0_9c88_c6e3) >> (64 - TERM_BITS))
    }
}

/// Up to seven bytes as the low ones of a word.
fn padded(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte))
}

/// Both halves of the 128-bit product, joined.
fn fold(left: u64, right: u64) -> u64 {
    let product = u128::from(left) * u128::from(right);
    (product as u64) ^ (product >> 64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(text: &str) -> Vec<&str> {
        let mut found = Vec::new();
        each_token(text, |token| found.push(&text[token.start..token.end]));
        found
    }

    fn same(left: &str, right: &str) -> bool {
        let ids = |text| {
            let mut found = Vec::new();
            each_token(text, |token| found.push(token.term));
            found
        };
        ids(left) == ids(right)
    }

    #[test]
    fn tokens_are_runs_of_letters_and_digits_and_single_ideographs() {
        assert_eq!(pieces("a-b wal_level, x86!"), ["a", "b", "wal", "level", "x86"]);
        assert_eq!(pieces("中文x字 Straße naïve."), ["中", "文", "x", "字", "Straße", "naïve"]);
        assert_eq!(pieces("\0\u{301}\u{301} …— \u{ad}"), [""; 0]);
        assert_eq!(pieces("e\u{301}te\u{301}"), ["e\u{301}te\u{301}"]);
    }

    #[test]
    fn case_and_diacritics_do_not_part_words() {
        for (left, right) in [
            ("ÉTÉ", "ete"),
            ("e\u{301}te\u{301}", "été"),
            ("Łódź", "lodz"),
            ("ΑΒΓ", "αβγ"),
            ("soft\u{ad}ware", "software"),
            ("ÿŸ", "yy"),
        ] {
            assert!(same(left, right), "{left} {right}");
        }
        assert!(!same("straße", "strase") && !same("seal", "sole"));
    }

    #[test]
    fn only_the_first_sixty_four_bytes_of_a_token_count() {
        let long = "x".repeat(64);
        assert!(same(&long, &format!("{long}yz")));
        assert!(!same(&long, &long[..63]));
    }

    #[test]
    fn folding_latin_letters_agrees_with_their_names() {
        // The first and the last letter of some runs, read off Unicode's chart.
        for (from, to, letter) in [
            ('à', 'å', b'a'),
            ('è', 'ë', b'e'),
            ('Ĝ', 'ģ', b'g'),
            ('Ĩ', 'ı', b'i'),
            ('Ō', 'ő', b'o'),
            ('Ź', 'ž', b'z'),
        ] {
            for character in from..=to {
                assert_eq!(unaccented(character), Some(letter), "{character}");
            }
        }
        for kept in ['æ', 'Ð', '×', 'ø', 'þ', 'Ĳ', 'ĸ', 'Ŋ', 'Œ', 'ƀ', '¿'] {
            assert!(unaccented(kept).is_none_or(|letter| letter == b'o'), "{kept}");
        }
    }
}
