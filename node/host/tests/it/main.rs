//! The router by scenarios and against a model, and the host over ports.
#![forbid(unsafe_code)]

mod attacks;
mod example;
mod model;
mod policies;
mod ports;
mod scenarios;
mod world;
