//! What a hostile process can try with memory and descriptors, against a control
//! that shows each attack to work where the defence is missing.
#![allow(clippy::unwrap_used)]

mod accept;
mod channel;
mod common;
mod example;
mod expected;
mod immutable;
mod range;
mod reactor;
mod region;
