//! The init where there are no namespaces: a child subreaper outside the program's Landlock domain.

use super::{During, Failure, Left, Setup, serve, target};
use crate::Layer;
use crate::process;
use crate::sys::{self, Fork};
use crate::wire::{Ended, Report};
use rustix::process::{Pid, Signal, WaitOptions, getpid, wait};
use std::collections::HashSet;
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// Starts the program and serves it; when it ends, or the supervisor does, kills all that is left of it.
pub(super) fn run(control: &UnixStream, setup: Setup) -> Result<Option<Ended>, Failure> {
    let signals = serve::listen().during("blocking signals")?;
    if !setup.job.plan.terminal {
        rustix::process::setsid().during("leaving the caller's session")?;
    }
    let reaper = setup.job.plan.uses(Layer::Subreaper);
    if reaper {
        sys::become_subreaper().during("becoming a child subreaper")?;
    }
    let init = getpid();
    let pid = match sys::fork().during("starting the program's process")? {
        Fork::Child => target::become_program(setup, target::Parent::Guard(init)),
        Fork::Parent(pid) => pid,
    };
    setup.report.send(&Report::Started { pid }).during("reporting")?;
    setup.report.close();
    let groups = super::Left::of(&setup.job).groups;
    drop(setup);
    sys::hide_self();
    let child = Pid::from_raw(pid).expect("a pid isn't 0");
    let ended = serve::until_end(child, control, &signals, |signal| serve::signal(child, signal));
    Left::stop_forks(&groups);
    let ended_by_us = if reaper { kill_descendants(child) } else { None };
    Ok(ended.ok().flatten().or(ended_by_us))
}

/// Kills every descendant until none is left, also one that forks all the time: descendants are first
/// stopped, again and again until no new one appears, and a stopped process can't fork.
fn kill_descendants(child: Pid) -> Option<Ended> {
    let mut ended = None;
    loop {
        stop_all();
        signal_all(Signal::KILL, |_| true);
        loop {
            match wait(WaitOptions::NOHANG) {
                Ok(Some((pid, status))) if pid == child => {
                    ended = Some(Ended { code: status.exit_status(), signal: status.terminating_signal() });
                }
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(_) => return ended,
            }
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn stop_all() {
    let mut stopped = HashSet::new();
    while signal_all(Signal::STOP, |pid| stopped.insert(pid)) {}
}

/// Signals all descendants that `chosen` picks. False if there was none.
fn signal_all(signal: Signal, mut chosen: impl FnMut(Pid) -> bool) -> bool {
    let family = descendants();
    let mut any = false;
    for pid in family.iter().copied().filter(|pid| *pid != getpid() && chosen(*pid)).collect::<Vec<_>>() {
        any = true;
        process::signal_if(pid, signal, |pid| process::read(pid).is_some_and(|p| family.contains(&p.parent)));
    }
    any
}

/// This process and all its descendants. Orphans among them are its children, since it is their subreaper.
fn descendants() -> HashSet<Pid> {
    let all: Vec<_> = process::all().collect();
    let mut family = HashSet::from([getpid()]);
    loop {
        let before = family.len();
        family.extend(all.iter().filter(|p| family.contains(&p.parent)).map(|p| p.pid).collect::<Vec<_>>());
        if family.len() == before {
            return family;
        }
    }
}
