//! What `/proc` tells about processes.

use rustix::process::Pid;
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
}

/// All processes that can be seen. One may have ended since.
pub(crate) fn all() -> impl Iterator<Item = Process> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|e| Pid::from_raw(e.file_name().to_str()?.parse().ok()?)).filter_map(read)
}

/// One process, if it is there.
pub(crate) fn read(pid: Pid) -> Option<Process> {
    let status = fs::read_to_string(format!("/proc/{}/status", pid.as_raw_nonzero())).ok()?;
    parse(pid, &status)
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
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn we_are_among_the_processes_and_know_our_parent() {
        let own = all().find(|p| p.pid == rustix::process::getpid()).unwrap();
        assert_eq!(Some(own.parent), rustix::process::getppid());
        assert_eq!(own.uid, rustix::process::getuid().as_raw());
        assert!(own.threads >= 1);
    }
}
