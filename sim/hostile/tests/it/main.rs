//! A hostile peer, in one thread and as a process of its own.

#![allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]

mod lies;
mod peers;
