//! What came of the cases: so that nobody takes a harness for a good one that reached nothing.

use ioi_shm::{Fault, HandleError};

/// Outcomes, by name.
pub const OUTCOMES: [&str; 18] = [
    "delivered",
    "nothing yet",
    "sent",
    "full",
    "too long",
    "grow",
    "slept or not",
    "lent or taken",
    "given back",
    "fault sequence",
    "fault run",
    "fault length",
    "fault acked",
    "fault published",
    "fault capacity",
    "handle refused",
    "handle stale",
    "quota or full",
];

/// How often each outcome was met.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Lies told, each with what the victim did next.
    pub cases: u64,
    /// Fresh channels or books.
    pub episodes: u64,
    /// By [`OUTCOMES`].
    pub outcomes: [u64; OUTCOMES.len()],
}

/// An outcome: an index into [`OUTCOMES`].
#[derive(Clone, Copy, Debug)]
pub(crate) enum Outcome {
    Delivered = 0,
    Nothing = 1,
    Sent = 2,
    Full = 3,
    TooLong = 4,
    Grow = 5,
    Slept = 6,
    Lent = 7,
    GivenBack = 8,
    Refused = 15,
    Stale = 16,
    Quota = 17,
}

impl Tally {
    #[inline]
    pub(crate) fn count(&mut self, outcome: Outcome) {
        self.outcomes[outcome as usize] += 1;
    }

    pub(crate) fn fault(&mut self, fault: Fault) {
        let at = match fault {
            Fault::Sequence { .. } => 9,
            Fault::Run { .. } => 10,
            Fault::Length { .. } => 11,
            Fault::Acked { .. } => 12,
            Fault::Published { .. } => 13,
            Fault::Capacity { .. } => 14,
            other => panic!("a fault without a column: {other}"),
        };
        self.outcomes[at] += 1;
    }

    pub(crate) fn refused(&mut self, error: HandleError) {
        self.count(match error {
            HandleError::Stale { .. } => Outcome::Stale,
            HandleError::Quota { .. } => Outcome::Quota,
            _ => Outcome::Refused,
        });
    }

    /// Adds another one up.
    pub fn add(&mut self, other: &Tally) {
        self.cases += other.cases;
        self.episodes += other.episodes;
        for (sum, count) in self.outcomes.iter_mut().zip(other.outcomes) {
            *sum += count;
        }
    }
}
