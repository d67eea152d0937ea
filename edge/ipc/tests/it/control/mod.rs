//! Servers of the control plane against peers that keep no rule.

mod calls;
mod deadlines;
mod floods;
mod jobs;
mod messages;
mod process;
mod raw;
mod roles;
mod service;
