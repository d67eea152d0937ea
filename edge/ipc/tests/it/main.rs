//! The data plane's types against the golden vectors, against hostile bytes, and against what was
//! released; ports with all that stands above them, against honest, slow, dead and hostile peers.
#![allow(clippy::unwrap_used)]

mod hostile;
mod port;
mod refusals;
mod values;
mod vectors;
