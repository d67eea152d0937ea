//! How long to look again before sleeping.
//!
//! A sleep and the wake that ends it cost both sides a system call and a switch; an
//! answer that is a few hundred instructions away comes sooner than that. But a spin
//! that ends in a sleep after all is lost, and on one core it keeps the very peer from
//! running that it waits for. So the budget follows what the last waits showed.

use std::hint::spin_loop;

/// Looks in a spin that never paid: enough to notice that answers come at once again.
const LOOKS_MIN: u32 = 16;
/// Looks at most: about what a sleep and a wake cost, so a spin at worst doubles a wait.
const LOOKS_MAX: u32 = 1024;
/// After so many spins in vain, one gets the whole budget, to learn whether times have changed.
const PROBE_EVERY: u32 = 32;

/// A budget of looks that adapts: twice what the last success needed, halved by each failure.
///
/// Looks that are lost: at most twice `LOOKS_MAX` after a change from quick answers to
/// slow ones, then `LOOKS_MIN` a wait, and `LOOKS_MAX` once in [`PROBE_EVERY`] waits.
#[derive(Clone, Debug)]
pub struct Spin {
    budget: u32,
    in_vain: u32,
    is_alone: bool,
}

impl Spin {
    /// For a process that may run on `cores` cores; on one it never looks twice.
    #[must_use]
    pub fn for_cores(cores: usize) -> Spin {
        Spin { budget: LOOKS_MAX, in_vain: 0, is_alone: cores <= 1 }
    }

    /// For this process, by the cores that it may run on now.
    #[must_use]
    pub fn adaptive() -> Spin {
        Spin::for_cores(std::thread::available_parallelism().map_or(1, usize::from))
    }

    /// Looks until there is something, an error included, or the budget is used up.
    #[inline]
    pub fn until<T>(&mut self, mut look: impl FnMut() -> Option<T>) -> Option<T> {
        let budget = self.budget();
        for looks in 1..=budget {
            if let Some(found) = look() {
                self.succeeded_after(looks);
                return Some(found);
            }
            if looks < budget {
                spin_loop();
            }
        }
        self.failed();
        None
    }

    /// How often the next [`Spin::until`] looks at most.
    #[must_use]
    pub fn budget(&self) -> u32 {
        match (self.is_alone, self.in_vain >= PROBE_EVERY) {
            (true, _) => 1,
            (false, true) => LOOKS_MAX,
            (false, false) => self.budget,
        }
    }

    fn succeeded_after(&mut self, looks: u32) {
        self.in_vain = 0;
        self.budget = looks.saturating_mul(2).clamp(LOOKS_MIN, LOOKS_MAX);
    }

    fn failed(&mut self) {
        self.in_vain = if self.in_vain >= PROBE_EVERY { 0 } else { self.in_vain + 1 };
        self.budget = (self.budget / 2).max(LOOKS_MIN);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Something that is there at the `at`-th look; the looks it took, and whether it was found.
    fn wait_for(spin: &mut Spin, at: u32) -> (u32, bool) {
        let mut looks = 0;
        let found = spin.until(|| {
            looks += 1;
            (looks == at).then_some(())
        });
        (looks, found.is_some())
    }

    #[test]
    fn on_one_core_it_looks_once() {
        for cores in [0, 1] {
            let mut spin = Spin::for_cores(cores);
            for _ in 0..100 {
                assert_eq!(wait_for(&mut spin, u32::MAX), (1, false));
            }
            assert_eq!(wait_for(&mut spin, 1), (1, true));
        }
    }

    #[test]
    fn it_spins_while_answers_come_within_the_spin() {
        let mut spin = Spin::for_cores(2);
        for at in [1, 20, 1, 300, 500, 800, 1024] {
            let grown = (0..2 * PROBE_EVERY).find(|_| wait_for(&mut spin, at).1);
            assert!(grown.is_some(), "an answer at look {at} is found after a probe at the latest");
            for _ in 0..100 {
                assert_eq!(wait_for(&mut spin, at), (at, true));
            }
        }
    }

    #[test]
    fn what_slow_answers_cost_is_bounded() {
        let mut spin = Spin::for_cores(2);
        let lost: u32 = (0..PROBE_EVERY).map(|_| wait_for(&mut spin, u32::MAX).0).sum();
        assert!(lost <= 2 * LOOKS_MAX + PROBE_EVERY * LOOKS_MIN, "{lost} looks");
        let lost: u32 = (0..=PROBE_EVERY).map(|_| wait_for(&mut spin, u32::MAX).0).sum();
        assert_eq!(lost, LOOKS_MAX + PROBE_EVERY * LOOKS_MIN, "one probe, and the least otherwise");
    }
}
