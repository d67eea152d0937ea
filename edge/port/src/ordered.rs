//! One order over several endpoints: messages that come by different ways are put in sequence.
//!
//! A ring keeps its own order and knows nothing of others. Where the order of two
//! matters, whoever gives it out numbers the messages from 0 ([`stamp`]), and the
//! receiver puts what came too early aside until the numbers before it are there.

use std::fmt;

/// Bytes that [`stamp`] puts before a payload.
pub const STAMP_BYTES: usize = 8;

/// Writes `number` and `payload` into `into`; the bytes to send, or `None` if they don't fit.
#[must_use]
pub fn stamp<'buffer>(number: u64, payload: &[u8], into: &'buffer mut [u8]) -> Option<&'buffer [u8]> {
    let stamped = into.get_mut(..STAMP_BYTES + payload.len())?;
    stamped[..STAMP_BYTES].copy_from_slice(&number.to_le_bytes());
    stamped[STAMP_BYTES..].copy_from_slice(payload);
    Some(stamped)
}

/// The number and the payload of a stamped message, if it is long enough to be one.
#[must_use]
pub fn unstamp(stamped: &[u8]) -> Option<(u64, &[u8])> {
    let (number, payload) = stamped.split_first_chunk()?;
    Some((u64::from_le_bytes(*number), payload))
}

/// Items that come in any order and go in the order of their numbers.
///
/// It holds at most `window` items, whatever comes. An endpoint that withholds a
/// number holds the others up until the caller's patience ends ([`Ordered::skip`]).
///
/// ```
/// use ioi_port::Ordered;
/// let mut ordered = Ordered::new(8);
/// ordered.insert(1, "second, by another endpoint")?;
/// assert_eq!(ordered.take(), None);
/// ordered.insert(0, "first")?;
/// assert_eq!(ordered.take(), Some("first"));
/// assert_eq!(ordered.take(), Some("second, by another endpoint"));
/// # Ok::<(), ioi_port::OrderError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Ordered<T> {
    /// The item with number *n* lies at *n* mod the length.
    window: Vec<Option<T>>,
    next: u64,
    waiting: usize,
}

impl<T> Ordered<T> {
    /// An order that starts at 0 and puts up with items that are less than `window` ahead.
    ///
    /// # Panics
    /// When `window` is 0.
    #[must_use]
    pub fn new(window: usize) -> Ordered<T> {
        assert!(window > 0, "the item that is waited for needs room");
        Ordered { window: std::iter::repeat_with(|| None).take(window).collect(), next: 0, waiting: 0 }
    }

    /// The number that is waited for.
    #[must_use]
    pub fn next_number(&self) -> u64 {
        self.next
    }

    /// How many items are there, in order or not.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting
    }

    /// Puts an item in its place.
    ///
    /// # Errors
    /// [`OrderError`]; nothing has changed then.
    pub fn insert(&mut self, number: u64, item: T) -> Result<(), OrderError> {
        let Some(ahead) = number.checked_sub(self.next) else {
            return Err(OrderError::Over { number, next: self.next });
        };
        if ahead >= self.window.len() as u64 {
            return Err(OrderError::TooFarAhead { number, number_max: self.last() });
        }
        let place = self.place(number);
        if self.window[place].is_some() {
            return Err(OrderError::Repeated { number });
        }
        self.window[place] = Some(item);
        self.waiting += 1;
        Ok(())
    }

    /// The next item, if it is there.
    pub fn take(&mut self) -> Option<T> {
        let place = self.place(self.next);
        let item = self.window[place].take()?;
        // The number space is never used up: 2⁶⁴ items at 10⁹ a second last 584 years.
        self.next = self.next.saturating_add(1);
        self.waiting -= 1;
        Some(item)
    }

    /// Waits no longer for what is missing: how many numbers were given up, up to the
    /// next item that is there. They are refused from now on.
    pub fn skip(&mut self) -> u64 {
        if self.waiting == 0 {
            return 0;
        }
        let from = self.next;
        while self.window[self.place(self.next)].is_none() {
            self.next = self.next.saturating_add(1);
        }
        self.next - from
    }

    fn place(&self, number: u64) -> usize {
        (number % self.window.len() as u64) as usize
    }

    fn last(&self) -> u64 {
        self.next.saturating_add(self.window.len() as u64 - 1)
    }
}

/// An item that has no place in the order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OrderError {
    /// Its number was taken or given up before.
    Over {
        /// Its number.
        number: u64,
        /// The number that is waited for.
        next: u64,
    },
    /// There is an item with this number already.
    Repeated {
        /// Its number.
        number: u64,
    },
    /// It can't be put aside.
    TooFarAhead {
        /// Its number.
        number: u64,
        /// The largest that can be put aside now.
        number_max: u64,
    },
}

impl fmt::Display for OrderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Over { number, next } => write!(f, "number {number} is over, {next} is next"),
            Self::Repeated { number } => write!(f, "number {number} came twice"),
            Self::TooFarAhead { number, number_max } => {
                write!(f, "number {number} is too far ahead, {number_max} is the largest that can be kept")
            }
        }
    }
}

impl std::error::Error for OrderError {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;
    use std::collections::btree_map::Entry;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]

        /// Against a map without bounds: what comes out is every number that was accepted,
        /// once, in order, and what is refused is refused for the reason that it has.
        #[test]
        fn it_is_a_sorted_map_with_a_window(
            window in 1usize..9,
            steps in proptest::collection::vec((0u8..8, 0u64..12), 1..200),
        ) {
            let mut ordered = Ordered::new(window);
            let (mut model, mut next) = (BTreeMap::new(), 0u64);
            for (kind, ahead) in steps {
                match kind {
                    0..=3 => {
                        let number = (next + ahead).saturating_sub(2);
                        let expected = if number < next {
                            Err(OrderError::Over { number, next })
                        } else if number - next >= window as u64 {
                            Err(OrderError::TooFarAhead { number, number_max: next + window as u64 - 1 })
                        } else if let Entry::Vacant(free) = model.entry(number) {
                            free.insert(number);
                            Ok(())
                        } else {
                            Err(OrderError::Repeated { number })
                        };
                        prop_assert_eq!(ordered.insert(number, number), expected);
                    }
                    4..=6 => {
                        let expected = model.remove(&next);
                        next += u64::from(expected.is_some());
                        prop_assert_eq!(ordered.take(), expected);
                    }
                    _ => {
                        let first = model.keys().next().copied().unwrap_or(next);
                        prop_assert_eq!(ordered.skip(), first - next);
                        next = first;
                    }
                }
                prop_assert_eq!((ordered.waiting(), ordered.next_number()), (model.len(), next));
                prop_assert!(ordered.waiting() <= window);
            }
        }

        #[test]
        fn a_stamp_is_read_as_it_was_written(number: u64, payload in proptest::collection::vec(any::<u8>(), 0..40)) {
            let mut buffer = [0; 32];
            match stamp(number, &payload, &mut buffer) {
                Some(stamped) => prop_assert_eq!(unstamp(stamped), Some((number, &payload[..]))),
                None => prop_assert!(payload.len() > 32 - STAMP_BYTES),
            }
        }
    }

    #[test]
    fn numbers_at_the_end_of_the_range_are_refused_and_nothing_overflows() {
        let mut ordered = Ordered::new(4);
        assert_eq!(
            ordered.insert(u64::MAX, ()),
            Err(OrderError::TooFarAhead { number: u64::MAX, number_max: 3 })
        );
        assert_eq!(unstamp(&[1; 7]), None);
    }
}
