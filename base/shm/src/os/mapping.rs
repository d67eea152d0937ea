//! One mapping of a file into this process: the only place that calls `mmap`.

use super::SystemError;
use rustix::io::{Errno, retry_on_intr};
use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap, munmap};
use rustix::param::page_size;
use std::ops::Range;
use std::os::fd::BorrowedFd;
use std::ptr::{NonNull, null_mut};

/// The first `bytes` of a file, mapped until dropped.
///
/// Holds an address, gives out raw parts only. Whoever makes a reference of it
/// upholds that nobody else writes (for `&`) or touches (for `&mut`) the bytes.
#[derive(Debug)]
pub(crate) struct Mapping {
    start: NonNull<u8>,
    bytes: usize,
}

// SAFETY: the mapping belongs to the process, not to a thread, and a `Mapping`
// itself only holds its address. The types around it decide on references.
unsafe impl Send for Mapping {}
// SAFETY: as above; no method writes through `&self`.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Maps for reading.
    ///
    /// Kernels before 6.7 count a shared mapping of a descriptor opened for writing
    /// as a writable one and refuse it on a sealed file (EPERM). A private mapping
    /// shows the same pages, and nobody can write them.
    pub(crate) fn for_reading(file: BorrowedFd<'_>, bytes: u64) -> Result<Mapping, SystemError> {
        let shared = Mapping::new(file, bytes, ProtFlags::READ, MapFlags::SHARED);
        match shared {
            Err(SystemError { errno: Errno::PERM, .. }) => {
                Mapping::new(file, bytes, ProtFlags::READ, MapFlags::PRIVATE)
            }
            other => other,
        }
    }

    /// Maps for reading and writing.
    pub(crate) fn for_writing(file: BorrowedFd<'_>, bytes: u64) -> Result<Mapping, SystemError> {
        Mapping::new(file, bytes, ProtFlags::READ | ProtFlags::WRITE, MapFlags::SHARED)
    }

    fn new(
        file: BorrowedFd<'_>,
        bytes: u64,
        prot: ProtFlags,
        flags: MapFlags,
    ) -> Result<Mapping, SystemError> {
        let too_big = SystemError { call: "mmap", errno: Errno::NOMEM };
        let bytes = isize::try_from(bytes).map_err(|_| too_big)?.unsigned_abs();
        // SAFETY: the kernel chooses an address where nothing of ours is mapped.
        let start = unsafe { mmap(null_mut(), bytes, prot, flags, file, 0) };
        let start = start.map_err(SystemError::of("mmap"))?;
        let start = NonNull::new(start.cast()).expect("mmap without MAP_FIXED never answers null");
        Ok(Mapping { start, bytes })
    }

    /// Touches every page of a range for writing, so that none is missing later.
    ///
    /// Kernels before 5.14 don't know the advice (EINVAL); there each page is faulted in when it is used.
    pub(crate) fn populate(&self, range: Range<u64>) -> Result<(), SystemError> {
        assert!(range.end <= self.bytes as u64, "the range lies within the mapping");
        if range.is_empty() {
            return Ok(());
        }
        // Whole pages of this machine: the kernel refuses a start within one.
        let page = page_size();
        let start = range.start as usize / page * page;
        let bytes = (range.end as usize - start).next_multiple_of(page);
        // SAFETY: the pages lie within one live mapping, and populating changes no byte of it.
        let done = retry_on_intr(|| unsafe {
            madvise(self.start.as_ptr().add(start).cast(), bytes, Advice::LinuxPopulateWrite)
        });
        match done {
            Err(Errno::INVAL) => Ok(()),
            other => other.map_err(SystemError::of("madvise(MADV_POPULATE_WRITE)")),
        }
    }

    /// Address of the first byte, aligned to a page.
    pub(crate) fn start(&self) -> NonNull<u8> {
        self.start
    }

    /// Length in bytes: more than 0, at most `isize::MAX`.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: `new` mapped exactly this range, nobody else unmaps it, and every
        // reference into it borrows the owner of this value, so none is left.
        let unmapped = unsafe { munmap(self.start.as_ptr().cast(), self.bytes) };
        // It fails only for a range that isn't page-aligned, or when a split of the
        // mapping runs out of memory; the whole range is neither.
        debug_assert!(unmapped.is_ok(), "munmap of a whole mapping failed: {unmapped:?}");
    }
}

#[cfg(test)]
mod tests {
    use super::super::region::make_file;
    use super::*;
    use rustix::fs::ftruncate;
    use std::fs::File;
    use std::os::fd::AsFd;
    use std::os::unix::fs::FileExt;

    /// Which pages this process has in its page table, by the kernel's account (`PM_PRESENT`).
    fn present(mapping: &Mapping) -> Vec<bool> {
        let table = File::open("/proc/self/pagemap").unwrap();
        let first = mapping.start().as_ptr() as usize / page_size();
        let is_present = |page: usize| {
            let mut entry = [0; 8];
            table.read_exact_at(&mut entry, 8 * page as u64).unwrap();
            u64::from_le_bytes(entry) >> 63 == 1
        };
        (first..first + mapping.bytes().div_ceil(page_size())).map(is_present).collect()
    }

    #[test]
    fn every_page_that_a_range_touches_is_there_afterwards_wherever_it_starts_and_ends() {
        let page = page_size() as u64;
        let rows = [
            (1, 2, 0, 1),
            (page, 2 * page, 1, 2),
            (page - 1, page + 1, 0, 2),
            (3 * page, 4 * page - 7, 3, 4),
        ];
        for (start, end, first, last) in rows {
            let file = make_file("ioi-region").unwrap();
            ftruncate(&file, 4 * page).unwrap();
            let mapping = Mapping::for_writing(file.as_fd(), 4 * page - 7).unwrap();
            mapping.populate(start..end).unwrap();
            let wanted: Vec<bool> = (0..4).map(|at| (first..last).contains(&at)).collect();
            assert_eq!(present(&mapping), wanted, "{start}..{end}");
        }
    }
}
