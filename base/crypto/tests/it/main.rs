//! Suite 1 and its statements against another implementation, forgeries and arbitrary bytes.
#![allow(clippy::unwrap_used)]

mod composite;
mod ed25519_strict;
mod golden;
mod statement;
mod vectors;
