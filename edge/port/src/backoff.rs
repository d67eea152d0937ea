//! When to try again: exponential back-off with full jitter.
//!
//! Each pause is drawn evenly from zero to a ceiling that doubles, so that senders
//! which were refused together don't come back together. Randomness and time are the
//! caller's ([`Surroundings`]), so a test can give both.

use std::time::{Duration, Instant};

/// How often and how long to pause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The first pause is at most so long.
    pub pause_first: Duration,
    /// No pause is longer.
    pub pause_max: Duration,
    /// Tries, the first one included.
    pub tries_max: u32,
}

impl Default for Backoff {
    fn default() -> Self {
        let pause = Duration::from_micros;
        Backoff { pause_first: pause(50), pause_max: pause(20_000), tries_max: 16 }
    }
}

impl Backoff {
    /// The pause after `tries` tries, with one `random` number evenly out of all; `None` to give up.
    #[must_use]
    pub fn pause_after(&self, tries: u32, random: u64) -> Option<Duration> {
        if tries == 0 || tries >= self.tries_max {
            return None;
        }
        let doubled = 1u32.checked_shl(tries - 1).unwrap_or(u32::MAX);
        let ceiling = self.pause_first.saturating_mul(doubled).min(self.pause_max);
        let nanos = u64::try_from(ceiling.as_nanos()).unwrap_or(u64::MAX);
        // The upper half of the product is even in 0..=nanos without a division.
        let even = (u128::from(random) * (u128::from(nanos) + 1)) >> 64;
        Some(Duration::from_nanos(even as u64))
    }
}

/// The clock and the dice.
pub trait Surroundings {
    /// Time since some fixed moment.
    fn now(&mut self) -> Duration;
    /// Any 64 bits.
    fn random(&mut self) -> u64;
    /// Lets so much time pass.
    fn pause(&mut self, time: Duration);
}

/// This thread, in real time.
#[derive(Debug)]
pub struct ThisThread {
    started: Instant,
    state: u64,
}

impl ThisThread {
    /// Jitter keeps no secret, so one seed from the kernel is enough; without one the
    /// clock's nanoseconds do.
    #[must_use]
    pub fn new() -> ThisThread {
        let seed = getrandom::u64().unwrap_or_else(|_| u64::from(now_subsec_nanos()));
        ThisThread { started: Instant::now(), state: seed }
    }
}

impl Default for ThisThread {
    fn default() -> Self {
        ThisThread::new()
    }
}

fn now_subsec_nanos() -> u32 {
    std::time::SystemTime::UNIX_EPOCH.elapsed().map_or(1, |since| since.subsec_nanos())
}

impl Surroundings for ThisThread {
    fn now(&mut self) -> Duration {
        self.started.elapsed()
    }

    /// SplitMix64 (Steele, Lea, Flood 2014).
    fn random(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn pause(&mut self, time: Duration) {
        std::thread::sleep(time);
    }
}

/// Tries until it works or fails for good, pausing while it answers `None` (full, busy).
///
/// Gives up, with `None`, after the last try or when the next pause would end after `timeout`.
pub fn retry<T>(
    backoff: &Backoff,
    timeout: Duration,
    around: &mut impl Surroundings,
    mut attempt: impl FnMut() -> Option<T>,
) -> Option<T> {
    let deadline = around.now().saturating_add(timeout);
    for tries in 1.. {
        if let Some(done) = attempt() {
            return Some(done);
        }
        let pause = backoff.pause_after(tries, around.random())?;
        if around.now().saturating_add(pause) > deadline {
            return None;
        }
        around.pause(pause);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Time passes only in pauses; the dice are given.
    struct Told {
        now: Duration,
        random: u64,
        pauses: Vec<Duration>,
    }

    impl Surroundings for Told {
        fn now(&mut self) -> Duration {
            self.now
        }
        fn random(&mut self) -> u64 {
            self.random
        }
        fn pause(&mut self, time: Duration) {
            self.now += time;
            self.pauses.push(time);
        }
    }

    fn told(random: u64) -> Told {
        Told { now: Duration::from_secs(7), random, pauses: Vec::new() }
    }

    const MS: Duration = Duration::from_millis(1);
    const FIVE: Backoff = Backoff { pause_first: MS, pause_max: Duration::from_millis(3), tries_max: 5 };

    #[test]
    fn ceilings_double_up_to_the_longest_pause_and_the_tries_are_counted() {
        let mut around = told(u64::MAX);
        let mut tries = 0;
        let gave_up = retry(&FIVE, Duration::MAX, &mut around, || {
            tries += 1;
            None::<()>
        });
        assert_eq!((gave_up, tries), (None, 5));
        assert_eq!(around.pauses, [MS, 2 * MS, 3 * MS, 3 * MS]);
    }

    #[test]
    fn jitter_spreads_evenly_from_nothing_to_the_ceiling() {
        let mut dice = ThisThread { started: Instant::now(), state: 42 };
        let mut quarters = [0u32; 4];
        for _ in 0..4000 {
            let pause = FIVE.pause_after(1, dice.random()).unwrap();
            assert!(pause <= MS);
            quarters[(pause.as_nanos() * 4 / (MS.as_nanos() + 1)) as usize] += 1;
        }
        assert!(quarters.iter().all(|count| (850..1150).contains(count)), "seed 42: {quarters:?}");
        assert_eq!(FIVE.pause_after(1, 0), Some(Duration::ZERO));
    }

    #[test]
    fn it_stops_before_the_time_is_up_and_at_the_first_answer() {
        let mut around = told(u64::MAX);
        assert_eq!(retry(&FIVE, 4 * MS, &mut around, || None::<()>), None);
        assert_eq!(around.pauses, [MS, 2 * MS], "a third pause would end after 4 ms");
        let mut around = told(u64::MAX);
        let mut left = 3;
        let answer = retry(&FIVE, Duration::MAX, &mut around, || {
            left -= 1;
            (left == 0).then_some("done")
        });
        assert_eq!((answer, around.pauses.len()), (Some("done"), 2));
    }

    #[test]
    fn no_number_of_tries_or_length_of_pauses_overflows() {
        let endless = Backoff { pause_first: Duration::MAX, pause_max: Duration::MAX, tries_max: u32::MAX };
        for tries in [1, 31, 32, 33, 64, u32::MAX - 1] {
            assert!(endless.pause_after(tries, u64::MAX).unwrap() >= Duration::from_secs(1 << 30));
        }
        assert_eq!(endless.pause_after(u32::MAX, 0), None);
        assert_eq!(endless.pause_after(0, 0), None, "nothing was tried yet");
    }
}
