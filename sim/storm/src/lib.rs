//! Kills one end of a connection at every bad moment, and looks at what the other end still has.
//!
//! A survivor and a victim are two processes with a port, a ring, a byte ring and an arena each
//! way. The victim is killed with SIGKILL inside one of seven windows ([`Window`]), in either
//! role, where it says in a page of its own that it is there and stays; or at a random
//! instruction while both sides send, lend and grow without pause. After each kill the survivor
//! must have heard of the death at once, have every message that was completed and none that is
//! torn, have its leases back exactly once, and have the descriptors and mappings that it began
//! with. A pair of bystanders talks all the while, and is never kept waiting.
//!
//! It knows nothing of policy and is part of no program; how its programs start one
//! another is its own.
#![forbid(unsafe_code)]

mod bystander;
mod link;
mod storm;
mod survivor;
mod traffic;
mod victim;
mod window;

pub use bystander::{Bystanders, be_bystander};
pub use storm::{Report, Spread, run};
pub use survivor::{Kill, Plan, one_kill};
pub use victim::be_victim;
pub use window::{Role, WINDOWS, Window};
