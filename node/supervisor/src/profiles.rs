//! The sandboxes of the node's own processes and of our plugins.

use crate::run::Settings;
use ioi_sandbox::{Access, Grant, Limits, Profile, Property, SyscallSet, system_grants};
use std::ffi::OsString;
use std::path::Path;

const MIB: u64 = 1 << 20;

fn base(settings: &Settings, name: &str, program: &str, fds: &str) -> Profile {
    let executable = settings.binaries.path(program);
    let mut profile = Profile::new(name, executable);
    profile.argv = vec![OsString::from(program)];
    profile.environment = vec![(ioi_ipc::FDS_VARIABLE.into(), fds.into())];
    profile.grants = system_grants();
    profile.syscalls = SyscallSet::Tokio;
    profile.require.push(Property::DiesAsAWhole);
    profile
}

fn limits(memory_mib: u64, pids: u32) -> Limits {
    Limits { memory_bytes: Some(memory_mib * MIB), pids: Some(pids), cpu_percent: None, files: Some(4096) }
}

/// Keys and the log's frontier; its own folder and nothing else.
pub(crate) fn guardian(settings: &Settings) -> Profile {
    let mut profile = base(settings, "guardian", "ioi-guardian", "directory:5,orchestrator:6");
    profile.grants.push(Grant::new(settings.home.guardian(), Access::ReadWrite));
    profile.limits = limits(256, 16);
    profile
}

/// Sessions and decisions; the run's folder and nothing else.
pub(crate) fn orchestrator(settings: &Settings, directory: &Path, workload: bool) -> Profile {
    let fds = if workload { "directory:5,guardian:6,workload:7" } else { "directory:5,guardian:6" };
    let mut profile = base(settings, "orchestrator", "ioi-orchestrator", fds);
    profile.grants.push(Grant::new(directory, Access::ReadWrite));
    profile.limits = limits(1024, 16);
    profile
}

/// Documents' texts and their index; no folder at all.
pub(crate) fn workload(settings: &Settings) -> Profile {
    let mut profile = base(settings, "workload", "ioi-workload", "orchestrator:5");
    profile.limits = limits(16 * 1024, 64);
    profile
}

/// One of our plugins: no folder, no environment, the strictest calls.
#[must_use]
pub fn plugin(settings: &Settings, name: &str, limits: Limits) -> Profile {
    let program = format!("ioi-plugin-{name}");
    let mut profile = Profile::new(format!("plugin-{name}"), settings.binaries.path(&program));
    profile.argv = vec![OsString::from(program)];
    profile.grants = system_grants();
    profile.limits = limits;
    profile
}

/// What a plugin gets that asks for nothing.
#[must_use]
pub fn plugin_limits(memory_mib: u64) -> Limits {
    limits(memory_mib, 32)
}
