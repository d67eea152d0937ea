//! Ids of fixed size. Ids of different things do not mix.

use crate::hex;
use std::fmt;
use std::str::FromStr;

/// The text is not the id's number of lowercase hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseIdError {
    /// How many digits this id has.
    pub digits: usize,
}

impl fmt::Display for ParseIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an id of this kind is {} lowercase hexadecimal digits", self.digits)
    }
}

impl std::error::Error for ParseIdError {}

macro_rules! random_id {
    ($(#[$doc:meta])* $name:ident, $bytes:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; $bytes]);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&hex::encode(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;
            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                hex::decode_array(text).map(Self).ok_or(ParseIdError { digits: $bytes * 2 })
            }
        }
    };
}

random_id!(
    /// One audit log: every run has its own, chosen at random.
    LogId, 16
);
random_id!(
    /// One start of a guardian process, chosen at random.
    BootId, 16
);
random_id!(
    /// One session inside a log, chosen at random.
    SessionId, 8
);
random_id!(
    /// A descriptor's passage between two processes: chosen by its receiver, single use.
    TransferId, 16
);

/// A region of shared memory, numbered by the supervisor that made it; never reused in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RegionId(pub u64);

impl fmt::Display for RegionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}
