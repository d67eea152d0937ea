//! Version 2: one hierarchy, usable where it was really delegated to us.

use super::{Mounts, try_group, write};
use crate::Limits;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// What we need to hand down.
const CONTROLLERS: [&str; 2] = ["memory", "pids"];
/// The period over which processor time is counted (the kernel's default).
const CPU_PERIOD_US: u64 = 100_000;

/// The directory beneath which groups with limits can be made.
///
/// A group with processes in it can't hand controllers down (the "no internal processes" rule of the
/// kernel's cgroup-v2 document), so where we are alone in our group we first move to a child of it.
pub(super) fn probe(mounts: &Mounts) -> Result<PathBuf, String> {
    let own = mounts.own(None).ok_or("no version 2 hierarchy is mounted")?;
    let available = fs::read_to_string(own.join("cgroup.controllers")).unwrap_or_default();
    for controller in CONTROLLERS {
        if !available.split_whitespace().any(|name| name == controller) {
            return Err(format!("the {controller} controller isn't delegated to {}", own.display()));
        }
    }
    hand_down(&own).map_err(|error| error.to_string())?;
    let tried = |group: &Path| set(group, &Limits { pids: Some(8), ..Limits::default() });
    try_group(&own, tried).map_err(|error| error.to_string())?;
    Ok(own)
}

fn hand_down(own: &Path) -> io::Result<()> {
    if enable(own).is_ok() {
        return Ok(());
    }
    let members = fs::read_to_string(own.join("cgroup.procs"))?;
    let ours = std::process::id().to_string();
    if members.split_whitespace().any(|pid| pid != ours) {
        return Err(io::Error::other(format!("{} holds other processes too", own.display())));
    }
    let leaf = own.join("ioi-supervisor");
    fs::create_dir_all(&leaf)?;
    write(&leaf.join("cgroup.procs"), &ours)?;
    enable(own)
}

fn enable(own: &Path) -> io::Result<()> {
    write(&own.join("cgroup.subtree_control"), "+memory +pids")?;
    // Processor time is a convenience: a delegation without it is good enough.
    let _ = write(&own.join("cgroup.subtree_control"), "+cpu");
    Ok(())
}

/// Sets the limits on a group.
pub(super) fn set(group: &Path, limits: &Limits) -> io::Result<()> {
    if let Some(bytes) = limits.memory_bytes {
        write(&group.join("memory.max"), &bytes.to_string())?;
        let swap = group.join("memory.swap.max");
        if swap.exists() {
            write(&swap, "0")?;
        }
        write(&group.join("memory.oom.group"), "1")?;
    }
    if let Some(count) = limits.pids {
        write(&group.join("pids.max"), &count.to_string())?;
    }
    if let Some(percent) = limits.cpu_percent {
        let quota_us = u64::from(percent) * CPU_PERIOD_US / 100;
        write(&group.join("cpu.max"), &format!("{quota_us} {CPU_PERIOD_US}"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_limit_is_written_to_its_file() {
        let group = tempfile::tempdir().unwrap();
        let files = ["memory.max", "memory.swap.max", "memory.oom.group", "pids.max", "cpu.max"];
        for name in files {
            fs::write(group.path().join(name), "").unwrap();
        }
        let limits =
            Limits { memory_bytes: Some(1 << 20), pids: Some(7), cpu_percent: Some(150), files: None };
        set(group.path(), &limits).unwrap();
        let written = files.map(|name| fs::read_to_string(group.path().join(name)).unwrap());
        assert_eq!(written, ["1048576", "0", "1", "7", "150000 100000"]);
    }
}
