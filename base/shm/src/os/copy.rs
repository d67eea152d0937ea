//! Bytes out of memory that a peer may be writing at this moment, and into memory that it may be reading.
//!
//! What is copied comes as it is at some moment during the copy; a peer that writes
//! meanwhile spoils its own message and nothing else. The compiler sees no access to the
//! shared memory: the loads and stores are instructions of their own, 16 bytes each where
//! there are so many, not reads and writes of a `&T`.

use crate::sync::AtomicU64;
use std::ptr::NonNull;

/// Copies `into.len()` bytes from `from`.
///
/// # Safety
/// `from` is readable for so many bytes.
pub(super) unsafe fn copy_in(from: NonNull<u8>, into: &mut [u8]) {
    // SAFETY: the caller upholds the source; `into` is writable for its length.
    unsafe { copy(from.as_ptr(), into.as_mut_ptr(), into.len()) }
}

/// Loads as many bytes as `into` has.
///
/// # Panics
/// When there are fewer.
#[inline]
pub(crate) fn load(words: &[AtomicU64], into: &mut [u8]) {
    assert!(into.len() <= size_of_val(words), "so many bytes are there");
    // SAFETY: words that are borrowed are readable, and `into` is writable for its length.
    unsafe { copy(words.as_ptr().cast(), into.as_mut_ptr(), into.len()) }
}

/// Stores `bytes`.
///
/// # Panics
/// When there is less room.
#[inline]
pub(crate) fn store(words: &[AtomicU64], bytes: &[u8]) {
    assert!(bytes.len() <= size_of_val(words), "there is room for so many bytes");
    // SAFETY: atomics that are borrowed may be written, and `bytes` is readable for its length.
    unsafe { copy(bytes.as_ptr(), words.as_ptr().cast_mut().cast(), bytes.len()) }
}

/// # Safety
/// `from` is readable and `to` writable for `count` bytes, and they don't overlap.
#[inline]
#[cfg(target_arch = "x86_64")]
unsafe fn copy(mut from: *const u8, mut to: *mut u8, mut count: usize) {
    // SAFETY: each step copies at most what is left, and moves on by what it has copied.
    unsafe {
        let mut step = |move_some: unsafe fn(*const u8, *mut u8), bytes: usize| {
            while count >= bytes {
                move_some(from, to);
                (from, to) = (from.add(bytes), to.add(bytes));
                count -= bytes;
            }
        };
        step(move_64, 64);
        step(move_16, 16);
        step(move_8, 8);
        step(move_1, 1);
    }
}

/// # Safety
/// As [`copy`], for 64 bytes.
#[inline(always)]
#[cfg(target_arch = "x86_64")]
unsafe fn move_64(from: *const u8, to: *mut u8) {
    // SAFETY: the caller upholds both sides; SSE2 is part of x86-64.
    unsafe {
        std::arch::asm!(
            "movups {a}, [{from}]",
            "movups {b}, [{from} + 16]",
            "movups {c}, [{from} + 32]",
            "movups {d}, [{from} + 48]",
            "movups [{to}], {a}",
            "movups [{to} + 16], {b}",
            "movups [{to} + 32], {c}",
            "movups [{to} + 48], {d}",
            from = in(reg) from,
            to = in(reg) to,
            a = out(xmm_reg) _,
            b = out(xmm_reg) _,
            c = out(xmm_reg) _,
            d = out(xmm_reg) _,
            options(nostack, preserves_flags),
        );
    }
}

/// A copy through one register.
#[cfg(target_arch = "x86_64")]
macro_rules! move_through {
    ($name:ident, $register:ident, $load:literal, $store:literal, $bytes:literal) => {
        /// # Safety
        #[doc = concat!("As [`copy`], for as many bytes as the register has: ", $bytes, ".")]
        #[inline(always)]
        unsafe fn $name(from: *const u8, to: *mut u8) {
            // SAFETY: as in `move_64`.
            unsafe {
                std::arch::asm!(
                    $load,
                    $store,
                    from = in(reg) from,
                    to = in(reg) to,
                    a = out($register) _,
                    options(nostack, preserves_flags),
                );
            }
        }
    };
}

#[cfg(target_arch = "x86_64")]
move_through!(move_16, xmm_reg, "movups {a}, [{from}]", "movups [{to}], {a}", 16);
#[cfg(target_arch = "x86_64")]
move_through!(move_8, reg, "mov {a}, [{from}]", "mov [{to}], {a}", 8);
#[cfg(target_arch = "x86_64")]
move_through!(move_1, reg_byte, "mov {a}, [{from}]", "mov [{to}], {a}", 1);

/// As above by relaxed atomics, for other processors: words where both sides lie alike.
///
/// # Safety
/// As above.
#[cfg(not(target_arch = "x86_64"))]
unsafe fn copy(from: *const u8, to: *mut u8, count: usize) {
    use std::sync::atomic::{AtomicU8, Ordering};
    let head = from.align_offset(8).min(count);
    let is_alike = to.align_offset(8) == from.align_offset(8);
    let words = if is_alike { (count - head) / 8 } else { 0 };
    // SAFETY: all pointers stay within the bytes that the caller upholds; those to words are aligned.
    unsafe {
        let byte = |at: usize| {
            let value = (*from.add(at).cast::<AtomicU8>()).load(Ordering::Relaxed);
            (*to.add(at).cast::<AtomicU8>()).store(value, Ordering::Relaxed);
        };
        (0..head).for_each(byte);
        for word in 0..words {
            let at = head + word * 8;
            let value = (*from.add(at).cast::<AtomicU64>()).load(Ordering::Relaxed);
            (*to.add(at).cast::<AtomicU64>()).store(value, Ordering::Relaxed);
        }
        (head + words * 8..count).for_each(byte);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_at_every_offset_is_copied_and_nothing_beside_it() {
        let from: Vec<u8> = (0..200u8).collect();
        for (start, offset) in (0..20).flat_map(|start| (0..20).map(move |offset| (start, offset))) {
            for count in 0..=160 {
                let mut to = [0xee; 200];
                // SAFETY: both lie within their 200 bytes.
                unsafe { copy(from[start..].as_ptr(), to[offset..].as_mut_ptr(), count) };
                assert_eq!(to[offset..offset + count], from[start..start + count]);
                assert!(to[..offset].iter().chain(&to[offset + count..]).all(|byte| *byte == 0xee));
            }
        }
    }
}
