//! The two cores of a measurement.

use super::channel::Error;
use rustix::process::{Signal, set_parent_process_death_signal};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cores {
    pub(super) near: usize,
    pub(super) far: usize,
}

impl Cores {
    /// The first two that this process may use.
    pub(super) fn first_two() -> Result<Self, String> {
        let allowed = sched_getaffinity(None).map_err(|errno| errno.to_string())?;
        let mut cores = (0..CpuSet::MAX_CPU).filter(|core| allowed.is_set(*core));
        match (cores.next(), cores.next()) {
            (Some(near), Some(far)) => Ok(Self { near, far }),
            _ => Err("two processes are measured on a core each, and only one may be used here".into()),
        }
    }

    /// `0,1`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let numbers = text
            .split_once(',')
            .map(|(near, far)| (near.trim().parse::<usize>(), far.trim().parse::<usize>()));
        match numbers {
            Some((Ok(near), Ok(far))) if near != far && near.max(far) < CpuSet::MAX_CPU => {
                Ok(Self { near, far })
            }
            _ => Err(format!("`{text}` is not two different cores, as in 0,1")),
        }
    }
}

/// Keeps the calling thread on one core.
pub(super) fn pin(core: usize) -> Result<(), Error> {
    let mut set = CpuSet::new();
    set.set(core);
    sched_setaffinity(None, &set).map_err(|errno| format!("core {core} can't be used: {errno}").into())
}

/// The calling process is killed when the one that started it ends.
pub(super) fn end_with_parent() -> Result<(), Error> {
    Ok(set_parent_process_death_signal(Some(Signal::KILL))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_different_cores_are_two_numbers() {
        assert_eq!(Cores::parse("3, 1"), Ok(Cores { near: 3, far: 1 }));
        for text in ["", "1", "1,1", "1,2,3", "-1,2", "0,99999999"] {
            assert!(Cores::parse(text).is_err(), "{text}");
        }
    }
}
