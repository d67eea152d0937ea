//! What a hostile process can try with memory and descriptors, against a control
//! that shows each attack to work where the defence is missing.
#![allow(clippy::unwrap_used)]

mod accept;
mod arena;
mod byte_ring;
mod channel;
mod common;
mod example;
mod expected;
mod immutable;
mod lease;
mod port;
mod range;
mod reactor;
mod region;
mod ring;
