//! The packed form of a message, for networks: Cap'n Proto's packing over the head and the words.
//!
//! Each word becomes a tag, whose bits say which of its bytes are not zero, and those bytes. After a
//! tag of 0 comes the number of further zero words; after a tag of 255 and its eight bytes, the number
//! of further words that follow as they are. Both numbers are one byte.

use super::{LensError, WORD_BYTES, Words, check_head};

/// Room for so many words is made at first.
const WORDS_MIN: usize = 16;

/// The packed form of a message.
#[must_use]
pub fn pack(words: &Words) -> Vec<u8> {
    let mut words = words.as_bytes().as_chunks::<WORD_BYTES>().0;
    let mut packed = Vec::new();
    while let Some((word, rest)) = words.split_first() {
        words = rest;
        let tag = (0..WORD_BYTES).fold(0, |tag, at| tag | (u8::from(word[at] != 0) << at));
        packed.push(tag);
        packed.extend(word.iter().filter(|byte| **byte != 0));
        let run = match tag {
            0 => run(words, |word| zeros(word) == WORD_BYTES),
            // A word with two zeros or more is shorter with a tag of its own.
            0xff => run(words, |word| zeros(word) < 2),
            _ => continue,
        };
        let (same, rest) = words.split_at(run);
        words = rest;
        // At most 255, by `run`.
        packed.push(run as u8);
        if tag == 0xff {
            packed.extend(same.as_flattened());
        }
    }
    packed
}

fn run(words: &[[u8; WORD_BYTES]], is_alike: impl Fn(&[u8; WORD_BYTES]) -> bool) -> usize {
    words.iter().take(usize::from(u8::MAX)).take_while(|word| is_alike(word)).count()
}

fn zeros(word: &[u8; WORD_BYTES]) -> usize {
    word.iter().filter(|byte| **byte == 0).count()
}

/// The message of this packed form, whose head is right.
///
/// # Errors
/// When the form ends early, when the message is longer than `bytes_max`, and on a wrong head. No
/// more than `bytes_max` is ever allocated, and no more than the packed form has made so far, doubled.
pub fn unpack(mut packed: &[u8], bytes_max: usize) -> Result<Words, LensError> {
    let mut words = Vec::new();
    while let Some((&tag, rest)) = packed.split_first() {
        packed = rest;
        push(&mut words, one_word(tag, &mut packed)?, bytes_max)?;
        if tag != 0 && tag != 0xff {
            continue;
        }
        let (&run, rest) = packed.split_first().ok_or(LensError::Packed)?;
        packed = rest;
        for _ in 0..run {
            let word = if tag == 0 { 0 } else { one_word(tag, &mut packed)? };
            push(&mut words, word, bytes_max)?;
        }
    }
    let words = Words(words);
    check_head(words.as_bytes())?;
    Ok(words)
}

fn one_word(tag: u8, packed: &mut &[u8]) -> Result<u64, LensError> {
    let mut word = [0; WORD_BYTES];
    for at in (0..WORD_BYTES).filter(|at| tag & (1 << at) != 0) {
        let (&byte, rest) = packed.split_first().ok_or(LensError::Packed)?;
        (word[at], *packed) = (byte, rest);
    }
    Ok(u64::from_le_bytes(word))
}

fn push(words: &mut Vec<u64>, word: u64, bytes_max: usize) -> Result<(), LensError> {
    let bytes = (words.len() + 1).saturating_mul(WORD_BYTES);
    if bytes > bytes_max {
        return Err(LensError::Long { bytes });
    }
    if words.len() == words.capacity() {
        // By itself the vector would double, beyond the bound.
        let more = words.len().max(WORDS_MIN).min(bytes_max / WORD_BYTES - words.len());
        words.reserve_exact(more);
    }
    words.push(word);
    Ok(())
}
