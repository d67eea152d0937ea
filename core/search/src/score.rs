//! BM25 in integers, so that every machine computes the same bits.
//!
//! For a term in `d` of `n` passages, found `f` times in a passage of `l`
//! terms, where all passages together hold `t` terms:
//!
//! ```text
//! idf   = log2((2n + 2) / (2d + 1))                       (2⁻¹⁶ units)
//! norm  = k1 · (1 − b + b · l · n / t)                    (2⁻¹⁶ units)
//! score = idf · f · (k1 + 1) / (f + norm)                 (2⁻¹⁶ units)
//! ```
//!
//! with k1 = 6/5 and b = 3/4, each quotient rounded down once. The sum over the
//! question's terms is a passage's score; it is at most 64 · 33 · 2.2 · 2¹⁶ <
//! 2⁶³. (Robertson and Zaragoza, "The Probabilistic Relevance Framework", 2009;
//! the idf is Lucene's, which is never negative, in base 2.)

/// Fractional bits of every score.
pub const SCORE_FRACTION_BITS: u32 = 16;

/// What BM25 needs to know of the whole collection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Statistics {
    /// Passages.
    pub(crate) passages: u64,
    /// Terms in all passages together, repetitions counted.
    pub(crate) terms: u64,
}

impl Statistics {
    /// The weight of a term found in `passages` of the collection's passages.
    pub(crate) fn idf(&self, passages: u64) -> u64 {
        let ratio = |value: u64| log2_fixed(value.max(1));
        ratio(2 * self.passages + 2).saturating_sub(ratio(2 * passages + 1))
    }

    /// `norm` for a passage of `terms` terms.
    pub(crate) fn norm(&self, terms: u64) -> u64 {
        let (all, mine) = (u128::from(self.terms.max(1)), u128::from(terms) * u128::from(self.passages));
        (((3 * all + 9 * mine) << SCORE_FRACTION_BITS) / (10 * all)) as u64
    }
}

/// What one term adds to a passage's score.
#[inline]
pub(crate) fn contribution(idf: u64, times: u64, norm: u64) -> u64 {
    ((11 * idf * times) << SCORE_FRACTION_BITS) / (5 * ((times << SCORE_FRACTION_BITS) + norm))
}

/// The base-2 logarithm of `value` ≥ 1 in units of 2⁻¹⁶, rounded down up to the
/// last bit: the mantissa is squared sixteen times, each overflow is one bit.
pub(crate) fn log2_fixed(value: u64) -> u64 {
    let whole = value.ilog2();
    // The mantissa lies in [1, 2) with 31 fractional bits.
    let mut mantissa = if whole >= 31 { value >> (whole - 31) } else { value << (31 - whole) };
    let mut result = u64::from(whole);
    for _ in 0..SCORE_FRACTION_BITS {
        mantissa = (mantissa * mantissa) >> 31;
        let bit = mantissa >> 32;
        mantissa >>= bit;
        result = result << 1 | bit;
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_logarithm_is_exact_for_powers_of_two_and_close_for_the_rest() {
        for shift in 0..64 {
            assert_eq!(log2_fixed(1 << shift), shift << SCORE_FRACTION_BITS);
        }
        let mut before = 0;
        for value in (1..200_000).chain([u64::from(u32::MAX), 1 << 40 | 12_345, u64::MAX]) {
            let found = log2_fixed(value);
            let exact = (value as f64).log2() * 65536.0;
            assert!((found as f64 - exact).abs() < 4.0, "log2({value}): {found}, exactly {exact}");
            assert!(found >= before);
            before = found;
        }
    }

    #[test]
    fn rarer_terms_weigh_more_and_no_term_weighs_less_than_nothing() {
        let statistics = Statistics { passages: 1000, terms: 100_000 };
        let weights: Vec<_> = [0, 1, 10, 500, 1000].map(|passages| statistics.idf(passages)).to_vec();
        assert!(weights.is_sorted_by(|left, right| left > right));
        assert_eq!(statistics.idf(1001), 0);
    }

    #[test]
    fn the_greatest_score_stays_far_from_overflow() {
        let statistics = Statistics { passages: u32::MAX.into(), terms: u32::MAX.into() };
        let one = contribution(statistics.idf(0), 600, statistics.norm(0));
        assert!(one.checked_mul(64).is_some_and(|sum| sum < 1 << 32));
        assert!(statistics.norm(600) > statistics.norm(1));
    }
}
