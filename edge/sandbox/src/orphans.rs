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
