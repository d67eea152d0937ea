//! How long to look again before sleeping.
//!
//! A sleep and the wake that ends it cost both sides a system call and a switch; an
//! answer that is a few hundred instructions away comes sooner than that. But a spin
//! that ends in a sleep after all is lost, and on one core it keeps the very peer from
//! running that it waits for. So the time follows what the last waits showed. It is
//! counted in time and not in looks, because the pause between two looks takes ten
//! times as long on some processors as on others.

use std::hint::spin_loop;
use std::time::{Duration, Instant};

/// A spin that never pays still lasts so long: enough to notice that answers come at once again.
const TIME_MIN: Duration = Duration::from_micros(1);
/// No spin lasts longer: about as long as a sleep and its wake, so a wait at worst doubles.
const TIME_MAX: Duration = Duration::from_micros(25);
/// After so many spins in vain, one gets the longest time, to learn whether things have changed.
const PROBE_EVERY: u32 = 32;
/// The clock is read after so many looks.
const LOOKS: u32 = 8;

/// A time that adapts: twice what the last success took, halved by each failure.
///
/// What is lost after a change from quick answers to slow ones: twice the longest time,
/// then 1 µs a wait, and the longest time once in 32 waits.
#[derive(Clone, Debug)]
pub struct Spin {
    time: Duration,
    in_vain: u32,
    is_alone: bool,
}

impl Spin {
    /// For a process that may run on `cores` cores; on one it never looks twice.
    #[must_use]
    pub fn for_cores(cores: usize) -> Spin {
        Spin { time: TIME_MAX, in_vain: 0, is_alone: cores <= 1 }
    }

    /// For this process, by the cores that it may run on now.
    #[must_use]
    pub fn adaptive() -> Spin {
        Spin::for_cores(std::thread::available_parallelism().map_or(1, usize::from))
    }

    /// Looks until there is something, an error included, or the time is up.
    #[inline]
    pub fn until<T>(&mut self, mut look: impl FnMut() -> Option<T>) -> Option<T> {
        // What is there at once needs no clock and teaches nothing about waiting.
        if let Some(found) = look() {
            return Some(found);
        }
        if self.is_alone {
            return None;
        }
        let started = Instant::now();
        self.look_on(look, || started.elapsed())
    }

    #[inline]
    fn look_on<T>(
        &mut self,
        mut look: impl FnMut() -> Option<T>,
        mut elapsed: impl FnMut() -> Duration,
    ) -> Option<T> {
        let time = self.time();
        loop {
            for _ in 0..LOOKS {
                spin_loop();
                if let Some(found) = look() {
                    self.succeeded_after(elapsed());
                    return Some(found);
                }
            }
            if elapsed() >= time {
                self.failed();
                return None;
            }
        }
    }

    /// How long the next [`Spin::until`] looks at most, beside its first look.
    #[must_use]
    pub fn time(&self) -> Duration {
        match (self.is_alone, self.in_vain >= PROBE_EVERY) {
            (true, _) => Duration::ZERO,
            (false, true) => TIME_MAX,
            (false, false) => self.time,
        }
    }

    fn succeeded_after(&mut self, took: Duration) {
        self.in_vain = 0;
        self.time = took.saturating_mul(2).clamp(TIME_MIN, TIME_MAX);
    }

    fn failed(&mut self) {
        self.in_vain = if self.in_vain >= PROBE_EVERY { 0 } else { self.in_vain + 1 };
        self.time = (self.time / 2).max(TIME_MIN);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    const LOOK: Duration = Duration::from_nanos(50);

    /// Waits for something that is there after `after`, where each look takes 50 ns: how
    /// long the wait was, and whether it was found.
    fn wait_for(spin: &mut Spin, after: Duration) -> (Duration, bool) {
        let now = Cell::new(Duration::ZERO);
        let look = || {
            now.set(now.get() + LOOK);
            (now.get() >= after).then_some(())
        };
        let found = spin.look_on(look, || now.get());
        (now.get(), found.is_some())
    }

    #[test]
    fn on_one_core_it_looks_once() {
        for cores in [0, 1] {
            let mut looks = 0;
            let found: Option<()> = Spin::for_cores(cores).until(|| {
                looks += 1;
                None
            });
            assert_eq!((looks, found), (1, None));
        }
    }

    #[test]
    fn what_is_there_at_once_is_found_by_one_look_and_changes_nothing() {
        let mut spin = Spin::for_cores(2);
        wait_for(&mut spin, Duration::MAX);
        let time = spin.time();
        assert_eq!(spin.until(|| Some(7)), Some(7));
        assert_eq!(spin.time(), time);
    }

    #[test]
    fn it_spins_while_answers_come_within_the_spin() {
        let mut spin = Spin::for_cores(2);
        for micros in [1, 5, 1, 10, 2, 20, 25] {
            let after = Duration::from_micros(micros);
            let learned = (0..2 * PROBE_EVERY).find(|_| wait_for(&mut spin, after).1);
            assert!(learned.is_some(), "an answer after {micros} µs is found by a probe at the latest");
            for _ in 0..100 {
                assert_eq!(wait_for(&mut spin, after), (after, true));
            }
        }
    }

    #[test]
    fn what_slow_answers_cost_is_bounded() {
        let slack = LOOK * LOOKS;
        let mut spin = Spin::for_cores(2);
        let lost: Duration = (0..PROBE_EVERY).map(|_| wait_for(&mut spin, Duration::MAX).0).sum();
        assert!(lost <= 2 * TIME_MAX + PROBE_EVERY * (TIME_MIN + slack), "{lost:?}");
        let lost: Duration = (0..=PROBE_EVERY).map(|_| wait_for(&mut spin, Duration::MAX).0).sum();
        let expected = TIME_MAX + PROBE_EVERY * TIME_MIN;
        assert!((expected..=expected + (PROBE_EVERY + 1) * slack).contains(&lost), "{lost:?}");
    }
}
