//! Attempts on descriptors: to change what was sealed, to write what was handed
//! out for reading, to make the host allocate.

use crate::Try;
use ioi_sdk::{Buffer, Call, Slice, ToolError};
use rustix::fs::{FallocateFlags, Mode, OFlags, fallocate, fcntl_get_seals, ftruncate};
use rustix::mm::{MapFlags, MremapFlags, ProtFlags, mmap};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};

const BYTES: usize = 8192;

fn failed(error: impl std::fmt::Display) -> ToolError {
    ToolError::failed(error.to_string())
}

/// A second descriptor of one memory file that this process holds.
fn second_descriptor() -> Option<OwnedFd> {
    (5..256).find_map(|number: RawFd| {
        // SAFETY: the number is only used for two system calls, which fail on a
        // number that is not open; nothing is closed or owned through it.
        let borrowed = unsafe { BorrowedFd::borrow_raw(number) };
        fcntl_get_seals(borrowed).ok()?;
        rustix::io::dup(borrowed).ok()
    })
}

/// Buffers that are asked for until a second descriptor of one was caught.
const CATCHES_MAX: usize = 40;

/// The SDK closes a buffer's descriptor as soon as it is mapped; a thread that
/// looks all the time gets hold of it first.
fn catch(call: &Call) -> Result<(Buffer, Option<OwnedFd>), ToolError> {
    for left in (0..CATCHES_MAX).rev() {
        let done = AtomicBool::new(false);
        let (buffer, kept) = std::thread::scope(|scope| {
            let looking = scope.spawn(|| {
                let mut kept = None;
                while kept.is_none() && !done.load(Ordering::Acquire) {
                    kept = second_descriptor();
                }
                kept
            });
            let buffer = call.host().alloc_sealed(BYTES as u64);
            done.store(true, Ordering::Release);
            (buffer, looking.join().unwrap_or_default())
        });
        let buffer = buffer.map_err(failed)?;
        if kept.is_some() || left == 0 {
            return Ok((buffer, kept));
        }
    }
    Err(ToolError::failed("no buffer was given"))
}

/// A second mapping of the same memory is kept while the first is given up for sealing.
fn seal_while_mapped(call: &Call) -> Result<Try, ToolError> {
    let mut buffer = call.host().alloc_sealed(BYTES as u64).map_err(failed)?;
    buffer[..BYTES].fill(b'b');
    let first = buffer.as_mut_ptr().cast();
    // SAFETY: an old length of 0 makes a further mapping of the same shared pages
    // at an address that the kernel chooses (mremap(2)); the first one stays as
    // it is, and no reference is ever made into the second.
    let second = unsafe { rustix::mm::mremap(first, 0, BYTES, MremapFlags::MAYMOVE) };
    let sealed = buffer.hand_over(BYTES).map(|_| "sealed although it was still mapped for writing");
    if let Ok(second) = second {
        // SAFETY: this is exactly the mapping made above, and nothing refers to it.
        let _ = unsafe { rustix::mm::munmap(second, BYTES) };
    }
    Ok(Try::of("had a buffer sealed while it kept a second mapping", sealed))
}

pub(crate) fn rewrite_sealed(call: &Call) -> Result<(Vec<Try>, Slice), ToolError> {
    let mut tries = vec![seal_while_mapped(call)?];
    let (mut buffer, kept) = catch(call)?;
    buffer[..BYTES].fill(b'a');
    let slice = buffer.hand_over(BYTES).map_err(failed)?;
    if let Some(file) = &kept {
        let written = rustix::io::pwrite(file, b"rewritten", 0).map(|_| "written");
        tries.push(Try::of("wrote through a descriptor that it had kept", written));
        tries.push(Try::of("mapped it writable", map_writable(file.as_fd())));
        tries.push(Try::of("cut it short", ftruncate(file, 0).map(|()| "cut")));
        let hole = fallocate(file, FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE, 0, 4096);
        tries.push(Try::of("punched a hole into it", hole.map(|()| "punched")));
    }
    if kept.is_none() {
        tries.push(Try::of("kept a second descriptor", Err::<&str, _>("it found none")));
    }
    Ok((tries, slice))
}

fn map_writable(file: BorrowedFd<'_>) -> Result<&'static str, rustix::io::Errno> {
    let protection = ProtFlags::READ | ProtFlags::WRITE;
    // SAFETY: the kernel chooses the address, so no memory in use is replaced;
    // the mapping is written once below and never turned into a reference.
    let mapping = unsafe { mmap(std::ptr::null_mut(), BYTES, protection, MapFlags::SHARED, file, 0)? };
    // SAFETY: the mapping has BYTES bytes and is writable, or mmap had failed.
    unsafe { mapping.cast::<u8>().write_volatile(b'z') };
    Ok("mapped and written")
}

pub(crate) fn reopen_for_writing(call: &Call, document: &str) -> Result<Vec<Try>, ToolError> {
    let file = call.host().open(0, document.as_bytes()).map_err(failed)?.into_std();
    let again = format!("/proc/self/fd/{}", file.as_raw_fd());
    let reopened = rustix::fs::open(again, OFlags::RDWR, Mode::empty());
    let reopened = reopened.and_then(|file| rustix::io::pwrite(&file, b"REWRITTEN", 0)).map(|_| "written");
    Ok(vec![
        Try::of("reopened it for writing", reopened),
        Try::of("wrote through it", rustix::io::pwrite(&file, b"REWRITTEN", 0).map(|_| "written")),
        Try::of("cut it short through it", ftruncate(&file, 0).map(|()| "cut")),
        Try::of("changed its mode", rustix::fs::fchmod(&file, Mode::RWXU).map(|()| "changed")),
    ])
}

/// A frame whose header announces 2^32 - 1 bytes.
pub(crate) fn announce_4_gib() -> Try {
    let mut header = [0u8; 36];
    header[0] = 1;
    header[1] = 0x03;
    header[32..].copy_from_slice(&u32::MAX.to_le_bytes());
    // SAFETY: descriptor 3 is the connection to the host for this process's whole
    // life; it is borrowed for one write.
    let host = unsafe { BorrowedFd::borrow_raw(3) };
    let sent = rustix::io::write(host, &header).map(|_| "announced");
    std::thread::sleep(std::time::Duration::from_secs(2));
    Try::of("announced a payload of 4 GiB", sent)
}
