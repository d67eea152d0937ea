//! Seed phrases: 12, 15, 18, 21 or 24 English words of BIP-39 whose checksum is right.

use crate::kind::Kind;
use crate::text::{Match, work};
use sha2::{Digest, Sha256};
use std::sync::OnceLock;

/// The English list, in its order. From the crate `bip39` 2.2.2 (CC0-1.0).
const WORDS: &str = include_str!("../data/bip39-english.txt");
const WORD_LETTERS_MAX: usize = 8;
/// Bytes between two words: blanks, commas, quotes, numbers of a list.
const GAP_BYTES_MAX: usize = 8;
/// The shortest phrase takes 47 bytes, so one of these steps meets each, with a word of it at or behind it, and
/// at or behind the place half a step on.
const STEP_BYTES: usize = 24;
const WORDS_MIN: usize = 12;
/// Longest first: a phrase of 24 words often holds a right one of 12.
const SIZES: [usize; 5] = [24, 21, 18, 15, WORDS_MIN];

const SLOTS: usize = 4096;

/// An open-addressed table from a word, packed into a number, to its index.
struct Table {
    slots: Vec<(u64, u16)>,
    /// One bit for each hash of a word: most other words are told by this alone.
    bits: Box<[u64; 1 << 10]>,
}

/// Sixteen bits of a packed word.
fn hash(packed: u64) -> usize {
    (packed.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 48) as usize
}

impl Table {
    fn get() -> &'static Self {
        static TABLE: OnceLock<Table> = OnceLock::new();
        TABLE.get_or_init(|| {
            let mut table = Self { slots: vec![(0, 0); SLOTS], bits: Box::new([0; 1 << 10]) };
            for (index, word) in (0..).zip(WORDS.lines()) {
                let packed = pack(word.as_bytes());
                let slot = table.slot(packed);
                table.slots[slot] = (packed, index);
                table.bits[hash(packed) / 64] |= 1 << (hash(packed) % 64);
            }
            table
        })
    }

    /// Where a word stands, or would.
    fn slot(&self, packed: u64) -> usize {
        let mut slot = hash(packed) / 16;
        while self.slots[slot].0 != packed && self.slots[slot].0 != 0 {
            slot = (slot + 1) % SLOTS;
        }
        slot
    }

    /// False for most words that are not in it.
    fn may_have(&self, word: &[u8]) -> bool {
        let hash = hash(pack(word));
        (3..=WORD_LETTERS_MAX).contains(&word.len()) && self.bits[hash / 64] >> (hash % 64) & 1 != 0
    }

    fn index(&self, word: &[u8]) -> Option<u16> {
        if !self.may_have(word) {
            return None;
        }
        let packed = pack(word);
        let (found, index) = self.slots[self.slot(packed)];
        (found == packed).then_some(index)
    }
}

/// Up to eight letters in either case as one number; never 0.
fn pack(word: &[u8]) -> u64 {
    word.iter().fold(0, |packed, letter| packed << 8 | u64::from(letter | 0x20))
}

/// Whether these letters are a word of the list.
pub(crate) fn is_word(letters: &[u8]) -> bool {
    Table::get().index(letters).is_some()
}

const fn is_gap(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b',' | b'.' | b';' | b':' | b'0'..=b'9' | b')' | b'"')
        || matches!(byte, b'\'' | b'[' | b']' | b'-' | b'_' | b'/' | b'|')
}

#[derive(Clone, Copy)]
struct Word {
    index: u16,
    start: usize,
    end: usize,
    /// The shape of what divides it from the word before it; all words of a phrase are divided alike.
    gap: u64,
}

/// A gap as a number that is the same for all gaps between numbered lines, and for all blanks.
fn shape(gap: &[u8]) -> u64 {
    let mut shape = 0_u64;
    for byte in gap {
        let class = match byte {
            b'0'..=b'9' => b'0',
            b' ' | b'\t' | b'\r' | b'\n' => b' ',
            other => *other,
        };
        let repeated = matches!(class, b'0' | b' ') && shape as u8 == class;
        shape = if repeated { shape } else { shape << 8 | u64::from(class) };
    }
    shape
}

/// All phrases of a text.
pub(crate) fn find_all(text: &[u8], found: &mut Vec<Match>) {
    let table = Table::get();
    let (mut at, mut done, mut words) = (0, 0, Vec::new());
    while at < text.len() {
        if at >= done
            && let Some((start, end)) = word_near(text, at, table)
            && word_near(text, at + STEP_BYTES / 2, table).is_some()
            && let Some(index) = table.index(&text[start..end])
        {
            done = collect(text, Word { index, start, end, gap: 0 }, done, &mut words);
            check(&words, found);
        }
        at += STEP_BYTES;
    }
}

/// Letters, and bytes of gaps.
const CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let at = byte as u8;
        classes[byte] = if at.is_ascii_alphabetic() { LETTER } else { is_gap(at) as u8 };
        byte += 1;
    }
    classes
};
const GAP: u8 = 1;
const LETTER: u8 = 2;

/// A word around a place, or the next one behind a gap, that may be a listed one.
fn word_near(text: &[u8], at: usize, table: &Table) -> Option<(usize, usize)> {
    let class = |at: usize| text.get(at).map_or(0, |byte| CLASSES[usize::from(*byte)]);
    let mut start = at;
    while class(start) == GAP && start - at < GAP_BYTES_MAX {
        start += 1;
    }
    if class(start) != LETTER {
        return None;
    }
    let mut end = start + 1;
    while start > 0 && class(start - 1) == LETTER && end - start <= WORD_LETTERS_MAX {
        start -= 1;
    }
    while class(end) == LETTER && end - start <= WORD_LETTERS_MAX {
        end += 1;
    }
    table.may_have(&text[start..end]).then_some((start, end))
}

