//! The sandboxes of the node's own processes and of our plugins.

use crate::run::Settings;
use crate::wiring::Station;
use ioi_sandbox::{
    Access, Grant, Identity, Limits, Profile, Property, SyscallSet, network_grants, system_grants,
};
use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

const MIB: u64 = 1 << 20;

/// A process of the node: its program has its name.
fn base(settings: &Settings, station: &Station) -> Profile {
    let program = format!("ioi-{}", station.name());
    let mut profile = Profile::new(station.name(), settings.binaries.path(&program));
    profile.argv = vec![OsString::from(program)];
    profile.environment = vec![(ioi_ipc::FDS_VARIABLE.into(), station.variable().into())];
    profile.grants = system_grants();
    profile.syscalls = SyscallSet::Tokio;
    profile.require.push(Property::DiesAsAWhole);
    profile
}

/// First uid of the range that processes of ours take when root starts them:
/// it lies in systemd's range for dynamic users, so no account has it.
const UID_FIRST: u32 = 64_000;

/// A uid of its own for a process without files of its own, where root starts
/// it and that uid can reach the program; else the caller's, and the receipt says which.
fn own_uid(executable: &Path, number: u32) -> Identity {
    let uid = UID_FIRST + number;
    if rustix::process::geteuid().is_root() && reachable_by_all(executable) {
        Identity::Uid(uid, uid)
    } else {
        Identity::Caller
    }
}

fn reachable_by_all(path: &Path) -> bool {
    let open = |path: &Path| path.metadata().is_ok_and(|meta| meta.permissions().mode() & 0o005 == 0o005);
    path.ancestors().all(|step| step.as_os_str().is_empty() || open(step))
}

fn limits(memory_mib: u64, pids: u32) -> Limits {
    Limits { memory_bytes: Some(memory_mib * MIB), pids: Some(pids), cpu_percent: None, files: Some(4096) }
}

/// Keys and the log's frontier; its own folder and nothing else.
pub(crate) fn guardian(settings: &Settings, station: &Station) -> Profile {
    let mut profile = base(settings, station);
    profile.grants.push(Grant::new(settings.home.guardian(), Access::ReadWrite));
    profile.limits = limits(256, 16);
    profile
}

/// Sessions and decisions; the run's folder and nothing else.
pub(crate) fn orchestrator(settings: &Settings, station: &Station, directory: &Path) -> Profile {
    let mut profile = base(settings, station);
    profile.grants.push(Grant::new(directory, Access::ReadWrite));
    profile.limits = limits(1024, 16);
    profile
}

/// Documents' texts and their index; no folder at all.
pub(crate) fn workload(settings: &Settings, station: &Station) -> Profile {
    let mut profile = base(settings, station);
    profile.limits = limits(16 * 1024, 64);
    profile.identity = own_uid(&profile.executable, 0);
    profile
}

/// The way out: the network, what tells names and authorities apart, and no folder.
pub(crate) fn egress(settings: &Settings, station: &Station) -> Profile {
    let mut profile = base(settings, station);
    profile.grants.extend(network_grants());
    profile.network = true;
    profile.limits = limits(256, 16);
    profile.identity = own_uid(&profile.executable, 3);
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
    profile.identity = own_uid(&profile.executable, if name == "files" { 1 } else { 2 });
    profile
}

/// What a plugin gets that asks for nothing.
#[must_use]
pub fn plugin_limits(memory_mib: u64) -> Limits {
    limits(memory_mib, 32)
}
