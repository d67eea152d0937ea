//! The client against servers of this test's own, well-behaved and hostile.
#![allow(clippy::unwrap_used)]

mod bounds;
mod requests;
mod server;
mod tls;
