//! One mapping of a file into this process: the only place that calls `mmap`.

use super::SystemError;
use rustix::fs::{FallocateFlags, fallocate};
use rustix::io::{Errno, retry_on_intr};
use rustix::mm::{MapFlags, ProtFlags, mmap, mmap_anonymous, munmap};
use rustix::param::page_size;
use std::ffi::c_int;
use std::ops::Range;
use std::os::fd::BorrowedFd;
use std::ptr::{NonNull, null_mut};
use std::time::{Duration, Instant};

/// What one entry of a page table's second level covers on the machines with pages of 4 KiB.
/// Others refuse the advice.
pub(super) const HUGE_PAGE_BYTES: usize = 2 << 20;
/// What a huge page may take on average; its ordinary ones take 1 ms, and it 0.1 ms. Longer is a
/// sign that memory is in pieces and the kernel moves pages about.
const HUGE_PAGE_WAIT: Duration = Duration::from_millis(4);

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
        if bytes >= HUGE_PAGE_BYTES {
            return Mapping::aligned(file, bytes, prot, flags);
        }
        // SAFETY: the kernel chooses an address where nothing of ours is mapped.
        let start = unsafe { mmap(null_mut(), bytes, prot, flags, file, 0) };
        let start = start.map_err(SystemError::of("mmap"))?;
        let start = NonNull::new(start.cast()).expect("mmap without MAP_FIXED never answers null");
        Ok(Mapping { start, bytes })
    }

    /// Maps at an address that a huge page may have: elsewhere its pages are mapped one by one.
    fn aligned(
        file: BorrowedFd<'_>,
        bytes: usize,
        prot: ProtFlags,
        flags: MapFlags,
    ) -> Result<Mapping, SystemError> {
        let room_bytes = bytes.next_multiple_of(page_size()) + HUGE_PAGE_BYTES;
        // SAFETY: the kernel chooses an address where nothing of ours is mapped.
        let room = unsafe { mmap_anonymous(null_mut(), room_bytes, ProtFlags::empty(), MapFlags::PRIVATE) };
        let room = room.map_err(SystemError::of("mmap"))?.cast::<u8>();
        let before = room.align_offset(HUGE_PAGE_BYTES);
        // SAFETY: an aligned address comes within `HUGE_PAGE_BYTES`, and `bytes` more lie within the room.
        let start = unsafe { room.add(before) };
        // SAFETY: it replaces a part of the room, which only this function knows and nobody touches.
        let mapped = unsafe { mmap(start.cast(), bytes, prot, flags | MapFlags::FIXED, file, 0) };
        // Where it failed, the kernel may have made a hole there already, in which another thread maps
        // something now: addresses may be lost, but nobody else's memory.
        let kept = bytes.next_multiple_of(page_size());
        // SAFETY: what lies before the new mapping in the room and after it; nothing refers to either.
        unsafe {
            unmap(room, before);
            unmap(start.add(kept), room_bytes - before - kept);
        }
        mapped.map_err(SystemError::of("mmap"))?;
        Ok(Mapping { start: NonNull::new(start).expect("a sum within the room isn't null"), bytes })
    }

    /// Puts the whole huge pages of a range, of which nothing is allocated yet, where each of them
    /// takes one entry of the page tables: made, mapped by a peer and freed in a tenth of the time.
    ///
    /// The kernel may have none, or not know how (before 6.1). What is left out is
    /// allocated page by page, as if nobody had asked.
    pub(crate) fn prefer_huge_pages(&self, file: BorrowedFd<'_>, range: Range<u64>) {
        let huge = HUGE_PAGE_BYTES as u64;
        let starts = range.start.div_ceil(huge)..range.end / huge;
        let count = u32::try_from(starts.end.saturating_sub(starts.start)).unwrap_or(u32::MAX);
        let begun = Instant::now();
        for start in starts {
            match self.make_huge(file, start * huge) {
                // This one was in use for a moment; the next may not be.
                Ok(()) | Err(Errno::AGAIN | Errno::BUSY) => {}
                Err(_) => return,
            }
            if begun.elapsed() > HUGE_PAGE_WAIT * count {
                return;
            }
        }
    }

    /// One page is allocated and mapped, then collapsed together with the hole behind it, which
    /// the kernel clears (madvise(2), `MADV_COLLAPSE`). Memory runs out with an error.
    fn make_huge(&self, file: BorrowedFd<'_>, start: u64) -> rustix::io::Result<()> {
        let first = start..start + page_size() as u64;
        retry_on_intr(|| fallocate(file, FallocateFlags::empty(), first.start, first.end - first.start))?;
        self.advise(first, libc::MADV_POPULATE_WRITE)?;
        self.advise(start..start + HUGE_PAGE_BYTES as u64, libc::MADV_COLLAPSE)
    }

    /// Whole pages within the mapping, advice that changes no byte.
    fn advise(&self, range: Range<u64>, advice: c_int) -> rustix::io::Result<()> {
        let bytes = (range.end - range.start) as usize;
        // SAFETY: the pages lie within one live mapping.
        let start = unsafe { self.start.as_ptr().add(range.start as usize) }.cast();
        // SAFETY: as above, and the callers' advice changes no byte.
        retry_on_intr(|| match unsafe { libc::madvise(start, bytes, advice) } {
            0 => Ok(()),
            _ => Err(Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::INVAL)),
        })
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
        let done = self.advise(start as u64..(start + bytes) as u64, libc::MADV_POPULATE_WRITE);
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
        unsafe { unmap(self.start.as_ptr(), self.bytes) };
    }
}

