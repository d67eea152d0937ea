//! What a hostile process can try with memory and descriptors, against a control
//! that shows each attack to work where the defence is missing.
#![cfg(not(any(loom, shuttle)))]
#![allow(clippy::unwrap_used)]

#[cfg(feature = "os")]
mod accept;
mod arena;
mod byte_ring;
#[cfg(feature = "os")]
mod channel;
#[cfg(feature = "os")]
mod common;
#[cfg(feature = "os")]
mod example;
#[cfg(feature = "os")]
mod expected;
#[cfg(feature = "os")]
mod immutable;
#[cfg(feature = "os")]
mod lease;
#[cfg(feature = "os")]
mod port;
#[cfg(feature = "os")]
mod range;
#[cfg(feature = "os")]
mod reactor;
#[cfg(feature = "os")]
mod region;
mod ring;
#[cfg(feature = "os")]
mod silent;
