//! Version 1: one hierarchy for each controller. Only root can make groups in it.

use super::{Mounts, try_group, write};
use crate::Limits;
use std::io;
use std::path::{Path, PathBuf};

/// The period over which processor time is counted (the kernel's default).
const CPU_PERIOD_US: u64 = 100_000;

/// A controller and our own group in its hierarchy.
#[derive(Clone, Debug)]
pub(super) struct Controller {
    name: &'static str,
    pub(super) directory: PathBuf,
}

/// `memory` and `pids` must work; `cpu` is used if it does.
pub(super) fn probe(mounts: &Mounts) -> Result<Vec<Controller>, String> {
    let mut found = Vec::new();
    for (name, needed) in [("memory", true), ("pids", true), ("cpu", false)] {
        match usable(mounts, name) {
            Ok(directory) => found.push(Controller { name, directory }),
            Err(why) if needed => return Err(why),
            Err(_) => {}
        }
    }
    Ok(found)
}

fn usable(mounts: &Mounts, name: &str) -> Result<PathBuf, String> {
    let own = mounts.own(Some(name)).ok_or_else(|| format!("no version 1 {name} controller is mounted"))?;
    try_group(&own, |_| Ok(())).map_err(|error| error.to_string())?;
    Ok(own)
}

impl Controller {
    /// Sets this controller's limits on a group.
    pub(super) fn set(&self, group: &Path, limits: &Limits) -> io::Result<()> {
        match self.name {
            "memory" => limits.memory_bytes.map_or(Ok(()), |bytes| set_memory(group, bytes)),
            "pids" => limits.pids.map_or(Ok(()), |count| write(&group.join("pids.max"), &count.to_string())),
            _ => limits.cpu_percent.map_or(Ok(()), |percent| {
                let quota_us = u64::from(percent) * CPU_PERIOD_US / 100;
                write(&group.join("cpu.cfs_quota_us"), &quota_us.to_string())
            }),
        }
    }
}

/// Memory, and memory with swap where swap is counted: otherwise what is over the limit would be swapped out.
fn set_memory(group: &Path, bytes: u64) -> io::Result<()> {
    write(&group.join("memory.limit_in_bytes"), &bytes.to_string())?;
    let with_swap = group.join("memory.memsw.limit_in_bytes");
    if with_swap.exists() { write(&with_swap, &bytes.to_string()) } else { Ok(()) }
}
