//! Two buffers: while one is looked at, the other is written.
//!
//! To write buffer *b*, the one that isn't active: store `writing` = 1 + *b*, a full
//! fence, read `claim`; if a reader has claimed *b*, undo and be *busy*. To read: load
//! `active`, store `claim`, a full fence, read `writing`; if that is the same buffer,
//! undo and try again (Dekker's handshake: at least one of the two sees the other). So
//! no buffer is written and read at once, and a reader that keeps its claim stops the
//! writer from going on and nothing else.

use crate::{PING_PONG_ACTIVE_OFFSET, PING_PONG_CLAIM_OFFSET, PING_PONG_WRITING_OFFSET};
use ioi_shm::Word;
use ioi_shm::sync::{AtomicU32, Ordering, fence};

/// Which words of 4 bytes of its line the writer uses.
pub const WRITING: usize = PING_PONG_WRITING_OFFSET as usize / 4;
/// The active buffer and its version.
pub const ACTIVE: usize = PING_PONG_ACTIVE_OFFSET as usize / 4;
/// Which word of its line the reader uses.
pub const CLAIM: usize = PING_PONG_CLAIM_OFFSET as usize / 4;

/// What one try at a claim has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Try {
    /// No buffer was written yet.
    Nothing,
    /// The buffer is the reader's until [`release`]; the value is `active`.
    Claimed(u32),
    /// The writer is at it; nothing is kept.
    Missed,
}

/// Says in the writer's `line` that `buffer` is being written; false while the reader holds it.
pub fn begin(line: &[AtomicU32], claim: Word<'_>, buffer: u32) -> bool {
    line[WRITING].store(1 + buffer, Ordering::Relaxed);
    fence(Ordering::SeqCst);
    // Acquires the reader's Release of its claim: it reads that buffer no more.
    let is_free = claim.load(Ordering::Acquire) != 1 + buffer;
    if !is_free {
        line[WRITING].store(0, Ordering::Release);
    }
    is_free
}

/// Makes the buffer that was written the active one.
pub fn publish(line: &[AtomicU32], version: u32, buffer: u32) {
    // Releases the bytes; the reader acquires them with `active`.
    line[ACTIVE].store(version << 1 | buffer, Ordering::Release);
    line[WRITING].store(0, Ordering::Release);
}

/// Tries once to claim the active buffer in the reader's `line`.
pub fn claim(line: &[AtomicU32], active: Word<'_>, writing: Word<'_>) -> Try {
    // Acquires the bytes that `publish` released.
    let seen = active.load(Ordering::Acquire);
    if seen == 0 {
        return Try::Nothing;
    }
    line[CLAIM].store(1 + (seen & 1), Ordering::Relaxed);
    fence(Ordering::SeqCst);
    // Acquires the writer's Release of `writing`, and with it the bytes of that round.
    let is_written = writing.load(Ordering::Acquire) == 1 + (seen & 1);
    // It may have been written and left between the two looks; then `active` has moved on.
    if !is_written && active.load(Ordering::Acquire) == seen {
        return Try::Claimed(seen);
    }
    release(line);
    Try::Missed
}

/// Lets the claimed buffer go.
pub fn release(line: &[AtomicU32]) {
    line[CLAIM].store(0, Ordering::Release);
}
