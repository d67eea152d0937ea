//! The atomics that everything above is made of, replaced by model checkers under their flags.

#[cfg(not(any(loom, shuttle)))]
pub use core::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};
#[cfg(loom)]
pub use loom::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};
#[cfg(all(shuttle, not(loom)))]
pub use shuttle::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};
