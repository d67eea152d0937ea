//! Why bytes are not a message.

use super::Cause;
use std::fmt;

/// A tensor whose data are not what its shape and element type say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TensorError {
    /// The product of the shape is larger than any memory.
    Shape,
    /// The data have another length.
    Length {
        /// What shape and element type say, in bytes.
        expected: u64,
        /// What is there, in bytes.
        found: u64,
    },
    /// The data do not start where elements may be read in place.
    Unaligned {
        /// What the start must be a multiple of.
        align_bytes: usize,
    },
    /// The elements were asked for as another type.
    Element,
}

impl fmt::Display for TensorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shape => f.write_str("tensor.shape: the shape's product is larger than any memory"),
            Self::Length { expected, found } => {
                write!(f, "tensor.length: shape and element type say {expected} bytes, the data are {found}")
            }
            Self::Unaligned { align_bytes } => {
                write!(f, "tensor.unaligned: the data do not start at a multiple of {align_bytes} bytes")
            }
            Self::Element => f.write_str("tensor.element: the elements are of another type"),
        }
    }
}

impl std::error::Error for TensorError {}

/// The bytes are not a valid message of the rkyv family, or one could not be written.
#[derive(Debug)]
#[non_exhaustive]
pub enum ViewError {
    /// The bytes do not start where a message may.
    Unaligned {
        /// The type that was looked for.
        name: &'static str,
        /// How far the start lies beyond a multiple.
        beyond: usize,
    },
    /// There are fewer bytes than the root needs.
    Short {
        /// The type that was looked for.
        name: &'static str,
        /// What is there.
        bytes: usize,
        /// What the root alone needs.
        bytes_min: usize,
    },
    /// A message that is too long to be written.
    Long {
        /// Its type.
        name: &'static str,
        /// Its length, about.
        bytes: usize,
    },
    /// A pointer, length, text or tag is not valid.
    Invalid {
        /// The type that was looked for.
        name: &'static str,
        /// What the validator found.
        cause: Cause,
    },
    /// A tensor inside is not valid.
    Tensor(TensorError),
}

impl fmt::Display for ViewError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unaligned { name, beyond } => write!(
                f,
                "view.unaligned: a {name} starts {beyond} bytes beyond a multiple of {}; copy it to one",
                super::ALIGN_BYTES
            ),
            Self::Short { name, bytes, bytes_min } => {
                write!(f, "view.short: {bytes} bytes are no {name}, which has {bytes_min} at least")
            }
            Self::Long { name, bytes } => {
                write!(f, "view.long: {name} of {bytes} bytes; {} at most are written", super::BYTES_MAX)
            }
            Self::Invalid { name, cause } => {
                write!(f, "view.invalid: the bytes are no valid {name}: {cause}")
            }
            Self::Tensor(cause) => cause.fmt(f),
        }
    }
}

impl std::error::Error for ViewError {}

impl From<TensorError> for ViewError {
    fn from(cause: TensorError) -> Self {
        Self::Tensor(cause)
    }
}
