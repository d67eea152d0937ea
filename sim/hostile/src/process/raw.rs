//! What the safe interface does not offer: mapping, re-protecting and cutting memory on purpose.
//!
//! Every attack is tried in earnest, by its own system call, and answers whether the kernel let
//! it happen.
#![allow(unsafe_code, reason = "maps, re-protects and punches memory that it should not, on purpose")]

use rustix::fs::{FallocateFlags, Mode, OFlags, SealFlags, fallocate, fcntl_add_seals, ftruncate, open};
use rustix::io::pwrite;
use rustix::mm::{Advice, MapFlags, MprotectFlags, ProtFlags, madvise, mmap, mprotect, munmap};
use std::ffi::c_void;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::ptr::{null_mut, write_volatile};

const BYTES: usize = 4096;

/// The same file once more, in another mode.
pub(crate) fn reopen(file: BorrowedFd<'_>, flags: OFlags) -> rustix::io::Result<OwnedFd> {
    open(format!("/proc/self/fd/{}", file.as_raw_fd()), flags | OFlags::CLOEXEC, Mode::empty())
}

/// Maps the first page; it stays mapped, since a leak is the attacker's own.
pub(crate) fn map(file: BorrowedFd<'_>, prot: ProtFlags) -> rustix::io::Result<*mut c_void> {
    // SAFETY: the kernel chooses the address; nothing here refers to the memory.
    unsafe { mmap(null_mut(), BYTES, prot, MapFlags::SHARED, file, 0) }
}

/// Changes the first byte of a mapping that `map` made for writing.
pub(crate) fn scribble(start: *mut c_void, value: u8) {
    // SAFETY: `map` made it at least a page long and writable, and it is never unmapped.
    unsafe { write_volatile(start.cast(), value) };
}

fn unmap(start: *mut c_void) {
    // SAFETY: a whole mapping of `map` that nothing refers to.
    unsafe { munmap(start, BYTES) }.ok();
}

/// Tries to change, cut, grow or punch a file of somebody else, and names what it managed.
pub(crate) fn break_file(file: BorrowedFd<'_>, bytes: u64) -> Vec<&'static str> {
    let mut managed = Vec::new();
    let mut attempt = |what, worked: bool| {
        if worked {
            managed.push(what);
        }
    };
    let writable = reopen(file, OFlags::RDWR).ok();
    for (how, file) in [("as it came", Some(file)), ("reopened", writable.as_ref().map(AsFd::as_fd))] {
        let Some(file) = file else { continue };
        let is_second = how == "reopened";
        attempt(if is_second { "write, reopened" } else { "write" }, pwrite(file, &[0xEE], 0).is_ok());
        attempt(if is_second { "shrink, reopened" } else { "shrink" }, ftruncate(file, 0).is_ok());
        attempt(if is_second { "grow, reopened" } else { "grow" }, ftruncate(file, bytes + 4096).is_ok());
        let punch = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        attempt(if is_second { "punch, reopened" } else { "punch" }, fallocate(file, punch, 0, 4096).is_ok());
        let zero = FallocateFlags::ZERO_RANGE;
        attempt("zero a range", fallocate(file, zero, 0, 4096).is_ok());
        attempt("allocate beyond the end", fallocate(file, FallocateFlags::empty(), bytes, 4096).is_ok());
        attempt("map for writing", map(file, ProtFlags::READ | ProtFlags::WRITE).is_ok());
        attempt("another seal", fcntl_add_seals(file, SealFlags::WRITE).is_ok());
        if let Ok(start) = map(file, ProtFlags::READ) {
            attempt("re-protect", is_writable(start));
            // SAFETY: nothing refers to the mapping.
            attempt("remove pages", unsafe { madvise(start, BYTES, Advice::LinuxRemove) }.is_ok());
            unmap(start);
        }
    }
    attempt("truncate by opening", reopen(file, OFlags::RDWR | OFlags::TRUNC).is_ok());
    managed
}

/// Whether a mapping can be made writable.
pub(crate) fn is_writable(start: *mut c_void) -> bool {
    // SAFETY: only the protection changes, and nothing refers to the mapping.
    unsafe { mprotect(start, BYTES, MprotectFlags::READ | MprotectFlags::WRITE) }.is_ok()
}
