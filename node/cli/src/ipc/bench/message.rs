//! Messages: a first word that says what to do, then words whose sum both sides can know, so that each byte is
//! written, read and checked.

const WORD: usize = size_of::<u64>();
/// Messages are whole blocks, so that the compiler has loops of a known length to work on.
const BLOCK: usize = 64;
/// Of an answer that is no echo.
pub(super) const ANSWER_BYTES: usize = BLOCK;

/// What the far side does with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub(super) enum Kind {
    /// Reads it and says nothing.
    Quiet = 1,
    /// Reads it and sends one of its size back.
    Echo = 2,
    /// Reads it and answers.
    Answer = 3,
    /// Notes the time and answers; the bytes are not read.
    Stamp = 4,
    /// Reads it and keeps it until it is killed.
    Hold = 5,
    /// Ends.
    Stop = 6,
}

/// Writes the first word, then words counting up: word *n* is `seed` + *n*.
pub(super) fn fill(out: &mut [u8], kind: Kind, seed: u64) {
    let (blocks, _) = out.as_chunks_mut::<BLOCK>();
    let mut next = seed;
    for block in blocks {
        let (words, _) = block.as_chunks_mut::<WORD>();
        for (index, word) in words.iter_mut().enumerate() {
            *word = next.wrapping_add(index as u64).to_ne_bytes();
        }
        next = next.wrapping_add((BLOCK / WORD) as u64);
    }
    mark(out, kind);
}

/// Writes the first word alone.
pub(super) fn mark(out: &mut [u8], kind: Kind) {
    if let Some(first) = out.first_chunk_mut() {
        *first = (kind as u64).to_ne_bytes();
    }
}

/// What the first word says; what is none of the kinds is an end.
pub(super) fn kind(message: &[u8]) -> Kind {
    let kinds = [Kind::Quiet, Kind::Echo, Kind::Answer, Kind::Stamp, Kind::Hold];
    kinds.into_iter().find(|kind| *kind as u64 == word(message, 0)).unwrap_or(Kind::Stop)
}

/// The wrapping sum of all words but the first.
pub(super) fn sum(message: &[u8]) -> u64 {
    let (blocks, _) = message.as_chunks::<BLOCK>();
    let mut sums = [0u64; BLOCK / WORD];
    for block in blocks {
        let (words, _) = block.as_chunks::<WORD>();
        for (sum, word) in sums.iter_mut().zip(words) {
            *sum = sum.wrapping_add(u64::from_ne_bytes(*word));
        }
    }
    sums.iter().fold(0, |all: u64, one| all.wrapping_add(*one)).wrapping_sub(word(message, 0))
}

/// The [`sum`] of what [`fill`] wrote.
pub(super) fn expected_sum(bytes: usize, seed: u64) -> u64 {
    let last = (bytes / WORD).saturating_sub(1) as u64;
    last.wrapping_mul(seed).wrapping_add(last * (last + 1) / 2)
}

/// What the far side found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Answer {
    /// Of all messages since the last answer.
    pub(super) sum: u64,
    pub(super) count: u64,
    /// The monotonic clock in ns, which is one for both processes.
    pub(super) time: u64,
}

impl Answer {
    pub(super) fn write(self, out: &mut [u8]) {
        let words = [Kind::Quiet as u64, self.sum, self.count, self.time];
        for (place, word) in out.chunks_exact_mut(WORD).zip(words) {
            place.copy_from_slice(&word.to_ne_bytes());
        }
    }

    pub(super) fn read(message: &[u8]) -> Self {
        Self { sum: word(message, 1), count: word(message, 2), time: word(message, 3) }
    }
}

fn word(message: &[u8], index: usize) -> u64 {
    let bytes = message.get(index * WORD..).and_then(|rest| rest.first_chunk());
    bytes.map_or(0, |bytes| u64::from_ne_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_expected_sum_is_that_of_the_words_one_by_one_and_a_changed_byte_changes_it() {
        for bytes in [64, 128, 1024, 4096 + 64] {
            for seed in [0, 1, 77, u64::MAX - 3] {
                let mut message = vec![0; bytes];
                fill(&mut message, Kind::Answer, seed);
                let words = (1..(bytes / 8) as u64).map(|index| seed.wrapping_add(index));
                assert_eq!(expected_sum(bytes, seed), words.fold(0, u64::wrapping_add));
                assert_eq!((sum(&message), kind(&message)), (expected_sum(bytes, seed), Kind::Answer));
                for at in [8, bytes / 2, bytes - 1] {
                    message[at] ^= 1;
                    assert_ne!(sum(&message), expected_sum(bytes, seed), "byte {at} of {bytes}");
                    message[at] ^= 1;
                }
            }
        }
    }

    #[test]
    fn an_answer_comes_back_as_it_was_written() {
        let answer = Answer { sum: 1, count: 2, time: 3 };
        let mut out = [0xff; ANSWER_BYTES];
        answer.write(&mut out);
        assert_eq!(Answer::read(&out), answer);
        assert_eq!((Answer::read(&[]), kind(&[])), (Answer::default(), Kind::Stop));
    }
}
