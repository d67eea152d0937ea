//! How long to look again before sleeping.
//!
//! A sleep and the wake that ends it cost both sides a system call and a switch; an
//! answer that is a few hundred instructions away comes sooner than that. But a spin
//! that ends in a sleep after all is lost, and on one core it keeps the very peer from
//! running that it waits for. So the time follows how long the last wait took, sleep
//! included: two sides that both sleep and wake each other would never learn from their
//! spins alone that each answers at once. It is counted in time and not in looks, because
//! the pause between two looks takes ten times as long on some processors as on others.

use std::hint::spin_loop;
use std::time::{Duration, Instant};

/// A spin that never pays still lasts so long.
const TIME_MIN: Duration = Duration::from_micros(1);
/// No spin lasts longer: about as long as it takes two sides to wake each other, so a wait at
/// worst doubles.
const TIME_MAX: Duration = Duration::from_micros(100);
/// The clock is read after so many looks.
const LOOKS: u32 = 8;

/// A time that adapts: the longest after a wait that was not longer, halved by each that was.
///
/// What is lost after a change from quick answers to slow ones: twice the longest time, then
/// 1 µs a wait.
#[derive(Clone, Debug)]
pub struct Spin {
    time: Duration,
    is_alone: bool,
}

impl Spin {
    /// For a process that may run on `cores` cores; on one it never looks twice.
    #[must_use]
    pub fn for_cores(cores: usize) -> Spin {
        Spin { time: TIME_MAX, is_alone: cores <= 1 }
    }

    /// For this process, by the cores that it may run on now.
    #[must_use]
    pub fn adaptive() -> Spin {
        Spin::for_cores(std::thread::available_parallelism().map_or(1, usize::from))
    }

    /// Looks at `at` until there is something, an error included, or the time is up; then sleeps for it.
    #[inline]
    pub fn wait<A, T>(
        &mut self,
        at: &mut A,
        mut look: impl FnMut(&mut A) -> Option<T>,
        sleep: impl FnOnce(&mut A) -> T,
    ) -> T {
        // What is there at once needs no clock and teaches nothing about waiting.
        if let Some(found) = look(at) {
            return found;
        }
        if self.is_alone {
            return sleep(at);
        }
        let started = Instant::now();
        self.look_on(at, look, sleep, || started.elapsed())
    }

    #[inline]
    fn look_on<A, T>(
        &mut self,
        at: &mut A,
        mut look: impl FnMut(&mut A) -> Option<T>,
        sleep: impl FnOnce(&mut A) -> T,
        mut elapsed: impl FnMut() -> Duration,
    ) -> T {
        loop {
            for _ in 0..LOOKS {
                spin_loop();
                if let Some(found) = look(at) {
                    self.time = TIME_MAX;
                    return found;
                }
            }
            if elapsed() >= self.time {
                break;
            }
        }
        let found = sleep(at);
        self.time = if elapsed() <= TIME_MAX { TIME_MAX } else { (self.time / 2).max(TIME_MIN) };
        found
    }

    /// How long the next [`Spin::wait`] looks at most before it sleeps, beside its first look.
    #[must_use]
    pub fn time(&self) -> Duration {
        if self.is_alone { Duration::ZERO } else { self.time }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    const LOOK: Duration = Duration::from_nanos(50);
    const SLACK: Duration = LOOK.saturating_mul(LOOKS);
    /// Waking the peer, and being woken by it.
    const WAKES: Duration = Duration::from_micros(80);

    /// Waits for something that is there after `after` if this side spins, and only `WAKES` later
    /// if it sleeps; each look takes 50 ns. How long the spin was, and whether it ended in a sleep.
    fn wait_for(spin: &mut Spin, after: Duration) -> (Duration, bool) {
        let now = Cell::new(Duration::ZERO);
        let spun = Cell::new(None);
        let look = |_: &mut ()| {
            now.set(now.get() + LOOK);
            (now.get() >= after).then_some(())
        };
        let sleep = |_: &mut ()| {
            spun.set(Some(now.get()));
            now.set(now.get().max(after).saturating_add(WAKES));
        };
        spin.look_on(&mut (), look, sleep, || now.get());
        (spun.get().unwrap_or(now.get()), spun.get().is_some())
    }

    #[test]
    fn on_one_core_it_looks_once_and_sleeps() {
        for cores in [0, 1] {
            let mut looks = 0;
            let look = |looks: &mut u32| {
                *looks += 1;
                None
            };
            assert_eq!(Spin::for_cores(cores).wait(&mut looks, look, |_| "slept"), "slept");
            assert_eq!(looks, 1);
        }
    }

    #[test]
    fn what_is_there_at_once_is_found_by_one_look_and_changes_nothing() {
        let mut spin = Spin::for_cores(2);
        wait_for(&mut spin, Duration::MAX);
        let time = spin.time();
        assert_eq!(spin.wait(&mut (), |()| Some(7), |()| unreachable!("it is there")), 7);
        assert_eq!(spin.time(), time);
    }

    #[test]
    fn one_wait_that_was_short_with_its_sleep_is_enough_to_spin_again() {
        let mut spin = Spin::for_cores(2);
        for after in [1, 5, 10, 19].map(Duration::from_micros) {
            // Nothing comes for a long time: the spins become short.
            for _ in 0..20 {
                wait_for(&mut spin, Duration::from_millis(1));
            }
            assert_eq!(spin.time(), TIME_MIN);
            let (_, slept) = wait_for(&mut spin, after);
            assert_eq!(slept, after > TIME_MIN + SLACK, "{after:?}");
            for _ in 0..100 {
                assert_eq!(wait_for(&mut spin, after), (after, false));
            }
        }
    }

    #[test]
    fn what_slow_answers_cost_is_bounded() {
        let mut spin = Spin::for_cores(2);
        let mut lost = |count: u32| {
            let waits = (0..count).map(|_| wait_for(&mut spin, Duration::from_millis(1)));
            waits.map(|(spun, slept)| if slept { spun } else { Duration::MAX }).sum::<Duration>()
        };
        let first = lost(8);
        assert!((TIME_MAX..=2 * TIME_MAX + 8 * (TIME_MIN + SLACK)).contains(&first), "{first:?}");
        let then = lost(100);
        assert!(then <= 100 * (TIME_MIN + SLACK), "{then:?}");
    }
}
