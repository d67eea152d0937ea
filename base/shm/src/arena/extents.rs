//! The free parts of an arena.

use alloc::vec::Vec;

/// Parts that came back and are kept whole.
const RECENT_MAX: usize = 64;

/// Parts of one size take turns until they make up so much.
///
/// A part that is filled again at once is still in the caches of both cores, and each of its
/// lines has to be taken away from the reader's before it can be written: 64 KiB then take more
/// than twice as long as lines that have moved on to the cache that both share. Larger parts
/// are too large for a core's own cache; of them the same one is used again, so that no
/// memory is touched that need not be.
const TURN_BYTES: u64 = 2 << 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Extent {
    offset: u64,
    bytes: u64,
}

/// Free extents: the recent ones as they were, the others sorted and joined.
///
/// All sizes are multiples of the lease alignment.
#[derive(Debug)]
pub(super) struct Extents {
    recent: Vec<Extent>,
    /// By offset; no two touch.
    sorted: Vec<Extent>,
}

impl Extents {
    /// Everything from `start` to `end` is free. Never allocates again while at most
    /// `parts_max` parts are out.
    pub(super) fn new(start: u64, end: u64, parts_max: usize) -> Extents {
        let mut sorted = Vec::with_capacity(parts_max + 1);
        if start < end {
            sorted.push(Extent { offset: start, bytes: end - start });
        }
        Extents { recent: Vec::with_capacity(RECENT_MAX), sorted }
    }

    /// Takes `bytes`, below `allocated` as long as that is possible: a part that was never
    /// used, while those of that size don't take turns yet; else the one that came back first.
    pub(super) fn take(&mut self, bytes: u64, allocated: u64) -> Option<u64> {
        let of_size = |extent: &&Extent| extent.bytes == bytes;
        let warm_bytes = self.recent.iter().filter(of_size).count() as u64 * bytes;
        let fresh = if warm_bytes < TURN_BYTES { self.take_fresh(bytes, allocated) } else { None };
        if fresh.is_some() {
            return fresh;
        }
        if let Some(at) = self.recent.iter().position(|extent| extent.bytes == bytes) {
            return Some(self.recent.remove(at).offset);
        }
        self.join_recent();
        self.take_fresh(bytes, u64::MAX)
    }

    /// The first of the sorted parts that is large enough and ends at `end` or before.
    fn take_fresh(&mut self, bytes: u64, end: u64) -> Option<u64> {
        let fits = |extent: &Extent| extent.bytes >= bytes && extent.offset + bytes <= end;
        let at = self.sorted.iter().position(fits)?;
        let extent = &mut self.sorted[at];
        let offset = extent.offset;
        (extent.offset, extent.bytes) = (offset + bytes, extent.bytes - bytes);
        if extent.bytes == 0 {
            self.sorted.remove(at);
        }
        Some(offset)
    }

    /// Gives a part back that `take` gave out.
    pub(super) fn put(&mut self, offset: u64, bytes: u64) {
        if self.recent.len() == RECENT_MAX {
            self.join_recent();
        }
        self.recent.push(Extent { offset, bytes });
    }

    fn join_recent(&mut self) {
        while let Some(extent) = self.recent.pop() {
            self.join(extent);
        }
    }

    /// Inserts one extent, joined with the neighbours that it touches.
    fn join(&mut self, extent: Extent) {
        let at = self.sorted.partition_point(|other| other.offset < extent.offset);
        let end = extent.offset + extent.bytes;
        let touches_next = self.sorted.get(at).is_some_and(|next| next.offset == end);
        let touches_last = at > 0 && self.sorted[at - 1].offset + self.sorted[at - 1].bytes == extent.offset;
        match (touches_last, touches_next) {
            (true, true) => {
                let next = self.sorted.remove(at);
                self.sorted[at - 1].bytes += extent.bytes + next.bytes;
            }
            (true, false) => self.sorted[at - 1].bytes += extent.bytes,
            (false, true) => {
                let next = &mut self.sorted[at];
                (next.offset, next.bytes) = (extent.offset, next.bytes + extent.bytes);
            }
            (false, false) => self.sorted.insert(at, extent),
        }
    }
}
