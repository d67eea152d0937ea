//! The calls that a client waits for: numbers, deadlines, and which answers still count.

use std::fmt;
use std::time::Duration;

#[derive(Clone, Copy, Debug)]
struct InFlight {
    number: u32,
    deadline: Duration,
    is_answered: bool,
}

/// A table of at most so many calls; time is what the caller says it is.
///
/// A call leaves it when it is taken, cancelled, or over. An answer to a call that has
/// left is counted and otherwise nothing.
#[derive(Clone, Debug)]
pub struct Calls {
    slots: Vec<Option<InFlight>>,
    /// Calls begun so far; the low 32 bits are the next number.
    begun: u64,
    late: u64,
    unknown: u64,
}

impl Calls {
    /// No calls, at most `in_flight_max` at once.
    #[must_use]
    pub fn new(in_flight_max: usize) -> Calls {
        Calls { slots: vec![None; in_flight_max], begun: 0, late: 0, unknown: 0 }
    }

    /// Begins a call that is worth waiting for until `deadline`: its number.
    ///
    /// # Errors
    /// [`TooMany`] when all places are taken.
    pub fn begin(&mut self, deadline: Duration) -> Result<u32, TooMany> {
        let in_flight_max = self.slots.len();
        let free = self.slots.iter_mut().find(|slot| slot.is_none()).ok_or(TooMany { in_flight_max })?;
        let number = self.begun as u32;
        *free = Some(InFlight { number, deadline, is_answered: false });
        self.begun += 1;
        Ok(number)
    }

    /// An answer came: the place of its call, if it is the first to one that is waited for.
    pub fn answered(&mut self, number: u32) -> Option<usize> {
        match self.place(number) {
            Some((place, false)) => {
                self.slots[place].as_mut()?.is_answered = true;
                Some(place)
            }
            _ => {
                let was_begun =
                    u64::from((self.begun as u32).wrapping_sub(number).wrapping_sub(1)) < self.begun;
                *(if was_begun { &mut self.late } else { &mut self.unknown }) += 1;
                None
            }
        }
    }

    /// The place of an answered call, which leaves the table; `None` if it isn't answered.
    pub fn take(&mut self, number: u32) -> Option<usize> {
        let (place, is_answered) = self.place(number)?;
        is_answered.then(|| {
            self.slots[place] = None;
            place
        })
    }

    /// Waits for it no longer; false if nobody did.
    pub fn cancel(&mut self, number: u32) -> bool {
        let place = self.place(number);
        place.is_some_and(|(place, _)| self.slots[place].take().is_some())
    }

    /// Drops every call whose deadline is not after `now`: how many.
    pub fn expire(&mut self, now: Duration) -> usize {
        let before = self.in_flight();
        for slot in &mut self.slots {
            if slot.is_some_and(|call| call.deadline <= now) {
                *slot = None;
            }
        }
        before - self.in_flight()
    }

    /// Until when a call is waited for.
    #[must_use]
    pub fn deadline(&self, number: u32) -> Option<Duration> {
        let (place, _) = self.place(number)?;
        Some(self.slots[place]?.deadline)
    }

    /// Calls in the table.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.slots.iter().flatten().count()
    }

    /// Answers to calls that were over, or answered before.
    #[must_use]
    pub fn late(&self) -> u64 {
        self.late
    }

    /// Answers to calls that were never made.
    #[must_use]
    pub fn unknown(&self) -> u64 {
        self.unknown
    }

    /// Counts a message that is no answer at all.
    pub(super) fn not_an_answer(&mut self) {
        self.unknown += 1;
    }

    fn place(&self, number: u32) -> Option<(usize, bool)> {
        let found = |slot: &Option<InFlight>| slot.is_some_and(|call| call.number == number);
        let place = self.slots.iter().position(found)?;
        Some((place, self.slots[place]?.is_answered))
    }
}

/// As many calls are in flight as there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooMany {
    /// How many there may be.
    pub in_flight_max: usize,
}

impl fmt::Display for TooMany {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} calls are in flight, and no more may be", self.in_flight_max)
    }
}

impl std::error::Error for TooMany {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]

        /// Against a map of number to (deadline, answered): who is waited for, and that each
        /// answer is either given to its call once or counted.
        #[test]
        fn an_answer_counts_once_and_only_while_it_is_waited_for(
            in_flight_max in 1usize..5,
            steps in proptest::collection::vec((0u8..5, 0u64..12), 1..200),
        ) {
            let mut calls = Calls::new(in_flight_max);
            let mut model: BTreeMap<u32, (Duration, bool)> = BTreeMap::new();
            let (mut now, mut begun, mut dropped) = (Duration::ZERO, 0u32, 0);
            for (kind, by) in steps {
                let number = begun.wrapping_sub(by as u32).wrapping_add(1);
                match kind {
                    0 => {
                        let deadline = now + Duration::from_secs(by);
                        let made = calls.begin(deadline).ok();
                        prop_assert_eq!(made, (model.len() < in_flight_max).then_some(begun));
                        if made.is_some() {
                            model.insert(begun, (deadline, false));
                            begun += 1;
                        }
                    }
                    1 => {
                        let waits = model.get(&number).is_some_and(|call| !call.1);
                        prop_assert_eq!(calls.answered(number).is_some(), waits);
                        match model.get_mut(&number) {
                            Some(call) if waits => call.1 = true,
                            _ => dropped += 1,
                        }
                    }
                    2 => {
                        let answered = model.get(&number).is_some_and(|call| call.1);
                        prop_assert_eq!(calls.take(number).is_some(), answered);
                        if answered {
                            model.remove(&number);
                        }
                    }
                    3 => prop_assert_eq!(calls.cancel(number), model.remove(&number).is_some()),
                    _ => {
                        now += Duration::from_secs(by);
                        let before = model.len();
                        model.retain(|_, call| call.0 > now);
                        prop_assert_eq!(calls.expire(now), before - model.len());
                    }
                }
                prop_assert_eq!(calls.in_flight(), model.len());
                prop_assert_eq!(calls.late() + calls.unknown(), dropped);
            }
        }
    }

    #[test]
    fn an_answer_to_a_call_that_was_never_made_is_told_from_a_late_one() {
        let mut calls = Calls::new(1);
        assert_eq!(calls.answered(0), None);
        assert_eq!((calls.late(), calls.unknown()), (0, 1));
        let number = calls.begin(Duration::from_secs(1)).unwrap();
        assert_eq!(calls.answered(number + 1), None);
        calls.expire(Duration::from_secs(1));
        assert_eq!(calls.answered(number), None);
        assert_eq!((calls.late(), calls.unknown()), (1, 2));
    }
}
