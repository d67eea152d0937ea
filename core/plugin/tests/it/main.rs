//! The protocol against golden vectors, a table of bad frames, any split of its bytes, and a model.
#![allow(clippy::unwrap_used)]

mod bad_frames;
mod calls;
mod model;
mod splits;
mod streams;
mod support;
mod time;
mod vectors;
