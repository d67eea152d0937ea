//! Chance that follows from a seed.

/// A generator of numbers (SplitMix64: public domain, passes BigCrush).
#[derive(Clone, Debug)]
pub struct Chance(u64);

impl Chance {
    /// All that follows depends on `seed` and `stream` alone.
    #[must_use]
    pub fn new(seed: u64, stream: u64) -> Chance {
        let mut chance = Chance(seed.wrapping_mul(0xA076_1D64_78BD_642F) ^ stream);
        chance.long();
        chance
    }

    /// Any number.
    #[inline]
    pub fn long(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `count`, which is not 0.
    #[inline]
    pub fn below(&mut self, count: u32) -> u32 {
        (((self.long() >> 32) * u64::from(count)) >> 32) as u32
    }

    /// Yes, once in `count` times.
    #[inline]
    pub fn once_in(&mut self, count: u32) -> bool {
        self.below(count) == 0
    }

    /// A word as a liar would choose it: mostly near what is true, or near an end of the range.
    #[inline]
    pub fn lie(&mut self, truth: u32) -> u32 {
        let step = self.below(18).wrapping_sub(9);
        match self.below(8) {
            0..=3 => truth.wrapping_add(step),
            4 => step,
            5 => (1 << self.below(32)) + self.below(2),
            6 => truth ^ (1 << self.below(32)),
            _ => self.long() as u32,
        }
    }
}
