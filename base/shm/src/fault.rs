//! How a peer can break a ring, by name.

use core::fmt;

/// Something in shared memory that an honest peer never writes.
///
/// The ring that found it is poisoned: it answers with the same fault from then on.
/// Close the channel and count the peer at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// A commit word is neither the one waited for nor the one of the lap before.
    Sequence {
        /// The sequence waited for.
        expected: u32,
        /// What stands there.
        found: u32,
    },
    /// A batch is empty or reaches beyond the free slots.
    Run {
        /// The length the batch says it has.
        run: u16,
        /// The most it can have here; 0 within a batch.
        run_max: u16,
    },
    /// A message or record is longer than it can be.
    Length {
        /// The length it says it has, in bytes.
        length: u32,
        /// The most it can have here, in bytes.
        length_max: u32,
    },
    /// The receiver gave back more than was sent, or took something back.
    Acked {
        /// What it says it has given back.
        acked: u32,
        /// What was sent so far.
        sent: u32,
    },
    /// The sender's index says more than there can be, or than its slots show.
    Published {
        /// What the sender says it has published.
        published: u32,
        /// What was taken so far.
        taken: u32,
    },
    /// A byte ring's capacity that is no power of two in its range, or shrank.
    Capacity {
        /// The capacity it says it has, in bytes.
        capacity: u32,
    },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sequence { expected, found } => {
                write!(f, "a slot holds message {found} where only {expected} can be")
            }
            Self::Run { run, run_max } => write!(f, "a batch of {run} messages where {run_max} can be"),
            Self::Length { length, length_max } => {
                write!(f, "a message of {length} bytes where at most {length_max} can be")
            }
            Self::Acked { acked, sent } => {
                write!(f, "the receiver's index is {acked} although {sent} were sent")
            }
            Self::Published { published, taken } => {
                write!(f, "the sender's index is {published} after {taken} were taken")
            }
            Self::Capacity { capacity } => write!(f, "the ring's capacity can't be {capacity} bytes"),
        }
    }
}

impl core::error::Error for Fault {}

/// A message that was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendError {
    /// The peer has to take something first.
    Full,
    /// More bytes than a message can have.
    TooLong {
        /// The message's length in bytes.
        length: usize,
        /// The most there can be.
        length_max: usize,
    },
    /// The byte ring is empty and wants this capacity: allocate it and call
    /// [`Writer::grow`](crate::Writer::grow), or decline.
    Grow {
        /// The capacity in bytes.
        capacity: u32,
    },
    /// The peer broke the ring.
    Poisoned(Fault),
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => f.write_str("the ring is full until the peer takes something"),
            Self::TooLong { length, length_max } => {
                write!(f, "a message of {length} bytes is longer than the {length_max} that fit")
            }
            Self::Grow { capacity } => write!(f, "the ring has to grow to {capacity} bytes first"),
            Self::Poisoned(fault) => write!(f, "the peer broke the ring: {fault}"),
        }
    }
}

impl core::error::Error for SendError {}

impl From<Fault> for SendError {
    fn from(fault: Fault) -> Self {
        Self::Poisoned(fault)
    }
}
