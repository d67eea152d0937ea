//! A run as its user may watch it: a named socket of the user's own, for `ioi ipc`.
//!
//! The channels between the node's processes have no names, so that whoever
//! speaks on one is known by it. A command that the user starts beside a run has
//! no such channel. It finds a socket in a folder that only the user can open,
//! and shows with every call that it can read the key beside it: no sandbox
//! opens that folder (see [`crate::Home::protected`]), and the kernel says that
//! the caller has the user's uid.
//!
//! | module | what |
//! |---|---|
//! | `place` | the folder, the names in it, and what killed runs have left there |
//! | `door` | who may come in, and how many at once |
//! | `journal` | what happened, the last few thousand events, for any number of readers |
//! | `processes` | who was started and who lives |
//! | `service` | the answers |
//! | `find` | the other side: the runs of this user |
//!
//! A run that can't be watched, because its home takes no socket say, is a run
//! all the same.

mod door;
mod find;
mod journal;
mod place;
mod processes;
mod service;

pub(crate) use door::Live;
pub use find::{Client, Found, LiveRun, find, listener};
pub(crate) use journal::{Change, Happening, Journal};
pub(crate) use processes::Processes;

use std::time::{SystemTime, UNIX_EPOCH};

/// Milliseconds since 1970.
pub(crate) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
