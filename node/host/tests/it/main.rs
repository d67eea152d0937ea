//! The router by scenarios and against a model, and the host over ports.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used)]

mod attacks;
mod example;
mod leases;
mod model;
mod policies;
mod ports;
mod scenarios;
mod world;
