//! The descriptors that a receiver has asked for, by the ids it chose.

use super::{TRANSFER_ID_BYTES, TransferFault};
use std::collections::VecDeque;
use std::fmt;
use std::time::{Duration, Instant};

/// How long an id may wait for its descriptor: 1 s.
pub const TRANSFER_LIFE: Duration = Duration::from_secs(1);

type Id = [u8; TRANSFER_ID_BYTES];

#[derive(Debug)]
struct Entry {
    id: Id,
    made: Instant,
    used: bool,
}

impl Entry {
    fn expired(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.made) >= TRANSFER_LIFE
    }

    fn waits(&self, now: Instant) -> bool {
        !self.used && !self.expired(now)
    }
}

/// The ids that one receiver waits for: each good once, for [`TRANSFER_LIFE`].
///
/// The receiver draws an id at random, puts it here and into its request, and
/// claims it when a descriptor comes under it. Ids that are over are remembered for
/// a while, only to name the fault; no answer but `Ok` lets a descriptor in. The
/// table holds at most twice `waiting_max` entries, and each operation looks at
/// them one by one, so it is for tens, not for thousands.
#[derive(Debug)]
pub struct Expected {
    /// Oldest first.
    entries: VecDeque<Entry>,
    waiting_max: usize,
}

impl Expected {
    /// A table in which at most `waiting_max` ids wait at once.
    #[must_use]
    pub fn new(waiting_max: usize) -> Expected {
        Expected { entries: VecDeque::new(), waiting_max }
    }

    /// Waits for a descriptor under `id` from `now` on.
    ///
    /// # Errors
    /// [`ExpectError::Full`] when too many wait, [`ExpectError::Repeated`] for an id
    /// that the table still knows; it stays as it was.
    pub fn expect(&mut self, id: Id, now: Instant) -> Result<(), ExpectError> {
        if self.entries.iter().any(|entry| entry.id == id) {
            return Err(ExpectError::Repeated);
        }
        if self.waiting(now) >= self.waiting_max {
            return Err(ExpectError::Full { waiting_max: self.waiting_max });
        }
        if self.entries.len() >= self.waiting_max.saturating_mul(2) {
            let over = self.entries.iter().position(|entry| !entry.waits(now));
            self.entries.remove(over.expect("fewer than half of them wait"));
        }
        self.entries.push_back(Entry { id, made: now, used: false });
        Ok(())
    }

    /// Takes `id`, under which a descriptor came at `now`.
    ///
    /// # Errors
    /// [`TransferFault::Unknown`], [`Used`](TransferFault::Used) or
    /// [`Expired`](TransferFault::Expired): close the descriptor, the sender is at fault.
    pub fn claim(&mut self, id: Id, now: Instant) -> Result<(), TransferFault> {
        let entry = self.entries.iter_mut().find(|entry| entry.id == id).ok_or(TransferFault::Unknown)?;
        if entry.used {
            return Err(TransferFault::Used);
        }
        if entry.expired(now) {
            return Err(TransferFault::Expired);
        }
        entry.used = true;
        Ok(())
    }

    /// How many ids wait at `now`.
    #[must_use]
    pub fn waiting(&self, now: Instant) -> usize {
        self.entries.iter().filter(|entry| entry.waits(now)).count()
    }
}

/// An id that can't be waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExpectError {
    /// As many ids wait as may.
    Full {
        /// How many may wait.
        waiting_max: usize,
    },
    /// The id was in use a moment ago; ids are drawn at random and never again.
    Repeated,
}

impl fmt::Display for ExpectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full { waiting_max } => {
                write!(f, "{waiting_max} descriptors are waited for, and no more may be")
            }
            Self::Repeated => f.write_str("the transfer id has been in use before"),
        }
    }
}

impl std::error::Error for ExpectError {}
