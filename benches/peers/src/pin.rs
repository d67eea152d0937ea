//! Cores, and the end of children whose parent is gone.

use anyhow::{Context, Result, ensure};
use rustix::process::{Signal, set_parent_process_death_signal};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use serde::{Deserialize, Serialize};

/// The two cores of a measurement.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cores {
    pub near: usize,
    pub far: usize,
}

impl Cores {
    /// The first two that this process may use.
    pub fn first_two() -> Result<Self> {
        let allowed = sched_getaffinity(None)?;
        let mut cores = (0..CpuSet::MAX_CPU).filter(|core| allowed.is_set(*core));
        let near = cores.next().context("no core may be used")?;
        let far = cores.next().context("two cores are needed, and only one may be used")?;
        Ok(Self { near, far })
    }

    /// `0,1`.
    pub fn parse(text: &str) -> Result<Self> {
        let (near, far) = text.split_once(',').context("--cores wants two numbers, as in 0,1")?;
        let cores = Self { near: near.parse()?, far: far.parse()? };
        ensure!(cores.near != cores.far, "--cores wants two different cores");
        Ok(cores)
    }
}

/// Keeps the calling thread, and those that it starts from now on, on one core.
pub fn pin(core: usize) -> Result<()> {
    let mut set = CpuSet::new();
    set.set(core);
    sched_setaffinity(None, &set).with_context(|| format!("core {core} can't be used"))
}

/// The calling process is killed when the thread that started it ends.
pub fn end_with_parent() -> Result<()> {
    Ok(set_parent_process_death_signal(Some(Signal::KILL))?)
}
