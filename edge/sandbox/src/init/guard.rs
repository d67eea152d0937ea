//! The init where there are no namespaces: a child subreaper outside the program's Landlock domain.

use super::executed::{Gate, Proc};
use super::{During, Failure, Left, Setup, serve, target};
use crate::Layer;
use crate::process;
use crate::sys::{self, Fork};
use crate::wire::{Ended, Report};
use rustix::process::{Pid, Signal, WaitOptions, getpid, wait};
use std::collections::HashSet;
use std::os::unix::net::UnixStream;
use std::path::Path;
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
    let gate = Gate::new(Proc::open())?;
    let pid = match sys::fork().during("starting the program's process")? {
        Fork::Child => target::become_program(setup, target::Parent::Guard(init), gate),
        Fork::Parent(pid) => pid,
    };
    setup.report.send(&Report::Started { pid }).during("reporting")?;
    let child = Pid::from_raw(pid).expect("a pid isn't 0");
    let followed = gate.follow(child, Path::new(&setup.job.executable.0), setup.job.measured.as_ref());
    if let Err(failure) = &followed {
        setup.report.failed(failure);
    }
    setup.report.close();
    let groups = super::Left::of(&setup.job).groups;
    drop(setup);
    sys::hide_self();
    let ended = match followed {
        Ok(None) => serve::until_end(child, control, &signals, |signal| serve::signal(child, signal)),
        Ok(ended) => Ok(ended),
        Err(_) => Ok(None),
    };
    Left::stop_forks(&groups);
    let ended_by_us = if reaper { kill_descendants(child) } else { None };
    Ok(ended.ok().flatten().or(ended_by_us))
}

/// Kills every descendant until none is left.
fn kill_descendants(child: Pid) -> Option<Ended> {
    let mut reaper = Reaper { child, ended: None };
    while reaper.reap() {
        if chase(&mut reaper) {
            stop_all(&mut reaper);
            signal_all(Signal::KILL, |_| true);
        }
    }
    reaper.ended
}

/// Collects the dead all the time. Who forks and leaves without end would otherwise fill the machine's pids
/// with them, and make each look through `/proc` slower than the one before.
struct Reaper {
    child: Pid,
    ended: Option<Ended>,
}

impl Reaper {
    /// False if this process has no child any more.
    fn reap(&mut self) -> bool {
        loop {
            match wait(WaitOptions::NOHANG) {
                Ok(Some((pid, status))) if pid == self.child => {
                    let ended = Ended { code: status.exit_status(), signal: status.terminating_signal() };
                    self.ended = Some(ended);
                }
                Ok(Some(_)) | Err(rustix::io::Errno::INTR) => {}
                Ok(None) => return true,
                Err(_) => return false,
            }
        }
    }
}

/// Kills our own children, and those that become ours by it, for as long as that gets anywhere. A process that
/// leaves a child in its place leaves it to us, so this is after it within microseconds, where a look through
/// `/proc` comes too late. True if somebody is left, or may be.
fn chase(reaper: &mut Reaper) -> bool {
    const ROUNDS: u32 = 2_000;
    let mut before = Vec::new();
    for _ in 0..ROUNDS {
        if !reaper.reap() {
            return false;
        }
        let Some(children) = process::children() else { return true };
        for pid in &children {
            process::signal_if(*pid, Signal::KILL, |p| {
                process::read(p).is_some_and(|p| p.parent == getpid())
            });
        }
        if children == before {
            // They are killed and need a moment to die.
            std::thread::sleep(Duration::from_micros(200));
        }
        before = children;
    }
    true
}

/// Stops descendants again and again until no new one appears: a stopped process can't fork.
fn stop_all(reaper: &mut Reaper) {
    let mut stopped = HashSet::new();
    while signal_all(Signal::STOP, |pid| stopped.insert(pid)) {
        reaper.reap();
    }
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
