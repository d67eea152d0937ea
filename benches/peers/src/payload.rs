//! What the messages hold: a head that says what to do, and words whose sum is known beforehand, so
//! that each byte is written, read and checked.

/// The first word of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum Head {
    /// Read it; no answer.
    Quiet = 1,
    /// Read it and answer.
    Answer = 2,
    /// The last one; no answer.
    Stop = u64::MAX,
}

const WORD: usize = size_of::<u64>();
/// Messages are whole blocks, so that the compiler has loops of a known length to work on.
const BLOCK_WORDS: usize = 8;
const BLOCK: usize = BLOCK_WORDS * WORD;

/// Writes the head, then words counting up: word *n* is `seed` + *n*.
///
/// # Panics
/// The length must be a multiple of 64.
#[inline]
pub fn fill(out: &mut [u8], head: Head, seed: u64) {
    let (blocks, rest) = out.as_chunks_mut::<BLOCK>();
    assert!(rest.is_empty(), "a message is whole blocks");
    let mut next = seed;
    for block in &mut *blocks {
        let (words, _) = block.as_chunks_mut::<WORD>();
        for (index, word) in words.iter_mut().enumerate() {
            *word = next.wrapping_add(index as u64).to_ne_bytes();
        }
        next = next.wrapping_add(BLOCK_WORDS as u64);
    }
    fill_head(out, head);
}

/// Writes the head alone; the rest stays as it was.
pub fn fill_head(out: &mut [u8], head: Head) {
    out[..WORD].copy_from_slice(&(head as u64).to_ne_bytes());
}

/// The head of a message that is not empty.
pub fn head(message: &[u8]) -> u64 {
    word(message, 0)
}

/// The wrapping sum of all words but the head.
#[inline]
pub fn sum(message: &[u8]) -> u64 {
    let (blocks, _) = message.as_chunks::<BLOCK>();
    let mut sums = [0u64; BLOCK_WORDS];
    for block in blocks {
        let (words, _) = block.as_chunks::<WORD>();
        for (sum, word) in sums.iter_mut().zip(words) {
            *sum = sum.wrapping_add(u64::from_ne_bytes(*word));
        }
    }
    sums.iter().fold(0, |sum: u64, next| sum.wrapping_add(*next)).wrapping_sub(head(message))
}

/// What [`sum`] must be for a message of `bytes` bytes that [`fill`] wrote.
#[inline]
pub fn expected_sum(bytes: usize, seed: u64) -> u64 {
    // The words 1 to `last`; the head is in the place of word 0.
    let last = (bytes / WORD).saturating_sub(1) as u64;
    last.wrapping_mul(seed).wrapping_add(last * (last + 1) / 2)
}

/// The far side's answer to anything but an echo.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Answer {
    /// Of all messages since the last answer.
    pub sum: u64,
    /// Messages since the last answer.
    pub count: u64,
    /// The far side's monotonic clock, in ns, when the pattern's end was reached.
    pub time: u64,
    /// Write the pattern's words instead: the answer is an echo.
    pub echo: bool,
}

impl Answer {
    pub fn write(&self, out: &mut [u8]) {
        if self.echo {
            return fill(out, Head::Answer, self.sum);
        }
        for (word, value) in
            out.chunks_exact_mut(WORD).zip([Head::Answer as u64, self.sum, self.count, self.time])
        {
            word.copy_from_slice(&value.to_ne_bytes());
        }
    }

    pub fn read(message: &[u8]) -> Self {
        Self { sum: word(message, 1), count: word(message, 2), time: word(message, 3), echo: false }
    }
}

fn word(message: &[u8], index: usize) -> u64 {
    let bytes = message.get(index * WORD..(index + 1) * WORD);
    bytes.map_or(0, |bytes| u64::from_ne_bytes(bytes.try_into().expect("8 bytes")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_expected_sum_is_that_of_the_words_one_by_one() {
        for bytes in [64, 128, 1024, 4096 + 64] {
            for seed in [0, 1, 77, u64::MAX - 3] {
                let mut message = vec![0; bytes];
                fill(&mut message, Head::Quiet, seed);
                let words = (1..(bytes / 8) as u64).map(|index| seed.wrapping_add(index));
                assert_eq!(sum(&message), words.fold(0, u64::wrapping_add), "{bytes} bytes from {seed}");
                assert_eq!(expected_sum(bytes, seed), sum(&message), "{bytes} bytes from {seed}");
                assert_eq!(head(&message), Head::Quiet as u64);
            }
        }
    }

    #[test]
    fn a_changed_or_missing_byte_changes_the_sum() {
        let mut message = vec![0; 1024];
        fill(&mut message, Head::Quiet, 5);
        message[777] ^= 1;
        assert_ne!(sum(&message), expected_sum(1024, 5));
        message[777] ^= 1;
        assert_ne!(sum(&message[..960]), expected_sum(1024, 5));
    }

    #[test]
    fn an_answer_comes_back_as_it_was_written() {
        let answer = Answer { sum: 1, count: 2, time: 3, echo: false };
        let mut out = [0xff; 64];
        answer.write(&mut out);
        assert_eq!(Answer::read(&out), answer);
    }
}
