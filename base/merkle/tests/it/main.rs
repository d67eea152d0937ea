//! Trees and proofs against the recursive definitions of RFC 6962, section 2.1.
#![allow(clippy::unwrap_used)]

mod frontier;
mod model;
mod proofs;
