//! What a guardian may state about one audit log, as a pure state machine.
//!
//! This crate does not know files, sockets, keys or time. It holds no secret and signs
//! nothing: it says which bytes must be durable ([`Persist`]) before which answer may
//! leave. It takes leaf hashes only and computes every root itself, so nobody can hand
//! it a root to be signed.
//!
//! The driver's part, on which the promises rest:
//! 1. One process at a time holds the log (a lock on its directory).
//! 2. The bytes of every [`Persist`] are appended to the journal in the order in which
//!    they were made, and synced where it says so, *before* the answer that came with
//!    it, or a signature over it, is released.
//! 3. When that fails, [`Log::persist_failed`] is called, and the log answers no more.
//! 4. After [`Log::recover`] the journal is cut to the length that it returned and
//!    synced before anything else.
//!
//! ```
//! use ioi_guardian::Log;
//! use ioi_types::{BootId, LogId};
//!
//! let (log_id, boot_id) = (LogId([1; 16]), BootId([2; 16]));
//! let (mut log, created) = Log::create(log_id, boot_id);
//! let mut journal = created.bytes;
//! let (persist, appended) = log.append(0, &[[7; 32], [8; 32]], true)?;
//! journal.extend(persist.bytes);
//! let (persist, statement) = log.head()?;
//! journal.extend(persist.bytes);
//! assert_eq!((appended.size, statement.counter), (2, 1));
//!
//! let (recovered, valid_bytes) = Log::recover(log_id, BootId([3; 16]), &journal)?;
//! assert_eq!(valid_bytes, journal.len() as u64);
//! assert_eq!(recovered.last_head(), Some(&statement));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod error;
mod log;
mod record;
mod recover;

pub use error::{RecoverError, Refusal};
pub use log::{Appended, Log, Persist};
