//! Processes that lost their init: when it alone is killed, they become the supervisor's children.

use crate::process::{self, Process};
use rustix::process::{Pid, Signal, WaitOptions, getpid, kill_process, waitpid};
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

static ADOPTING: AtomicBool = AtomicBool::new(false);

/// Makes this process inherit what a killed init leaves behind, so that it can be killed too. The
/// supervisor calls it once, at start, before anything is spawned.
///
/// # Errors
/// If the kernel refuses (it doesn't since Linux 3.4).
pub fn adopt_orphans() -> io::Result<()> {
    crate::sys::become_subreaper()?;
    ADOPTING.store(true, Ordering::Relaxed);
    Ok(())
}

/// The processes that this one has started, directly or not, and that still run. After [`adopt_orphans`] no
/// process can leave this family, whatever sessions and parents it left.
pub fn descendants() -> Vec<u32> {
    let mut others: Vec<Process> = process::all().collect();
    let (mut family, mut found) = (vec![getpid()], Vec::new());
    while let Some(parent) = family.pop() {
        // Each is taken out once: where a number was used again meanwhile, parents can form a circle.
        for child in others.extract_if(.., |process| process.parent == parent) {
            family.push(child.pid);
            if !child.is_dead {
                found.push(child.pid.as_raw_nonzero().get().cast_unsigned());
            }
        }
    }
    found
}

/// Kills what an init that was killed left to us, and waits for it. `first` was its own child.
pub(crate) fn kill_inherited(first: Option<Pid>) {
    if !ADOPTING.load(Ordering::Relaxed) {
        return;
    }
    if let Some(first) = first
        && process::read(first).is_some_and(|p| p.parent == getpid())
    {
        let _ = kill_process(first, Signal::KILL);
        let _ = waitpid(Some(first), WaitOptions::empty());
    }
    // Killing a child makes its children ours; so on until none is left.
    while kill_once() {
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Kills the children that came out of a sandbox. A filter can't be taken off, so a child with more filters
/// than we have was put under one by an init of ours; children that we started ourselves have as many.
fn kill_once() -> bool {
    let Some(own) = process::read(getpid()) else { return false };
    let inherited = |p: &Process| p.parent == own.pid && p.filters > own.filters;
    let mut found = false;
    for orphan in process::all().filter(inherited) {
        found = true;
        let still = |pid| process::read(pid).is_some_and(|p| inherited(&p));
        process::signal_if(orphan.pid, Signal::KILL, still);
        let _ = waitpid(Some(orphan.pid), WaitOptions::NOHANG);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead, BufReader};
    use std::process::{Command, Stdio};

    #[test]
    fn a_grandchild_in_a_session_of_its_own_is_found_and_a_dead_child_is_not() {
        let mut shell = Command::new("sh")
            .args(["-c", "setsid sleep 60 & echo $!; wait"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(shell.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let sleeper = Pid::from_raw(line.trim().parse().unwrap()).unwrap();
        let number = |pid: Pid| pid.as_raw_nonzero().get().cast_unsigned();
        // Other tests of this program have children, too.
        let found = descendants();
        assert!(found.contains(&shell.id()) && found.contains(&number(sleeper)), "{found:?}");
        assert!(!found.contains(&std::process::id()), "{found:?}");
        kill_process(sleeper, Signal::KILL).unwrap();
        // The shell ends by itself then, and nobody has asked yet how.
        while descendants().contains(&shell.id()) {
            std::thread::yield_now();
        }
        assert!(process::read(Pid::from_child(&shell)).is_some_and(|shell| shell.is_dead));
        assert!(!descendants().contains(&number(sleeper)));
        shell.wait().unwrap();
    }
}
