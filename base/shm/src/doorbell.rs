//! When a sleeper must be woken: event-index suppression, as virtio has it (OASIS virtio 1.2, 2.7.7.2).
//!
//! # The protocol
//! The waker owns an index that counts on; the sleeper owns `wake_at`. To sleep, the
//! sleeper stores `wake_at` = the index it has seen, then a full fence, then reads the
//! index again and waits on that word only while it is still the same. The waker
//! stores the new index, then a full fence, then reads `wake_at`, and rings if it
//! lies in the range [old, new). One of the two fences comes first: either the
//! sleeper sees the new index, or the waker sees the new `wake_at`. A `wake_at` that
//! is over is never crossed again (but once in 2³² steps, which costs one call), so a
//! busy consumer costs its producer no system call.
//!
//! A peer that lies about `wake_at` is woken needlessly, at most once for each
//! publish, or sleeps until its own deadline.

use crate::Word;
use crate::sync::{AtomicU32, Ordering, fence};

/// Whether a sleeper has to be woken after something was published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a sleeper that isn't woken sleeps until its deadline"]
pub enum Wake {
    /// Nobody sleeps for this: no system call.
    NotNeeded,
    /// Ring the peer's bell.
    Needed,
}

/// Publishes `new` in the owner's `index` and says whether the peer must be woken.
#[inline]
pub(crate) fn publish(index: &AtomicU32, old: u32, new: u32, wake_at: Word<'_>) -> Wake {
    // The Release of the index; the peer acquires it when it reads the index.
    index.store(new, Ordering::Release);
    fence(Ordering::SeqCst);
    if crosses(old, new, wake_at.load(Ordering::Relaxed)) { Wake::Needed } else { Wake::NotNeeded }
}

/// Asks to be woken when `index` passes `seen`, and reads it once more: what is
/// there now. The caller sleeps only if that is still `seen`.
#[inline]
pub(crate) fn arm(wake_at: &AtomicU32, seen: u32, index: Word<'_>) -> u32 {
    wake_at.store(seen, Ordering::Relaxed);
    fence(Ordering::SeqCst);
    // Acquires what `publish` released.
    index.load(Ordering::Acquire)
}

/// Whether `wake_at` lies in [old, new), counting on from `old`.
#[inline]
fn crosses(old: u32, new: u32, wake_at: u32) -> bool {
    wake_at.wrapping_sub(old) < new.wrapping_sub(old)
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;

    #[test]
    fn a_sleeper_is_woken_exactly_when_the_index_leaves_what_it_saw() {
        for start in [0, 5, u32::MAX - 1, u32::MAX] {
            let at = |steps: u32| start.wrapping_add(steps);
            for (old, new, wake_at, wanted) in [
                (0, 0, 0, false),
                (0, 1, 0, true),
                (0, 1, 1, false),
                (0, 9, 8, true),
                (0, 9, 9, false),
                (3, 4, 2, false),
            ] {
                assert_eq!(crosses(at(old), at(new), at(wake_at)), wanted, "{start} {old} {new} {wake_at}");
            }
        }
    }
}
