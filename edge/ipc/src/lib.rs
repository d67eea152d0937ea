//! The control plane between node processes (gRPC over connected pairs) and the types of the data plane (rkyv, Cap'n Proto).
//!
//! It does not know what any message means, who may send it, or where a
//! descriptor came from: the supervisor makes the pairs, and each process
//! serves what its role allows.
//!
//! ```no_run
//! # async fn example(end: std::os::fd::OwnedFd) -> Result<(), Box<dyn std::error::Error>> {
//! use ioi_ipc::{pair, proto::guardian::guardian_client::GuardianClient};
//! // One end of a connected pair that the supervisor made.
//! let channel = pair::client(end).await?;
//! let mut guardian = GuardianClient::new(channel);
//! # Ok(()) }
//! ```
#![forbid(unsafe_code)]

pub mod context;
mod fault;
mod inherited;
pub mod lens;
pub mod pair;
pub mod port;
pub mod status;
mod transfers;
pub mod types;
mod watch;

/// The types of `schema/data.capnp`, as generated: readers and builders in place.
#[allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic, clippy::unwrap_used)]
pub mod data_capnp {
    include!(concat!(env!("OUT_DIR"), "/data_capnp.rs"));
}

/// The contracts of `schema/proto`, as generated.
#[allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic)]
pub mod proto {
    /// Served by the supervisor.
    pub mod supervisor {
        tonic::include_proto!("ioi.supervisor.v1");
    }
    /// Served by the guardian.
    pub mod guardian {
        tonic::include_proto!("ioi.guardian.v1");
    }
    /// Served by the workload.
    pub mod control {
        tonic::include_proto!("ioi.control.v1");
    }
    /// Served by the egress process.
    pub mod egress {
        tonic::include_proto!("ioi.egress.v1");
    }
}

pub use fault::abort_on_panic;
pub use inherited::{DESCRIPTORS_FD, Inherited, SUPERVISOR_FD, VARIABLE as FDS_VARIABLE};
pub use tonic;
pub use transfers::{Awaited, Transfers};
pub use watch::watch;
