//! Why the guardian does not go on.

use ioi_types::LogId;
use ioi_types::limits::APPEND_LEAVES_MAX;
use std::fmt;

/// The guardian will not do what it was asked; its state is as before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// The leaves don't follow the last one, and don't repeat the last append either.
    NotExtending {
        /// The index of the first leaf that was sent.
        first: u64,
        /// The size of the log, which is the index that would extend it.
        size: u64,
    },
    /// No leaves.
    Empty,
    /// More leaves than one append may bring.
    TooMany {
        /// How many were sent.
        leaves: usize,
    },
    /// An earlier write to the journal failed; only recovery tells what is on the disk.
    Failed,
    /// No counter is left.
    Exhausted,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotExtending { first, size } => {
                write!(f, "leaves from {first} on do not extend a log of {size} leaves")
            }
            Self::Empty => f.write_str("an append without leaves"),
            Self::TooMany { leaves } => {
                write!(f, "{leaves} leaves in one append, at most {APPEND_LEAVES_MAX} are taken")
            }
            Self::Failed => f.write_str("the guardian's journal could not be written, so it signs no more"),
            Self::Exhausted => f.write_str("the counter of this log has reached its end"),
        }
    }
}

impl std::error::Error for Refusal {}

/// The journal can't be gone on with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RecoverError {
    /// Not even the first record is whole, so nothing was ever answered from this journal.
    ///
    /// Only a driver that knows that the log is new may create it here.
    Unborn,
    /// A later version wrote it.
    Version {
        /// The version that was read.
        version: u32,
    },
    /// It belongs to another log.
    OtherLog {
        /// The log that it belongs to.
        found: LogId,
    },
    /// Bytes that were written whole have changed.
    Damaged {
        /// Where the record begins.
        offset: u64,
    },
    /// The record is whole and contradicts those before it.
    Inconsistent {
        /// Where the record begins.
        offset: u64,
    },
}

impl fmt::Display for RecoverError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unborn => f.write_str("the guardian's journal holds no complete record"),
            Self::Version { version } => write!(f, "the guardian's journal has version {version}, not 1"),
            Self::OtherLog { found } => write!(f, "the guardian's journal belongs to log {found}"),
            Self::Damaged { offset } => write!(f, "the guardian's journal is damaged at byte {offset}"),
            Self::Inconsistent { offset } => {
                write!(f, "the record at byte {offset} of the guardian's journal contradicts those before it")
            }
        }
    }
}

impl std::error::Error for RecoverError {}
