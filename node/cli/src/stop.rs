//! `ioi stop`: the kill switch. Live runs are asked to end, and killed where they don't.
//!
//! Which process a run is, the kernel says: it is the one that listens on the run's socket. Its
//! descriptor is opened first and the socket asked again after that, so no other process that has got
//! its number meanwhile is hit. Whoever kills it kills the run: each of its sandboxes has an init that
//! ends with it.

use crate::args::StopArgs;
use crate::failure::Failure;
use crate::render::Screen;
use crate::text::counted;
use ioi_node_supervisor::Home;
use ioi_node_supervisor::live::{self, LiveRun};
use ioi_types::LogId;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use serde_json::json;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

/// Once it was killed: the kernel takes its memory apart.
const GONE_WITHIN: Duration = Duration::from_secs(5);

const LOOK_EVERY: Duration = Duration::from_millis(20);

/// What became of one run.
enum Stopped {
    /// It ended when it was asked to, and left a receipt or not.
    Ended { receipt: bool },
    /// It did not end in time, so it was killed.
    Killed,
    /// It lives, or nobody knows.
    Not(String),
}

pub(crate) async fn run(args: StopArgs, screen: &Screen) -> Result<(), Failure> {
    let home = Home::from_environment(|name| std::env::var_os(name))?;
    home.check()?;
    let found = live::find(&home).await?;
    let is_meant =
        |log: LogId| args.all || args.session.iter().any(|start| log.to_string().starts_with(start));
    let within = Duration::from_secs(args.within);
    let meant: Vec<_> = found.runs.into_iter().filter(|run| is_meant(run.log)).collect();
    let silent = found.silent.into_iter().filter(|(log, _)| is_meant(*log));
    let mut all: Vec<_> = silent.map(|(log, why)| (log, Stopped::Not(why))).collect();
    all.extend(futures::future::join_all(meant.into_iter().map(|run| stop(&home, run, within))).await);
    for start in &args.session {
        if !all.iter().any(|(log, _)| log.to_string().starts_with(start)) {
            return Err(Failure::usage(format!(
                "no live run begins with `{}`; `ioi ipc ls` lists them",
                start.escape_debug()
            )));
        }
    }
    let left = all.iter().filter(|(_, stopped)| matches!(stopped, Stopped::Not(_))).count();
    all.iter().for_each(|(log, stopped)| tell(*log, stopped, screen));
    if screen.is_json() {
        screen.line(&json!({"event": "stopped", "runs": all.len(), "left": left}).to_string());
    } else if all.is_empty() {
        screen.line("No run is live.");
    }
    match left {
        0 => Ok(()),
        _ => Err(Failure::unavailable(format!("{} could not be stopped", counted(left as u64, "run")))),
    }
}

async fn stop(home: &Home, run: LiveRun, within: Duration) -> (LogId, Stopped) {
    let log = run.log;
    let stopped = try_stop(home, run, within).await.unwrap_or_else(|error| Stopped::Not(error.to_string()));
    (log, stopped)
}

async fn try_stop(home: &Home, run: LiveRun, within: Duration) -> std::io::Result<Stopped> {
    let Some(pid) = run.pid.and_then(Pid::from_raw) else {
        return Ok(Stopped::Not("its process can't be seen from here".into()));
    };
    let process = pidfd_open(pid, PidfdFlags::NONBLOCK)?;
    if live::listener(home, run.log).await? != run.pid {
        return Ok(Stopped::Ended { receipt: has_receipt(home, run.log) });
    }
    match pidfd_send_signal(&process, Signal::TERM) {
        // It has ended by now, which is seen below.
        Ok(()) | Err(Errno::SRCH) => {}
        Err(error) => return Err(error.into()),
    }
    if has_ended(&process, within).await {
        return Ok(Stopped::Ended { receipt: has_receipt(home, run.log) });
    }
    pidfd_send_signal(&process, Signal::KILL)?;
    match has_ended(&process, GONE_WITHIN).await {
        true => Ok(Stopped::Killed),
        false => Ok(Stopped::Not("it was killed and is still there: the kernel waits for something".into())),
    }
}

/// A descriptor of a process is readable once that has ended (pidfd_open(2)).
async fn has_ended(process: &OwnedFd, within: Duration) -> bool {
    let until = Instant::now() + within;
    loop {
        let mut watched = [PollFd::new(process, PollFlags::IN)];
        if poll(&mut watched, Some(&Timespec::default())) == Ok(1) {
            return true;
        }
        if Instant::now() >= until {
            return false;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

fn has_receipt(home: &Home, log: LogId) -> bool {
    home.run(&log).join("receipt.json").is_file()
}

fn tell(log: LogId, stopped: &Stopped, screen: &Screen) {
    let (how, why) = match stopped {
        Stopped::Ended { receipt: true } => ("ended", "it left a receipt"),
        Stopped::Ended { receipt: false } => ("ended", "it left no receipt"),
        Stopped::Killed => ("killed", "it did not end when it was asked to, so there may be no receipt"),
        Stopped::Not(why) => ("not stopped", why.as_str()),
    };
    if screen.is_json() {
        screen.line(&json!({"event": "stop", "log": log.to_string(), "how": how, "detail": why}).to_string());
    } else {
        screen.prose(&format!("Run {log}: {how}; {why}."), 2);
    }
}
