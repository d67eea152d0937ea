//! What `/proc` tells about processes.

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use std::fs;

/// One process.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Process {
    pub(crate) pid: Pid,
    pub(crate) parent: Pid,
    pub(crate) uid: u32,
    pub(crate) threads: u64,
    /// How many seccomp filters it is under.
    pub(crate) filters: u32,
    /// It runs no more, and only its number is left until its parent asks how it ended.
    pub(crate) is_dead: bool,
}

/// All processes that can be seen. One may have ended since.
pub(crate) fn all() -> impl Iterator<Item = Process> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|e| Pid::from_raw(e.file_name().to_str()?.parse().ok()?)).filter_map(read)
}

/// The children of this process's one thread, dead ones included. `None` if the kernel doesn't list them.
pub(crate) fn children() -> Option<Vec<Pid>> {
    let own = rustix::process::getpid().as_raw_nonzero();
    let listed = fs::read_to_string(format!("/proc/{own}/task/{own}/children")).ok()?;
    Some(listed.split_whitespace().filter_map(|pid| Pid::from_raw(pid.parse().ok()?)).collect())
}

/// One process, if it is there.
pub(crate) fn read(pid: Pid) -> Option<Process> {
    let status = fs::read_to_string(format!("/proc/{}/status", pid.as_raw_nonzero())).ok()?;
    parse(pid, &status)
}

/// Sends a signal to the process of this number, if it is `still` the one that is meant. Numbers are used
/// again, soon on a machine where somebody forks without end; a pidfd holds on to one process.
pub(crate) fn signal_if(pid: Pid, signal: Signal, still: impl FnOnce(Pid) -> bool) {
    let Ok(held) = pidfd_open(pid, PidfdFlags::empty()) else { return };
    if still(pid) {
        // It may have ended since; then the signal goes nowhere.
        let _ = pidfd_send_signal(held, signal);
    }
}

fn parse(pid: Pid, status: &str) -> Option<Process> {
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()
    };
    Some(Process {
        pid,
        // A parent outside our pid namespace has the number 0: the process is nobody's that we could know.
        parent: Pid::from_raw(field("PPid:")?.parse().ok()?)?,
        uid: field("Uid:")?.parse().ok()?,
        threads: field("Threads:")?.parse().ok()?,
        filters: field("Seccomp_filters:").and_then(|n| n.parse().ok()).unwrap_or(0),
        is_dead: matches!(field("State:")?, "Z" | "X"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_is_no_longer_the_one_meant_gets_no_signal() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let pid = Pid::from_child(&child);
        signal_if(pid, Signal::KILL, |_| false);
        assert!(read(pid).is_some_and(|p| p.parent == rustix::process::getpid()));
        assert_eq!(child.try_wait().unwrap(), None);
        signal_if(pid, Signal::KILL, |_| true);
        assert_eq!(std::os::unix::process::ExitStatusExt::signal(&child.wait().unwrap()), Some(9));
    }

    #[test]
    fn we_are_among_the_processes_and_know_our_parent() {
        let own = all().find(|p| p.pid == rustix::process::getpid()).unwrap();
        assert_eq!(Some(own.parent), rustix::process::getppid());
        assert_eq!(own.uid, rustix::process::getuid().as_raw());
        assert!(own.threads >= 1);
    }
}