/// The listed word that begins here.
fn word_at(text: &[u8], start: usize) -> Option<Word> {
    let letters =
        text[start..].iter().take(WORD_LETTERS_MAX + 1).take_while(|byte| byte.is_ascii_alphabetic());
    let end = start + letters.count();
    work::add(end - start + 1);
    let index = Table::get().index(&text[start..end])?;
    Some(Word { index, start, end, gap: 0 })
}

/// The listed words before and behind one, as far as only gaps lie between them. Returns where they end.
fn collect(text: &[u8], word: Word, floor: usize, words: &mut Vec<Word>) -> usize {
    words.clear();
    words.push(word);
    while let Some(first) = words.last_mut()
        && let Some(word) = word_before(text, first.start, floor)
    {
        first.gap = shape(&text[word.end..first.start]);
        words.push(word);
    }
    words.reverse();
    let mut end = word.end;
    while let Some(word) = word_behind(text, end) {
        words.push(word);
        end = word.end;
    }
    end
}

fn word_behind(text: &[u8], end: usize) -> Option<Word> {
    let gap = text[end..].iter().take(GAP_BYTES_MAX + 1).take_while(|byte| is_gap(**byte)).count();
    let in_bounds = (1..=GAP_BYTES_MAX).contains(&gap) && end + gap < text.len();
    let word = in_bounds.then(|| word_at(text, end + gap)).flatten()?;
    Some(Word { gap: shape(&text[end..end + gap]), ..word })
}

fn word_before(text: &[u8], start: usize, floor: usize) -> Option<Word> {
    let text_before = &text[floor.min(start)..start];
    let gap = text_before.iter().rev().take(GAP_BYTES_MAX + 1).take_while(|byte| is_gap(**byte)).count();
    if !(1..=GAP_BYTES_MAX).contains(&gap) {
        return None;
    }
    let letters = text_before[..text_before.len() - gap].iter().rev().take(WORD_LETTERS_MAX + 1);
    let letters = letters.take_while(|byte| byte.is_ascii_alphabetic()).count();
    work::add(letters + gap);
    let end = start - gap;
    let index = Table::get().index(&text[end - letters..end])?;
    Some(Word { index, start: end - letters, end, gap: 0 })
}

/// From each word the longest phrase with a right checksum.
fn check(words: &[Word], found: &mut Vec<Match>) {
    for first in 0..(words.len() + 1).saturating_sub(WORDS_MIN) {
        let rest = &words[first..];
        let alike = rest[1..].iter().take(SIZES[0]).take_while(|word| word.gap == rest[1].gap).count();
        let rest = &rest[..=alike];
        let size = SIZES.iter().find(|size| rest.get(..**size).is_some_and(is_phrase));
        if let Some(size) = size {
            found.push(Match::new(Kind::SeedPhrase, rest[0].start, rest[size - 1].end));
        }
    }
}

/// Eleven bits a word: entropy, then the first bits of its hash, one for each 32.
fn is_phrase(words: &[Word]) -> bool {
    let mut bits = [0_u8; 33];
    for (number, word) in words.iter().enumerate() {
        for bit in 0..11 {
            let at = number * 11 + bit;
            bits[at / 8] |= ((word.index >> (10 - bit) & 1) as u8) << (7 - at % 8);
        }
    }
    work::add(words.len());
    let entropy_bytes = words.len() * 4 / 3;
    let checksum_bits = words.len() / 3;
    let hash = Sha256::digest(&bits[..entropy_bytes]);
    (hash[0] ^ bits[entropy_bytes]) >> (8 - checksum_bits) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_the_one_that_the_standard_publishes() {
        let hash = ioi_types::hex::encode(&Sha256::digest(WORDS));
        assert_eq!(hash, "2f5eed53a4727b4bf8880d8f3f199efc90e58503646d9ff8eff3a2ed3b24dbda");
        assert_eq!(WORDS.lines().count(), 2048);
        assert!(
            WORDS.lines().zip(0..).all(|(word, index)| Table::get().index(word.as_bytes()) == Some(index))
        );
        assert!(!is_word(b"the") && !is_word(b"abando") && !is_word(b""));
    }

    #[test]
    fn so_many_last_words_are_right_as_the_checksum_has_bits_for() {
        // The last word's eleven bits end in the checksum: one bit for each three words.
        for size in SIZES {
            let word = |index: u16| Word { index, start: 0, end: 0, gap: 0 };
            let mut words: Vec<_> = (0..size as u16).map(|number| word(number * 83)).collect();
            let right = (0..2048).filter(|index| {
                words[size - 1] = word(*index);
                is_phrase(&words)
            });
            assert_eq!(right.count(), 2048 >> (size / 3), "{size} words");
        }
    }

    #[test]
    fn a_phrase_is_found_wherever_the_steps_fall() {
        let phrase = "legal winner thank year wave sausage worth useful legal winner thank yellow";
        for shift in 0..STEP_BYTES * 2 {
            let text = format!("{}; {phrase}!", "x".repeat(shift));
            let mut found = Vec::new();
            find_all(text.as_bytes(), &mut found);
            assert_eq!(found, [Match::new(Kind::SeedPhrase, shift + 2, shift + 2 + phrase.len())]);
        }
    }
}
