//! When a process of the node has been silent for too long.
//!
//! Time counts only while this process was there itself to see it: it looks in short
//! intervals, and where one of its own looks comes late (it was stopped together with the
//! others, the machine was suspended or has no time for it), every count begins anew. So
//! nobody is taken for silent in a time in which he could not be heard.

use ioi_cell::native::Health;
use std::time::Duration;

/// How often it is looked whether anybody was heard.
pub(crate) const LOOK_EVERY: Duration = Duration::from_millis(250);
/// The looks themselves: how much time each has seen.
pub(crate) struct Looks {
    last: Option<Duration>,
    /// A look that comes so long after the one before is late.
    late: Duration,
}

impl Looks {
    /// For processes that may be silent as long as this. A look is late after half of it: who was stopped with
    /// the one who looks has the other half to be heard, and a machine that is merely busy makes no look late.
    pub(crate) fn new(may_be_silent: Duration) -> Self {
        Self { last: None, late: may_be_silent / 2 }
    }

    /// A look now, by a clock that never goes back: the time since the one before, `None` for one that is late.
    pub(crate) fn look(&mut self, now: Duration) -> Option<Duration> {
        let seen = now.saturating_sub(self.last.replace(now).unwrap_or(now));
        (seen < self.late).then_some(seen)
    }
}

/// How long one process has been silent.
#[derive(Default)]
pub(crate) struct Silence {
    heartbeat: Option<u32>,
    silent: Duration,
}

impl Silence {
    /// What a look has found: the time that it saw, and what the process says of itself, once it has come so
    /// far. Answers how long it has been silent.
    ///
    /// A heartbeat is heard when it is another one, not when it is larger: it wraps, and what a process says
    /// is not believed anyway.
    pub(crate) fn look(&mut self, seen: Option<Duration>, health: Option<Health>) -> Duration {
        let heartbeat = health.map(|health| health.heartbeat);
        self.silent = match seen {
            Some(seen) if heartbeat == self.heartbeat => self.silent.saturating_add(seen),
            _ => Duration::ZERO,
        };
        self.heartbeat = heartbeat;
        self.silent
    }

    /// How long it had been silent at the last look.
    pub(crate) fn so_far(&self) -> Duration {
        self.silent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(5);

    const LATE: Duration = Duration::from_millis(2500);

    /// One process and its watcher, by a clock of their own.
    struct Watched {
        now: Duration,
        beats: u32,
        looks: Looks,
        silence: Silence,
    }

    impl Watched {
        /// It has beaten so often.
        fn new(beats: u32) -> Self {
            Self { now: Duration::ZERO, beats, looks: Looks::new(LIMIT), silence: Silence::default() }
        }

        /// Time passes, then it is looked.
        fn after(&mut self, passed: Duration) -> Duration {
            self.now += passed;
            let health = Health { heartbeat: self.beats, state: 1, time_ns: 0 };
            self.silence.look(self.looks.look(self.now), Some(health))
        }

        /// Looks in the usual interval until the limit is reached; how long that took.
        fn until_silent(&mut self) -> Duration {
            let before = self.now;
            while self.after(LOOK_EVERY) < LIMIT {
                assert!(self.now - before < LIMIT * 10, "it is never noticed");
            }
            self.now - before
        }
    }

    #[test]
    fn silence_is_noticed_after_its_limit_and_not_before() {
        let mut watched = Watched::new(7);
        watched.after(LOOK_EVERY);
        assert_eq!(watched.until_silent(), LIMIT);
    }

    #[test]
    fn a_process_that_was_never_heard_is_silent_from_the_first_look_on() {
        let (mut looks, mut silence, mut now) = (Looks::new(LIMIT), Silence::default(), Duration::ZERO);
        let first = silence.look(looks.look(now), None);
        assert_eq!(first, Duration::ZERO);
        while silence.look(looks.look(now), None) < LIMIT {
            now += LOOK_EVERY;
        }
        assert_eq!(now, LIMIT);
    }

    #[test]
    fn every_beat_begins_the_count_anew_also_where_the_number_wraps() {
        let mut watched = Watched::new(u32::MAX - 3);
        for _ in 0..10 {
            for _ in 0..16 {
                assert!(watched.after(LOOK_EVERY) < LIMIT);
            }
            watched.beats = watched.beats.wrapping_add(1);
        }
        watched.after(LOOK_EVERY);
        assert_eq!(watched.until_silent(), LIMIT);
    }

    #[test]
    fn a_look_that_is_late_begins_the_count_anew() {
        for gap in [LATE, LIMIT, LIMIT * 1000] {
            let mut watched = Watched::new(7);
            for _ in 0..19 {
                assert!(watched.after(LOOK_EVERY) < LIMIT);
            }
            assert_eq!(watched.after(gap), Duration::ZERO, "nobody was heard for {gap:?}, by nobody");
            assert_eq!(watched.until_silent(), LIMIT, "and nothing of what was before counts");
        }
    }

    #[test]
    fn looks_that_are_only_a_little_late_count_in_full() {
        let mut watched = Watched::new(7);
        watched.after(LOOK_EVERY);
        let a_little = LATE - Duration::from_millis(1);
        let looks = (1..).find(|_| watched.after(a_little) >= LIMIT);
        assert_eq!(looks, Some(3), "5 s are reached with the third look of 2499 ms");
    }

    #[test]
    fn a_suspended_machine_costs_nobody_his_run() {
        let mut watched = Watched::new(1);
        for hour in 1..100 {
            // It beats twice a second, is suspended for an hour, and takes a moment to get going.
            for _ in 0..20 {
                watched.beats += 1;
                assert!(watched.after(LOOK_EVERY) < LIMIT);
            }
            assert!(watched.after(Duration::from_secs(3600)) < LIMIT, "hour {hour}");
            for _ in 0..12 {
                assert!(watched.after(LOOK_EVERY) < LIMIT, "hour {hour}");
            }
        }
    }
}
