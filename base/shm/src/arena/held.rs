//! The borrower's books.

use super::lend::LEASES_AHEAD;
use super::{LEASE_ALIGN, Quota};
use crate::{Handle, HandleError};
use alloc::vec::Vec;
use core::ops::Range;

#[derive(Clone, Copy, Debug)]
struct Loan {
    offset: u64,
    end: u64,
    generation: u32,
}

/// Remembers which parts of one peer's region this side holds.
///
/// It needs no trust in the peer: a handle is accepted only if it lies within the
/// arena, overlaps nothing that is held, and is younger than every handle of the
/// region before it. So bytes that were given back can't come again under their old
/// name, and none are looked at under two names at once.
#[derive(Debug)]
pub struct Held {
    region: u64,
    bounds: Range<u64>,
    quota: Quota,
    /// By offset; no two overlap.
    loans: Vec<Loan>,
    bytes: u64,
    youngest: u32,
}

impl Held {
    /// Nothing is held of `bounds` of region `region`.
    #[must_use]
    pub fn new(region: u64, bounds: Range<u64>, quota: Quota) -> Held {
        let loans = Vec::with_capacity(quota.leases_max.min(LEASES_AHEAD));
        Held { region, bounds, quota, loans, bytes: 0, youngest: 0 }
    }

    /// Takes a handle that the peer sent; the bytes may be read until [`Held::give_back`].
    ///
    /// # Errors
    /// [`HandleError`] by the rule that it breaks; nothing changes then.
    pub fn take(&mut self, handle: &Handle) -> Result<Range<u64>, HandleError> {
        let range = handle.locate(self.region, self.bounds.clone())?;
        if !is_younger(handle.generation, self.youngest) {
            return Err(HandleError::Stale { generation: handle.generation });
        }
        let at = self.loans.partition_point(|loan| loan.offset < range.start);
        let hits_next = self.loans.get(at).is_some_and(|next| next.offset < range.end);
        let hits_last = at > 0 && self.loans[at - 1].end > range.start;
        if hits_next || hits_last {
            return Err(HandleError::Overlaps { offset: handle.offset, length: handle.length });
        }
        let bytes = pages(&range);
        if self.loans.len() == self.quota.leases_max || bytes > self.quota.bytes_max - self.bytes {
            return Err(HandleError::Quota { leases: self.loans.len(), bytes: self.bytes });
        }
        let loan = Loan { offset: range.start, end: range.end, generation: handle.generation };
        self.loans.insert(at, loan);
        self.bytes += bytes;
        self.youngest = handle.generation;
        Ok(range)
    }

    /// Stops holding it; the caller tells the peer.
    ///
    /// # Errors
    /// [`HandleError::Stale`] for what isn't held.
    pub fn give_back(&mut self, handle: &Handle) -> Result<(), HandleError> {
        let stale = HandleError::Stale { generation: handle.generation };
        let found = self.loans.binary_search_by_key(&handle.offset, |loan| loan.offset);
        let at = found.map_err(|_| stale)?;
        let loan = self.loans[at];
        if loan.generation != handle.generation || handle.region != self.region {
            return Err(stale);
        }
        self.loans.remove(at);
        self.bytes -= pages(&(loan.offset..loan.end));
        Ok(())
    }

    /// Loans that are held.
    #[must_use]
    pub fn loans(&self) -> usize {
        self.loans.len()
    }

    /// Bytes that are held, in whole pages.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}

/// The whole pages of a range, in bytes; a range within a region, so there is no overflow.
fn pages(range: &Range<u64>) -> u64 {
    (range.end - range.start).next_multiple_of(LEASE_ALIGN)
}

/// Whether `generation` comes after `other`, counting on modulo 2³².
pub(crate) fn is_younger(generation: u32, other: u32) -> bool {
    (generation.wrapping_sub(other) as i32) > 0
}
