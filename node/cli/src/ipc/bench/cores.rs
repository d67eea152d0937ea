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
        match usable()?[..] {
            [near, far, ..] => Ok(Self { near, far }),
            _ => Err("two processes are measured on a core each, and only one may be used here".into()),
        }
    }

    /// These two, where this process may use both.
    pub(super) fn checked(self) -> Result<Self, String> {
        let usable = usable()?;
        match [self.near, self.far].into_iter().find(|core| !usable.contains(core)) {
            None => Ok(self),
            Some(core) => Err(format!("no core {core} may be used here; these may: {}", list(&usable))),
        }
    }

    /// `0,1`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let numbers = text
            .split_once(',')
            .map(|(near, far)| (near.trim().parse::<usize>(), far.trim().parse::<usize>()));
        match numbers {
            Some((Ok(near), Ok(far))) if near != far => Ok(Self { near, far }),
            _ => Err(format!("`{text}` is not two different cores, as in 0,1")),
        }
    }
}

/// The cores of this machine that the process may use, sorted.
fn usable() -> Result<Vec<usize>, String> {
    let allowed = sched_getaffinity(None).map_err(|errno| format!("the cores can't be told: {errno}"))?;
    Ok((0..CpuSet::MAX_CPU).filter(|core| allowed.is_set(*core)).collect())
}

/// `0-3, 6`, of numbers that are sorted.
fn list(cores: &[usize]) -> String {
    let runs = cores.chunk_by(|core, next| core + 1 == *next);
    let run = |run: &[usize]| match run {
        [first, .., last] => format!("{first}-{last}"),
        run => run.iter().map(usize::to_string).collect(),
    };
    runs.map(run).collect::<Vec<_>>().join(", ")
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
        for text in ["", "1", "1,1", "1,2,3", "-1,2", "0,99999999999999999999"] {
            assert!(Cores::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn neighbouring_cores_are_named_as_one_range() {
        for (cores, text) in
            [(&[][..], ""), (&[7], "7"), (&[0, 1], "0-1"), (&[0, 1, 2, 5, 8, 9], "0-2, 5, 8-9")]
        {
            assert_eq!(list(cores), text);
        }
    }
}
