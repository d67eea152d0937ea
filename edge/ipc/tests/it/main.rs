//! Servers of the control plane against peers that keep no rule.
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub)]

mod calls;
mod deadlines;
mod example;
mod floods;
mod jobs;
mod messages;
mod process;
mod raw;
mod roles;
mod service;
