//! What comes out of small documents of each kind, and out of hostile ones.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod hostile;
mod html;
mod pdf;
mod text;
