//! Where the bytes of a decoded text stand in the text that it was decoded from.

/// A piece of the source that is not itself in the decoded text: an escape, or what is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Escape {
    /// Where its decoded bytes begin, and how many there are.
    pub(crate) to: usize,
    pub(crate) to_bytes: usize,
    /// Where it stands in the source, and how many bytes it takes there.
    pub(crate) from: usize,
    pub(crate) from_bytes: usize,
}

/// The way back from a decoded text to its source.
#[derive(Debug)]
pub(crate) enum Origin<'a> {
    /// All bytes but these escapes are the source's own.
    Escapes(&'a [Escape]),
    /// Letters of so many bits, of which the first stands at place `first` among `letters`.
    Letters { letters: &'a Letters, bits: usize, first: usize },
}

impl Origin<'_> {
    /// The source's bytes that a range of decoded bytes came from. The range is not empty.
    pub(crate) fn range(&self, start: usize, end: usize) -> (usize, usize) {
        match self {
            Self::Escapes(escapes) => (byte(escapes, start).0, byte(escapes, end - 1).1),
            Self::Letters { letters, bits, first } => {
                let start = letters.at(first + start * 8 / bits);
                (start, letters.at(first + (end * 8).div_ceil(*bits) - 1) + 1)
            }
        }
    }
}

/// The source's range of one decoded byte.
fn byte(escapes: &[Escape], at: usize) -> (usize, usize) {
    let Some(last) = escapes.partition_point(|escape| escape.to <= at).checked_sub(1) else {
        return (at, at + 1);
    };
    let escape = &escapes[last];
    let end = escape.from + escape.from_bytes;
    if at < escape.to + escape.to_bytes {
        return (escape.from, end);
    }
    let from = end + at - escape.to - escape.to_bytes;
    (from, from + 1)
}

/// Letters without the line breaks that lay between them.
#[derive(Debug, Default)]
pub(crate) struct Letters {
    /// The letters themselves, or their values.
    pub(crate) values: Vec<u8>,
    /// Where unbroken pieces begin: the first one's place among the letters, and in the source.
    pieces: Vec<(usize, usize)>,
}

impl Letters {
    pub(crate) fn clear(&mut self) {
        self.values.clear();
        self.pieces.clear();
    }

    /// Says that the next letter stands here in the source.
    pub(crate) fn begin(&mut self, from: usize) {
        self.pieces.push((self.values.len(), from));
    }

    /// Where a letter stands in the source.
    pub(crate) fn at(&self, letter: usize) -> usize {
        let piece = self.pieces.partition_point(|(first, _)| *first <= letter);
        let (first, from) = self.pieces[piece.saturating_sub(1)];
        from + letter - first
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decoded_range_comes_from_whole_escapes() {
        // `a%40b…c` with `%40` as `@` and the ellipsis as three dots, then a byte that is left out.
        let escapes = [
            Escape { to: 1, to_bytes: 1, from: 1, from_bytes: 3 },
            Escape { to: 3, to_bytes: 3, from: 5, from_bytes: 3 },
            Escape { to: 7, to_bytes: 0, from: 9, from_bytes: 2 },
        ];
        let origin = Origin::Escapes(&escapes);
        assert_eq!(origin.range(0, 1), (0, 1));
        assert_eq!(origin.range(0, 2), (0, 4));
        assert_eq!(origin.range(2, 3), (4, 5));
        assert_eq!(origin.range(4, 5), (5, 8));
        assert_eq!(origin.range(6, 8), (8, 12));
    }

    #[test]
    fn a_byte_of_letters_comes_from_all_letters_that_have_bits_of_it() {
        let mut letters = Letters::default();
        letters.begin(10);
        letters.values.extend(b"QUJD");
        letters.begin(16);
        letters.values.extend(b"REVG");
        let origin = Origin::Letters { letters: &letters, bits: 6, first: 0 };
        assert_eq!(origin.range(0, 1), (10, 12));
        assert_eq!(origin.range(1, 3), (11, 14));
        assert_eq!(origin.range(2, 4), (12, 18));
        let hex = Origin::Letters { letters: &letters, bits: 4, first: 1 };
        assert_eq!(hex.range(0, 1), (11, 13));
    }
}