/// Unmaps a range, which may be empty.
///
/// # Safety
/// It starts at a page, is all mapped by this module, and nothing refers to it any more.
unsafe fn unmap(start: *mut u8, bytes: usize) {
    if bytes > 0 {
        // SAFETY: the caller's.
        let unmapped = unsafe { munmap(start.cast(), bytes) };
        // It fails only for a range that isn't page-aligned, or when a split of the
        // mapping runs out of memory; then the range stays mapped, and nobody uses it.
        debug_assert!(unmapped.is_ok(), "munmap failed: {unmapped:?}");
    }
}

#[cfg(test)]
mod tests {
    use super::super::region::{allocate_mapped, make_file};
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

    /// Bytes of a mapping that the kernel maps by huge pages.
    fn huge_bytes(mapping: &Mapping) -> u64 {
        let smaps = std::fs::read_to_string("/proc/self/smaps").unwrap();
        let start = format!("{:x}-", mapping.start().as_ptr() as usize);
        let own = smaps.lines().skip_while(|line| !line.starts_with(&start));
        let line = own.into_iter().find_map(|line| line.strip_prefix("ShmemPmdMapped:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
    }

    #[test]
    fn whole_huge_pages_of_a_range_are_mapped_as_such_and_the_rest_page_by_page() {
        let huge = HUGE_PAGE_BYTES as u64;
        let page = page_size() as u64;
        let bytes = 4 * huge + page + 9;
        let file = make_file("ioi-region").unwrap();
        ftruncate(&file, bytes).unwrap();
        let mapping = Mapping::for_writing(file.as_fd(), bytes).unwrap();
        if mapping.make_huge(file.as_fd(), 0).is_err() {
            eprintln!("skipped: no huge pages of shared memory");
            return;
        }
        assert_eq!(huge_bytes(&mapping), huge);
        // The second one is cut by the range's start, the fourth by its end.
        allocate_mapped(&file, &mapping, huge + 1..4 * huge - 1).unwrap();
        let is_present = present(&mapping);
        let pages = |range: Range<u64>| (range.start / page) as usize..range.end.div_ceil(page) as usize;
        assert!(is_present[pages(0..4 * huge)].iter().all(|is_present| *is_present));
        assert!(!is_present[pages(4 * huge..bytes)].iter().any(|is_present| *is_present));
        assert_eq!(huge_bytes(&mapping), 2 * huge);
        // A peer's mapping has them, too, though nobody told it.
        let reader = Mapping::for_reading(file.as_fd(), bytes).unwrap();
        // SAFETY: this test alone knows the file, and writes it no more while the slice lives.
        let seen = unsafe { std::slice::from_raw_parts(reader.start().as_ptr(), 4 * huge as usize) };
        assert!(seen.iter().all(|byte| *byte == 0), "new memory is clear");
        assert_eq!(huge_bytes(&reader), 2 * huge);
    }

    #[test]
    fn memory_that_is_large_is_mapped_once_at_its_place_and_unmapped_to_its_last_page() {
        let bytes = HUGE_PAGE_BYTES as u64 + 1;
        let file = make_file("ioi-region").unwrap();
        ftruncate(&file, bytes).unwrap();
        let maps = || std::fs::read_to_string("/proc/self/maps").unwrap();
        let mapping = Mapping::for_writing(file.as_fd(), bytes).unwrap();
        let start = mapping.start().as_ptr() as usize;
        assert!(start.is_multiple_of(HUGE_PAGE_BYTES));
        let line = format!("{start:x}-{:x}", start + HUGE_PAGE_BYTES + page_size());
        assert!(maps().lines().any(|own| own.starts_with(&line)));
        drop(mapping);
        assert!(!maps().contains(&line));
    }
}
