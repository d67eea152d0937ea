//! Plugins against a host made of the protocol's state machine, real sockets and real memory.
#![allow(clippy::unwrap_used)]

mod arenas;
mod end;
mod host;
mod services;
mod tools;
