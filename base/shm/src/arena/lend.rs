//! The lender's books.

use super::LEASE_ALIGN;
use super::extents::Extents;
use crate::{Handle, HandleError};
use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;

/// Room for so many leases is made at once; beyond it a table grows.
pub(super) const LEASES_AHEAD: usize = 1024;

/// What one peer may hold at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// The most leases.
    pub leases_max: usize,
    /// The most bytes, counted in whole pages.
    pub bytes_max: u64,
}

#[derive(Clone, Copy, Debug)]
struct Lease {
    offset: u64,
    /// Whole pages.
    bytes: u64,
    generation: u32,
}

/// Lends parts of one region to one peer.
///
/// Pure bookkeeping: it touches no memory. Whoever writes the region may write the
/// bytes of a lease until it hands the handle over, and not again before
/// [`Arena::release`]; a lease is never taken from a living peer.
#[derive(Debug)]
pub struct Arena {
    region: u64,
    bounds: Range<u64>,
    quota: Quota,
    free: Extents,
    /// By offset.
    lent: Vec<Lease>,
    bytes: u64,
    generation: u32,
    /// Memory is allocated up to here.
    allocated: u64,
}

impl Arena {
    /// Lends `bounds` of region `region`, of which everything up to `allocated` is allocated.
    ///
    /// # Panics
    /// When `bounds` don't begin and end at a multiple of [`LEASE_ALIGN`].
    #[must_use]
    pub fn new(region: u64, bounds: Range<u64>, allocated: u64, quota: Quota) -> Arena {
        let is_aligned = [bounds.start, bounds.end].iter().all(|at| at.is_multiple_of(LEASE_ALIGN));
        assert!(is_aligned, "an arena is made of whole pages");
        let free = Extents::new(bounds.start, bounds.end, quota.leases_max.min(LEASES_AHEAD));
        let lent = Vec::with_capacity(quota.leases_max.min(LEASES_AHEAD));
        Arena { region, bounds, quota, free, lent, bytes: 0, generation: 0, allocated }
    }

    /// Lends `length` bytes. Parts of one size take turns up to 2 MiB in all; a larger one is
    /// used again at once.
    ///
    /// # Errors
    /// [`LeaseError`]; with [`LeaseError::Allocate`] nothing is lent yet.
    pub fn lease(&mut self, length: u64, type_id: u32) -> Result<Handle, LeaseError> {
        let bytes = length.checked_next_multiple_of(LEASE_ALIGN).unwrap_or(u64::MAX);
        if length == 0 || bytes > self.bounds.end - self.bounds.start {
            return Err(LeaseError::Size { length, length_max: self.bounds.end - self.bounds.start });
        }
        if self.lent.len() == self.quota.leases_max || bytes > self.quota.bytes_max - self.bytes {
            return Err(LeaseError::Quota { leases: self.lent.len(), bytes: self.bytes });
        }
        let offset = self.free.take(bytes, self.allocated).ok_or(LeaseError::Full { length })?;
        if offset + bytes > self.allocated {
            self.free.put(offset, bytes);
            return Err(LeaseError::Allocate { end: offset + bytes });
        }
        self.generation = self.generation.wrapping_add(1);
        let generation = self.generation;
        let at = self.lent.partition_point(|lease| lease.offset < offset);
        self.lent.insert(at, Lease { offset, bytes, generation });
        self.bytes += bytes;
        Ok(Handle { region: self.region, generation, type_id, offset, length })
    }

    /// Everything up to `end` is allocated now.
    pub fn allocated_to(&mut self, end: u64) {
        self.allocated = self.allocated.max(end.min(self.bounds.end));
    }

    /// Has a lease back, from whatever the peer says.
    ///
    /// # Errors
    /// [`HandleError::Stale`] for one that was given back before or never lent; the
    /// rules of [`Handle::locate`]. Nothing changes then.
    pub fn release(&mut self, handle: &Handle) -> Result<(), HandleError> {
        let at = self.find(handle)?;
        let lease = self.lent.remove(at);
        self.bytes -= lease.bytes;
        self.free.put(lease.offset, lease.bytes);
        Ok(())
    }

    /// The bytes of a lease that is out, from whatever the peer says.
    ///
    /// # Errors
    /// As [`Arena::release`].
    pub fn check(&self, handle: &Handle) -> Result<Range<u64>, HandleError> {
        let range = handle.locate(self.region, self.bounds.clone())?;
        self.find(handle).map(|_| range)
    }

    /// The peer is dead: has everything back, once, and says how many leases that were.
    pub fn reclaim(&mut self) -> usize {
        let count = self.lent.len();
        for lease in self.lent.drain(..) {
            self.free.put(lease.offset, lease.bytes);
        }
        self.bytes = 0;
        count
    }

    /// The part of the region that is lent from.
    #[must_use]
    pub fn bounds(&self) -> Range<u64> {
        self.bounds.clone()
    }

    /// Memory is allocated up to here, an offset in the region.
    #[must_use]
    pub fn allocated(&self) -> u64 {
        self.allocated
    }

    /// Leases that are out.
    #[must_use]
    pub fn leases(&self) -> usize {
        self.lent.len()
    }

    /// Bytes that are out, in whole pages.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// What the peer may hold.
    #[must_use]
    pub fn quota(&self) -> Quota {
        self.quota
    }

    fn find(&self, handle: &Handle) -> Result<usize, HandleError> {
        handle.locate(self.region, self.bounds.clone())?;
        let stale = HandleError::Stale { generation: handle.generation };
        let at = self.lent.binary_search_by_key(&handle.offset, |lease| lease.offset).map_err(|_| stale)?;
        let lease = &self.lent[at];
        let is_it = lease.generation == handle.generation && handle.length <= lease.bytes;
        if is_it { Ok(at) } else { Err(stale) }
    }
}

/// A lease that was not given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LeaseError {
    /// No bytes, or more than the whole arena.
    Size {
        /// What was asked for, in bytes.
        length: u64,
        /// The arena's size in bytes.
        length_max: u64,
    },
    /// The peer holds as much as it may; it has to give something back.
    Quota {
        /// Leases it holds.
        leases: usize,
        /// Bytes it holds.
        bytes: u64,
    },
    /// No part of the arena is large enough.
    Full {
        /// What was asked for, in bytes.
        length: u64,
    },
    /// Memory has to be allocated up to `end` first; say so with
    /// [`Arena::allocated_to`] and ask again.
    Allocate {
        /// Offset in the region, in bytes.
        end: u64,
    },
}

impl fmt::Display for LeaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Size { length, length_max } => {
                write!(f, "a lease of {length} bytes is not possible in an arena of {length_max}")
            }
            Self::Quota { leases, bytes } => {
                write!(f, "the peer holds {leases} leases with {bytes} bytes and has to give something back")
            }
            Self::Full { length } => write!(f, "the arena has no {length} free bytes in one piece"),
            Self::Allocate { end } => write!(f, "the arena is not allocated up to byte {end}"),
        }
    }
}

impl core::error::Error for LeaseError {}
