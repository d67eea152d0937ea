//! Memory that two processes map: for the bare ring and the machine's limits.
#![allow(unsafe_code, reason = "this is what maps and hands out the memory; its users write no unsafe code")]

use anyhow::{Result, ensure};
use rustix::fs::{MemfdFlags, fstat, ftruncate, memfd_create};
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};
use std::os::fd::{AsFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, AtomicU64};

/// A mapping that lives as long as this value, zeroed when it was made. It gives out views without
/// saying who may write when: that is its users' protocol, and no reader of the figures needs more.
pub struct Region {
    start: NonNull<u8>,
    bytes: usize,
}

// SAFETY: it is an address range of this process; what lies in it is reached through atomics and
// through views that the protocol of its user keeps apart.
unsafe impl Send for Region {}

impl Region {
    pub fn create(bytes: usize) -> Result<(Self, OwnedFd)> {
        let descriptor = memfd_create("ioi-peers", MemfdFlags::CLOEXEC)?;
        ftruncate(&descriptor, bytes as u64)?;
        Ok((Self::map(&descriptor, bytes)?, descriptor))
    }

    pub fn open(descriptor: &OwnedFd) -> Result<Self> {
        let bytes = fstat(descriptor)?.st_size as usize;
        Self::map(descriptor, bytes)
    }

    fn map(descriptor: impl AsFd, bytes: usize) -> Result<Self> {
        let (access, flags) = (ProtFlags::READ | ProtFlags::WRITE, MapFlags::SHARED | MapFlags::POPULATE);
        // SAFETY: a new range that nothing else in this process refers to.
        let start = unsafe { mmap(std::ptr::null_mut(), bytes, access, flags, descriptor, 0)? };
        let start = NonNull::new(start.cast());
        ensure!(start.is_some(), "the kernel mapped at address 0");
        Ok(Self { start: start.expect("just checked"), bytes })
    }

    pub fn atomic_u32(&self, offset: usize) -> &AtomicU32 {
        assert!(offset.is_multiple_of(4) && offset + 4 <= self.bytes);
        // SAFETY: it lies within the mapping, is aligned, and every bit pattern is a value.
        unsafe { self.start.add(offset).cast().as_ref() }
    }

    pub fn atomic_u64(&self, offset: usize) -> &AtomicU64 {
        assert!(offset.is_multiple_of(8) && offset + 8 <= self.bytes);
        // SAFETY: as above.
        unsafe { self.start.add(offset).cast().as_ref() }
    }

    /// Bytes that nobody writes as long as the view lives, by the protocol of the caller.
    pub fn view(&self, offset: usize, bytes: usize) -> &[u8] {
        assert!(offset <= self.bytes && bytes <= self.bytes - offset);
        // SAFETY: within the mapping; both programs are this one, and its protocol keeps writers out.
        unsafe { std::slice::from_raw_parts(self.start.add(offset).as_ptr(), bytes) }
    }

    /// Bytes that nobody else reads or writes as long as the view lives, by the protocol of the
    /// caller.
    #[allow(clippy::mut_from_ref, reason = "the memory is shared; the protocol says whose turn it is")]
    pub fn view_mut(&self, offset: usize, bytes: usize) -> &mut [u8] {
        assert!(offset <= self.bytes && bytes <= self.bytes - offset);
        // SAFETY: as above, and it keeps readers out as well.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(offset).as_ptr(), bytes) }
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        // SAFETY: the range was mapped by this value, whose views have ended with its borrow.
        unsafe { munmap(self.start.as_ptr().cast(), self.bytes).expect("it was mapped") };
    }
}
