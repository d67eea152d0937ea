//! The only process that creates sandboxes, opens the user's files and creates, seals and sends descriptors.
//!
//! It parses nothing foreign: no frame, no document, no policy. It decides
//! nothing either; the orchestrator decides and asks, and this crate does only
//! what no sandbox can.
//!
//! | module | what |
//! |---|---|
//! | `run`, `wiring` | one run from start to end, and who is connected to whom in it |
//! | `shared` | what the services of one run share |
//! | `child`, `profiles` | sandboxed processes and what each is given |
//! | `roots` | the user's files: `O_PATH` first, reopened after the decision |
//! | `mediated` | files that the program of `ioi run` opens, decided one at a time |
//! | `listing`, `witness` | a folder's names; a file's digest by our own reading |
//! | `regions`, `streams` | shared memory: filled, sealed, fetched once; a pipe from egress to the workload |
//! | `cells`, `silence`, `bounds` | one memory map with each process of the node; whether it is heard of; how long is too long |
//! | `live` | a run as its user may watch it, over a named socket of the user's own |
//! | `vault` | a guardian for one thing that the user asks of the vault |
//! | `service` | what each role may ask for, over its own pair |
//! | `home`, `binaries` | where things are kept and where programs lie |
#![forbid(unsafe_code)]

mod binaries;
mod bounds;
mod cells;
mod child;
mod descriptors;
mod home;
mod listing;
pub mod live;
mod mediated;
mod profiles;
mod regions;
mod reports;
mod roots;
mod run;
mod service;
mod shared;
mod silence;
mod streams;
mod vault;
mod wiring;
mod witness;

pub use binaries::{Binaries, MissingBinary, measure};
pub use child::Exit;
pub use home::{Home, HomeError, private_folder};
pub use ioi_ipc::proto::supervisor as wire;
pub use profiles::{plugin, plugin_limits};
pub use roots::Refused;
pub use run::{Job, Run, RunError, Settings};
pub use vault::{VaultError, VaultTask, ask_vault};
