//! Properties of passages, scores and quotes, against naive references.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod index;
mod naive;
mod passages;
mod reader;
