//! The product from outside: the real programs, on real input, judged by what is left behind.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test panics where it fails, and says what it skips"
)]

mod ask;
mod bad_input;
mod command_line;
mod confinement;
mod crash;
mod demo;
mod disk;
mod endpoint;
mod hostile;
mod ipc;
mod limits;
mod mediated;
mod mediation;
mod model;
mod place;
mod policy;
mod processes;
mod receipts;
mod run;
mod signals;
mod silence;
mod started;
mod stop;
mod stopped;
mod together;
