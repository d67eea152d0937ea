//! Properties of a sandbox and the kernel layers that give them: namespaces, Landlock, seccomp, cgroups, rlimits.
//!
//! It doesn't know what a policy, a plugin or a session is, and it decides nothing: a [`Profile`] says what
//! may be reached, [`plan`] says which layers of this [`Kernel`] hold it, and [`spawn`] starts the program
//! with all of them in force or not at all.
//!
//! ```no_run
//! use ioi_sandbox::{Kernel, Profile, Streams, spawn, system_grants};
//!
//! let kernel = Kernel::probe();
//! let mut profile = Profile::new("hello", "/usr/bin/true");
//! profile.grants = system_grants();
//! let init = std::path::Path::new("/usr/libexec/ioi/ioi-init");
//! let mut hello = spawn(&kernel, &profile, init, Vec::new(), Streams::default())?;
//! println!("{:?}", hello.enforced());
//! assert_eq!(hello.wait()?.shell_code(), 0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod cgroup;
mod doctor;
mod filter;
mod grants;
#[doc(hidden)]
pub mod init;
mod kernel;
mod listener;
mod measured;
mod orphans;
mod plan;
mod process;
mod profile;
mod property;
mod sandboxed;
mod spawn;
mod sys;
mod tmp;
mod wire;

pub use cgroup::clean_stale_groups;
pub use doctor::{Row, doctor};
pub use grants::{network_grants, program_grants, system_grants};
pub use kernel::Kernel;
pub use listener::{Asked, Broker, Call, Listener, Name};
pub use measured::Measured;
pub use orphans::{adopt_orphans, descendants};
pub use plan::{Given, Missing, Plan, Tier, plan};
pub use profile::{Access, Grant, Identity, Limits, Profile, SyscallSet};
pub use property::{Layer, Property, UnknownProperty};
pub use sandboxed::{Enforced, Exit, Sandboxed};
pub use spawn::{SpawnError, Stream, Streams, spawn, spawn_weakened};
pub use tmp::clean_stale_directories;

/// Reads arbitrary bytes as what an init reports and how it ends: the whole of a fuzz target.
pub fn fuzz_reports(bytes: &[u8]) {
    wire::fuzz(bytes);
}
