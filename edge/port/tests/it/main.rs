//! Ports with all that stands above them, against honest, slow, dead and hostile peers.
#![allow(clippy::unwrap_used)]

mod broadcast;
mod calls;
mod heart;
mod reactor;
mod threads;

use std::time::Duration;

/// Longer than anything here takes: it is there so that a lost wake fails and doesn't hang.
const LONG: Duration = Duration::from_secs(20);
/// For waits that are to end by their deadline.
const SHORT: Duration = Duration::from_millis(20);
