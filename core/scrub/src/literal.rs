//! The search for many literals at once: two bytes at a time are looked up in a table of 8 KiB.
//!
//! Of each literal two pairs of neighbours are in the table, one that begins at an even place of it and one at an
//! odd place: whether a literal begins at an even or an odd place of the text, one of the two falls on an even one.
//! So only every second place is looked at, and each literal is met exactly once.

/// A pair of neighbours, the literal that it is of, and its place there.
type Pair = (u16, u16, u16);

/// A set of literals of at least three bytes.
#[derive(Debug)]
pub(crate) struct Literals {
    all: Vec<&'static [u8]>,
    /// One bit for each pair of bytes.
    bits: Box<[u64; 1 << 10]>,
    pairs: Vec<Pair>,
}

fn pair(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

/// How often a byte stands in ordinary text, roughly.
fn commonness(byte: u8) -> u32 {
    match byte {
        b'a'..=b'z' | b' ' => 9,
        b'-' | b'.' => 5,
        b'A'..=b'Z' => 2,
        _ => 1,
    }
}

impl Literals {
    pub(crate) fn new(literals: impl Iterator<Item = &'static str>) -> Self {
        let all: Vec<&[u8]> = literals.map(str::as_bytes).collect();
        let mut new = Self { all: all.clone(), bits: Box::new([0; 1 << 10]), pairs: Vec::new() };
        for (number, literal) in (0..).zip(all) {
            assert!(literal.len() >= 3, "a literal has a pair at an even and at an odd place");
            for parity in 0..2 {
                let places = (parity..literal.len() - 1).step_by(2);
                let rarest = places.min_by_key(|at| commonness(literal[*at]) + commonness(literal[at + 1]));
                new.insert(literal, number, rarest.unwrap_or(parity));
            }
        }
        new.pairs.sort_unstable();
        new
    }

    fn insert(&mut self, literal: &[u8], number: u16, at: usize) {
        let pair = pair(literal, at);
        self.bits[usize::from(pair >> 6)] |= 1 << (pair & 63);
        self.pairs.push((pair, number, at as u16));
    }

    fn has(&self, pair: u16) -> bool {
        self.bits[usize::from(pair >> 6)] >> (pair & 63) & 1 != 0
    }

    /// Shows each literal's number and place.
    pub(crate) fn find_all(&self, text: &[u8], mut show: impl FnMut(usize, usize)) {
        const BLOCK: usize = 16;
        let (blocks, rest) = text.as_chunks::<BLOCK>();
        for (number, block) in blocks.iter().enumerate() {
            // Most blocks have none, and one branch for all pairs is cheaper than one for each.
            let (pairs, _) = block.as_chunks::<2>();
            let any = pairs.iter().fold(false, |any, pair| any | self.has(u16::from_le_bytes(*pair)));
            if any {
                self.check_all(text, number * BLOCK, BLOCK, &mut show);
            }
        }
        self.check_all(text, text.len() - rest.len(), rest.len() / 2 * 2, &mut show);
    }

    fn check_all(&self, text: &[u8], from: usize, bytes: usize, show: &mut impl FnMut(usize, usize)) {
        for at in (from..from + bytes).step_by(2) {
            if self.has(pair(text, at)) {
                self.check(text, at, show);
            }
        }
    }

    fn check(&self, text: &[u8], at: usize, show: &mut impl FnMut(usize, usize)) {
        let met = pair(text, at);
        let first = self.pairs.partition_point(|(pair, ..)| *pair < met);
        for (_, number, place) in self.pairs[first..].iter().take_while(|(pair, ..)| *pair == met) {
            let literal = self.all[usize::from(*number)];
            let start = at.checked_sub(usize::from(*place));
            if let Some(start) = start.filter(|start| text[*start..].starts_with(literal)) {
                show(usize::from(*number), start);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LITERALS: [&str; 6] = ["aab", "aba", "abab", "bbbbbb", "cab", "bca"];

    proptest! {
        #[test]
        fn every_literal_is_met_once_wherever_it_stands(text in "[a-c]{0,60}") {
            let literals = Literals::new(LITERALS.into_iter());
            let mut found = Vec::new();
            literals.find_all(text.as_bytes(), |number, at| found.push((at, number)));
            found.sort_unstable();
            let places = (0..text.len()).flat_map(|at| (0..LITERALS.len()).map(move |number| (at, number)));
            let simple: Vec<_> = places.filter(|(at, number)| text[*at..].starts_with(LITERALS[*number])).collect();
            prop_assert_eq!(found, simple);
        }
    }
}
