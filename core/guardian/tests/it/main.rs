//! The guardian's log over many lives, against a model that keeps every leaf.
#![allow(clippy::unwrap_used)]

mod crash;
mod damage;
mod golden;
mod log;
mod model;
mod world;
