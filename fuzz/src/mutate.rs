//! Seeded mutations of corpus files, so that an ordinary test run tries more than the files themselves.

use crate::edit::edit;
use crate::script::Script;

/// Numbers that follow from a seed (SplitMix64).
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// Begins with a seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub const fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| (self.number() >> 56) as u8).collect()
    }
}

/// `input` with a few changes; some of its new bytes come from `other`.
#[must_use]
pub fn mutate(input: &[u8], other: &[u8], seed: u64) -> Vec<u8> {
    let mut random = Random::new(seed);
    // Few changes are likelier to leave a shape that parsers look into.
    let length = 4 + (random.number() % 28) as usize;
    let mut script = random.bytes(length);
    if !other.is_empty() && random.number().is_multiple_of(3) {
        let at = (random.number() % other.len() as u64) as usize;
        script.truncate(4);
        script.extend_from_slice(&other[at..other.len().min(at + 64)]);
    }
    edit(input.to_vec(), &mut Script::new(&script))
}
