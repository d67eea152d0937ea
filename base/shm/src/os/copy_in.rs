//! Bytes out of memory that a peer may be writing at this moment.

use std::ptr::NonNull;

/// Copies `into.len()` bytes from `from`.
///
/// The bytes come as they are at some moment during the copy, each read once; a peer
/// that writes meanwhile spoils its own message and nothing else. The compiler sees no
/// access to the foreign memory: it is an instruction of its own, not a read of a `&T`.
///
/// # Safety
/// `from` is readable for so many bytes.
#[cfg(target_arch = "x86_64")]
pub(super) unsafe fn copy_in(from: NonNull<u8>, into: &mut [u8]) {
    // SAFETY: the caller upholds the source, `into` is writable for its length, and the
    // direction flag is clear at every function's entry (System V ABI).
    unsafe {
        std::arch::asm!(
            "rep movsb",
            inout("rcx") into.len() => _,
            inout("rsi") from.as_ptr() => _,
            inout("rdi") into.as_mut_ptr() => _,
            options(nostack, preserves_flags),
        );
    }
}

/// As above, byte by byte, for other processors.
///
/// # Safety
/// `from` is readable for so many bytes.
#[cfg(not(target_arch = "x86_64"))]
pub(super) unsafe fn copy_in(from: NonNull<u8>, into: &mut [u8]) {
    use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
    let head = from.as_ptr().align_offset(8).min(into.len());
    let (first, rest) = into.split_at_mut(head);
    let (words, last) = rest.as_chunks_mut::<8>();
    // SAFETY: all pointers stay within the bytes that the caller upholds; those to
    // words are aligned.
    unsafe {
        let mut at = from.as_ptr();
        for byte in first {
            *byte = (*at.cast::<AtomicU8>()).load(Ordering::Relaxed);
            at = at.add(1);
        }
        for word in words {
            *word = (*at.cast::<AtomicU64>()).load(Ordering::Relaxed).to_ne_bytes();
            at = at.add(8);
        }
        for byte in last {
            *byte = (*at.cast::<AtomicU8>()).load(Ordering::Relaxed);
            at = at.add(1);
        }
    }
}
