//! The control plane between node processes: gRPC over connected pairs.
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

pub mod bounds;
mod codec;
mod deadline;
mod fault;
pub mod flood;
mod inherited;
pub mod jobs;
mod methods;
pub mod pair;
pub mod payload;
mod server;
mod services;
mod shape;
pub mod status;

/// The contracts of `schema/proto`, as generated.
#[allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic)]
pub mod proto {
    /// What the others share.
    pub mod common {
        include!(concat!(env!("OUT_DIR"), "/shared/ioi.common.v1.rs"));
    }
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
    /// The chain's state machine.
    pub mod blockchain {
        tonic::include_proto!("ioi.blockchain.v1");
    }
    /// The user's API.
    pub mod public {
        tonic::include_proto!("ioi.public.v1");
    }
}

pub use codec::{decode, encode};
pub use fault::abort_on_panic;
pub use inherited::{DESCRIPTORS_FD, Inherited, SUPERVISOR_FD, VARIABLE as FDS_VARIABLE};
pub use methods::DESCRIPTORS;
pub use services::Services;
pub use tonic;
