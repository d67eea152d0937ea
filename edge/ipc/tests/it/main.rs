//! The data plane's types against the golden vectors, against hostile bytes, and against what was
//! released.
#![allow(clippy::unwrap_used)]

mod hostile;
mod refusals;
mod values;
mod vectors;
