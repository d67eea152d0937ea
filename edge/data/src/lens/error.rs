//! Why bytes are not a message of the Cap'n Proto family.

use crate::types::TensorError;
use std::fmt;

/// The bytes are not a valid message, or one could not be written.
#[derive(Debug)]
#[non_exhaustive]
pub enum LensError {
    /// The bytes do not start at a multiple of 8.
    Unaligned,
    /// There is no room for a head.
    Short {
        /// What is there.
        bytes: usize,
    },
    /// The message is not in one piece.
    Segments {
        /// How many the head says.
        count: u64,
    },
    /// The head and the bytes disagree.
    Length {
        /// What the head says, in bytes.
        declared: u64,
        /// What follows it, in bytes.
        found: u64,
    },
    /// A message beyond what one segment can hold, or an unpacked one beyond its bound.
    Long {
        /// How many bytes there are at least.
        bytes: usize,
    },
    /// The packed form ends inside a word.
    Packed,
    /// A pointer, text, enum or limit.
    Invalid(capnp::Error),
    /// A tensor inside is not valid.
    Tensor(TensorError),
}

impl fmt::Display for LensError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unaligned => {
                f.write_str("lens.unaligned: a message starts at a multiple of 8 bytes; copy it to one")
            }
            Self::Short { bytes } => {
                write!(f, "lens.short: {bytes} bytes are no message, which has 8 at least")
            }
            Self::Segments { count } => {
                write!(f, "lens.segments: a message is one segment, this one says {count}; write it in one")
            }
            Self::Length { declared, found } => {
                write!(f, "lens.length: the head says that {declared} bytes follow, {found} do")
            }
            Self::Long { bytes } => {
                write!(f, "lens.long: a message of {bytes} bytes or more is not allowed here")
            }
            Self::Packed => f.write_str("lens.packed: the packed form ends inside a word"),
            Self::Invalid(cause) => write!(f, "lens.invalid: {cause}"),
            Self::Tensor(cause) => cause.fmt(f),
        }
    }
}

impl std::error::Error for LensError {}

impl From<capnp::Error> for LensError {
    fn from(cause: capnp::Error) -> Self {
        Self::Invalid(cause)
    }
}

impl From<TensorError> for LensError {
    fn from(cause: TensorError) -> Self {
        Self::Tensor(cause)
    }
}
