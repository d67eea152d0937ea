//! A token bucket: so much in the long run, so much at once.

use std::time::Duration;

/// Tokens are counted in billionths, so that none is lost between two looks.
const UNIT: u128 = 1_000_000_000;

#[derive(Clone, Debug)]
pub(crate) struct Bucket {
    per_second: u32,
    burst: u128,
    level: u128,
    filled_at: Duration,
}

impl Bucket {
    /// A full bucket.
    pub(crate) fn new(per_second: u32, burst: u32) -> Bucket {
        let burst = u128::from(burst) * UNIT;
        Bucket { per_second, burst, level: burst, filled_at: Duration::ZERO }
    }

    /// Takes one token, or says how long until there is one. A clock that goes back fills nothing.
    pub(crate) fn take(&mut self, now: Duration) -> Result<(), Duration> {
        let passed = now.saturating_sub(self.filled_at).as_nanos();
        let filled = passed.saturating_mul(u128::from(self.per_second));
        self.level = self.level.saturating_add(filled).min(self.burst);
        self.filled_at = self.filled_at.max(now);
        match self.level.checked_sub(UNIT) {
            Some(left) => {
                self.level = left;
                Ok(())
            }
            None => Err(self.until_one()),
        }
    }

    /// How long until there is a token: 0 if there is one, and the longest time there is if there never will be.
    pub(crate) fn wait(&self, now: Duration) -> Duration {
        self.clone().take(now).err().unwrap_or_default()
    }

    fn until_one(&self) -> Duration {
        if self.per_second == 0 || self.burst < UNIT {
            return Duration::MAX;
        }
        let nanos = (UNIT - self.level).div_ceil(u128::from(self.per_second));
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// In every stretch of time: no more than the burst and what the rate gives.
        #[test]
        fn no_stretch_of_time_has_more_than_burst_and_rate(
            per_second in 0u32..2000,
            burst in 0u32..20,
            steps in proptest::collection::vec(0u64..5_000_000, 1..150),
        ) {
            let mut bucket = Bucket::new(per_second, burst);
            let mut now = Duration::ZERO;
            let mut taken: Vec<Duration> = Vec::new();
            for step in steps {
                now += Duration::from_nanos(step);
                match bucket.take(now) {
                    Ok(()) => taken.push(now),
                    Err(wait) if wait < Duration::MAX => {
                        prop_assert!(bucket.clone().take(now + wait).is_ok(), "the wait is long enough");
                        let less = wait.saturating_sub(Duration::from_nanos(1));
                        prop_assert!(wait.is_zero() || bucket.clone().take(now + less).is_err());
                    }
                    Err(_) => prop_assert!(per_second == 0 || burst == 0),
                }
            }
            for (first, start) in taken.iter().enumerate() {
                for (count, end) in taken[first..].iter().enumerate() {
                    let refilled = (*end - *start).as_nanos() * u128::from(per_second) / UNIT;
                    prop_assert!((count + 1) as u128 <= u128::from(burst) + refilled);
                }
            }
            prop_assert!(per_second > 0 || taken.len() <= burst as usize);
        }
    }

    #[test]
    fn a_clock_that_jumps_gives_the_burst_and_no_more() {
        let mut bucket = Bucket::new(1000, 3);
        for (now, expected) in [(Duration::MAX, 3), (Duration::ZERO, 0), (Duration::MAX, 0)] {
            assert_eq!((0..10).filter(|_| bucket.take(now).is_ok()).count(), expected, "{now:?}");
        }
    }
}
