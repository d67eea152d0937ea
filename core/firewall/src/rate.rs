//! Rates as integer token buckets, driven by the time in the facts.

use std::collections::BTreeMap;
use std::fmt;

/// The largest count of a rate.
const COUNT_MAX: u64 = 1_000_000;
const PERIODS: [(&str, u64); 4] = [("sec", 1_000), ("min", 60_000), ("hour", 3_600_000), ("day", 86_400_000)];

/// At most `count` calls in any instant, refilled evenly over `period_ms`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rate {
    count: u64,
    period_ms: u64,
}

impl Rate {
    /// Reads `100/min`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let shape = || format!("`{text}` is not a rate");
        let (count, period) = text.split_once('/').ok_or_else(shape)?;
        if count.is_empty() || !count.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(shape());
        }
        let count = count.parse().ok().filter(|count| *count <= COUNT_MAX);
        let count = count.ok_or_else(|| format!("the rate `{text}` is above {COUNT_MAX}"))?;
        let period = PERIODS.iter().find(|(name, _)| *name == period).ok_or_else(shape)?;
        if count == 0 {
            return Err(format!("the rate `{text}` never lets a call through"));
        }
        Ok(Self { count, period_ms: period.1 })
    }

    /// A token is `period_ms` parts, and `count` parts flow in each millisecond: no division, no remainder lost.
    const fn capacity(self) -> u64 {
        self.count * self.period_ms
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name =
            PERIODS.iter().find(|(_, period_ms)| *period_ms == self.period_ms).map_or("?", |(name, _)| name);
        write!(f, "{}/{name}", self.count)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Bucket {
    rate: Rate,
    parts: u64,
    at_ms: u64,
}

impl Bucket {
    const fn parts_at(&self, now_ms: u64) -> u64 {
        let flowed = now_ms.saturating_sub(self.at_ms).saturating_mul(self.rate.count);
        let parts = self.parts.saturating_add(flowed);
        if parts < self.rate.capacity() { parts } else { self.rate.capacity() }
    }
}

/// The buckets of one session. Empty at its beginning, which means: every bucket is full.
///
/// A bucket belongs to a rule, not to a principal: all who call under the rule share it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RateState {
    now_ms: u64,
    buckets: BTreeMap<String, Bucket>,
}

impl RateState {
    /// Every bucket full.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The session's time: never less than it was.
    pub(crate) fn advance(&mut self, time_ms: u64) {
        self.now_ms = self.now_ms.max(time_ms);
    }

    pub(crate) fn has_token(&self, rule: &str, rate: Rate) -> bool {
        let bucket = self.buckets.get(rule).filter(|bucket| bucket.rate == rate);
        bucket.is_none_or(|bucket| bucket.parts_at(self.now_ms) >= rate.period_ms)
    }

    /// Takes a token that [`Self::has_token`] found.
    pub(crate) fn take(&mut self, rule: &str, rate: Rate) {
        let now_ms = self.now_ms;
        let full = || Bucket { rate, parts: rate.capacity(), at_ms: now_ms };
        let bucket = self.buckets.entry(rule.to_owned()).or_insert_with(full);
        if bucket.rate != rate {
            *bucket = full();
        }
        let parts = bucket.parts_at(now_ms).saturating_sub(rate.period_ms);
        (bucket.parts, bucket.at_ms) = (parts, now_ms);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_gives_its_count_at_once_and_then_refills_evenly() {
        let rate = Rate::parse("2/min").expect("a rate");
        let mut state = RateState::new();
        let mut call = |time_ms| {
            state.advance(time_ms);
            let given = state.has_token("r", rate);
            if given {
                state.take("r", rate);
            }
            given
        };
        assert_eq!([call(0), call(0), call(0)], [true, true, false]);
        assert_eq!([call(29_999), call(30_000), call(30_001)], [false, true, false]);
        assert_eq!([call(0), call(30_002)], [false, false], "a clock that went back gives nothing");
        assert_eq!([call(u64::MAX), call(u64::MAX), call(u64::MAX)], [true, true, false]);
    }

    #[test]
    fn no_rate_lets_nothing_or_everything_through() {
        for text in [
            "0/min",
            "-1/min",
            "+1/min",
            "1 /min",
            "1/fortnight",
            "1",
            "1/",
            "/min",
            "1.5/min",
            "1000001/day",
        ] {
            assert!(Rate::parse(text).is_err(), "{text}");
        }
        assert_eq!(Rate::parse("100/min").map(|rate| rate.to_string()), Ok("100/min".to_owned()));
    }
}
