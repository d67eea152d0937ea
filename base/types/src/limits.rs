//! Bounds that more than one part must agree on. Bytes unless the name says otherwise.

/// Canonical arguments of one call, and any payload that travels inline instead of by handle.
pub const INLINE_BYTES_MAX: usize = 64 * 1024;
/// A path, as the kernel bounds it.
pub const PATH_BYTES_MAX: usize = 4096;
/// One file name.
pub const NAME_BYTES_MAX: usize = 255;
/// A policy's text: some twelve thousand rules, and half of what one message between our processes carries.
pub const POLICY_BYTES_MAX: usize = 2 * 1024 * 1024;
/// A question given to `ioi ask`.
pub const QUESTION_BYTES_MAX: usize = 16 * 1024;
/// One region of shared memory.
pub const REGION_BYTES_MAX: u64 = 1 << 30;
/// Regions of all kinds that one process may hold at once.
pub const REGIONS_OPEN_MAX: usize = 64;
/// One arena, and so one lease of it.
pub const ARENA_BYTES_MAX: u64 = 16 << 20;
/// All arenas of one process.
pub const ARENAS_BYTES_MAX: u64 = 128 << 20;
/// Text that one session keeps.
pub const TEXT_BYTES_MAX: u64 = 8 << 30;
/// Leaf hashes in one append to a guardian's frontier.
pub const APPEND_LEAVES_MAX: usize = 8192;
