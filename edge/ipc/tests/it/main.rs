//! The data plane's types against the golden vectors, hostile bytes and what was released;
//! servers of the control plane against peers that keep no rule; ports with all that stands
//! above them, against honest, slow, dead and hostile peers.
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub)]

mod calls;
mod deadlines;
mod evolution;
mod floods;
/// The types as they were released.
#[allow(missing_docs, unreachable_pub, dead_code, clippy::all, clippy::pedantic)]
mod frozen {
    pub mod data_capnp {
        include!(concat!(env!("OUT_DIR"), "/frozen/data_capnp.rs"));
    }
}
mod hostile;
mod jobs;
mod messages;
mod port;
mod process;
mod raw;
mod refusals;
mod roles;
mod service;
mod values;
mod vectors;
