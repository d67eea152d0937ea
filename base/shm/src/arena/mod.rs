//! Who holds which part of a region: the private books of both ends.
//!
//! The side that writes a region lends parts of it ([`Arena`]) and has them back when
//! the other says so, or is dead. The side that reads it remembers what it was lent
//! ([`Held`]). Neither table is in shared memory, so a dead or lying peer loses
//! nothing for anybody else, and a late or repeated return is refused by its
//! generation. An arena belongs to one peer, one session and one set of labels:
//! mapping a region is reading all of it.

mod extents;
mod held;
mod lend;

pub use held::Held;
#[cfg(feature = "os")]
pub(crate) use held::is_younger;
pub use lend::{Arena, LeaseError, Quota};

/// Leases start at a multiple of this and own whole pages: 4 KiB.
pub const LEASE_ALIGN: u64 = 4096;
