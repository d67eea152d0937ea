//! The IPC benchmark: one workload over every transport, by two processes on two cores.
//!
//! A [`Cell`](cell::Cell) is one thing to measure: a pattern, a message size and a way to wait. The
//! coordinator ([`run`]) starts a *near* process for each cell, transport and round; it starts a *far*
//! one, connects, measures and prints one line. A transport implements [`Channel`](channel::Channel)
//! and [`Connect`](channel::Connect); it knows nothing of patterns, rounds or goals.
//!
//! ```text
//! coordinator ── near (core A): connects, sends, takes the times
//!                └─ far (core B): receives, reads, answers
//! ```

#![deny(unsafe_code)]

pub mod archive;
pub mod cell;
pub mod channel;
pub mod far;
pub mod goals;
pub mod kill;
pub mod limits;
pub mod link;
pub mod machine;
pub mod measure;
pub mod patience;
pub mod payload;
pub mod pin;
pub mod placement;
pub mod plot;
pub mod report;
pub mod run;
pub mod sample;
pub mod shared;
pub mod traces;
pub mod transports;
