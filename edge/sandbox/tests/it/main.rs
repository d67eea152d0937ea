//! What a sandbox holds, shown by the absence of the effect, in both tiers; and, with the layers off, by its
//! presence. `surroundings` runs all of it again as an ordinary user and where namespaces are refused.
#![allow(clippy::unwrap_used)]

mod attempts;
mod death;
mod executed;
mod limits;
mod mediated;
mod plan;
mod programs;
mod stage;
mod start;
mod support;
mod surroundings;
mod weakened;
