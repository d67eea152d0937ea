//! The peer's handles: old, doubled, misaligned, overlapping, out of bounds, or any 32 bytes.

pub(crate) mod borrower;
pub(crate) mod lender;

use crate::chance::Chance;
use ioi_shm::{HANDLE_BYTES, Handle, HandleError, LEASE_ALIGN};
use std::ops::Range;

pub(crate) const REGION: u64 = 9;
pub(crate) const PAGES: u64 = 16;
/// Control words and tables lie before the arena, something else behind it.
pub(crate) const BOUNDS: Range<u64> = 2 * LEASE_ALIGN..(2 + PAGES) * LEASE_ALIGN;
pub(crate) const LEASES_MAX: usize = 6;
pub(crate) const PAGES_MAX: u64 = 11;

/// A handle like `near`, with a field changed, or any handle at all.
pub(crate) fn forge(near: Handle, chance: &mut Chance) -> Handle {
    let mut handle = near;
    match chance.below(10) {
        0 | 1 => {}
        2 => handle.generation = chance.lie(near.generation),
        3 => handle.offset = near.offset.wrapping_add(chance.lie(0) as i32 as i64 as u64),
        4 => handle.offset = LEASE_ALIGN * u64::from(chance.below(PAGES as u32 + 4)),
        5 => handle.length = u64::from(chance.lie(near.length as u32)),
        6 => handle.length = u64::MAX - u64::from(chance.below(2 * LEASE_ALIGN as u32)),
        7 => handle.region = near.region ^ u64::from(chance.once_in(2)),
        8 => handle.offset = near.offset + 64 * u64::from(chance.below(64)),
        _ => {
            let mut bytes = [0; HANDLE_BYTES];
            bytes.chunks_mut(8).for_each(|chunk| chunk.copy_from_slice(&chance.long().to_le_bytes()));
            handle = Handle::from_bytes(&bytes);
            assert_eq!(handle.to_bytes(), bytes, "a handle has one encoding");
        }
    }
    handle
}

/// The bytes that a handle names, in numbers that can't overflow.
pub(crate) fn lawful(handle: &Handle) -> Result<Range<u64>, HandleError> {
    let (start, length) = (u128::from(handle.offset), u128::from(handle.length));
    let end = start + length;
    if handle.region != REGION {
        return Err(HandleError::Region { region: handle.region, region_known: REGION });
    }
    if length == 0 {
        return Err(HandleError::Empty);
    }
    if start % 64 != 0 {
        return Err(HandleError::Misaligned { offset: handle.offset });
    }
    if start < u128::from(BOUNDS.start) || end > u128::from(BOUNDS.end) {
        return Err(HandleError::Outside { offset: handle.offset, length: handle.length });
    }
    Ok(handle.offset..end as u64)
}

/// A set of the arena's pages, as bits.
pub(crate) fn pages(range: &Range<u64>) -> u32 {
    let first = (range.start - BOUNDS.start) / LEASE_ALIGN;
    let end = (range.end - BOUNDS.start).div_ceil(LEASE_ALIGN);
    (first..end).fold(0, |bits, page| bits | 1 << page)
}
