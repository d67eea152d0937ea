//! What an init does all its life: reap, pass signals on, and notice that the supervisor is gone.

use crate::sys;
use crate::wire::Ended;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, Signal, WaitOptions, kill_process, wait};
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;

/// The signals that are passed on. The others stay blocked and do nothing to an init.
const PASSED_ON: [i32; 10] = [
    libc::SIGHUP,
    libc::SIGINT,
    libc::SIGQUIT,
    libc::SIGUSR1,
    libc::SIGUSR2,
    libc::SIGTERM,
    libc::SIGCONT,
    libc::SIGTSTP,
    libc::SIGWINCH,
    libc::SIGALRM,
];

/// Blocks all signals; the descriptor tells of those that matter.
pub(super) fn listen() -> io::Result<OwnedFd> {
    let told: Vec<i32> = PASSED_ON.into_iter().chain([libc::SIGCHLD]).collect();
    sys::signal_descriptor(&told)
}

/// Serves one child until it ends or the control socket does, which gives `None`. `pass_on` is called with
/// each signal for it. Other children, which are orphans of the sandbox, are reaped on the way.
pub(super) fn until_end(
    child: Pid,
    control: &UnixStream,
    signals: &OwnedFd,
    pass_on: impl Fn(i32),
) -> io::Result<Option<Ended>> {
    loop {
        if let Some(ended) = reap(child) {
            return Ok(Some(ended));
        }
        let mut watched = [PollFd::new(signals, PollFlags::IN), PollFd::new(control, PollFlags::IN)];
        match poll(&mut watched, None) {
            Err(rustix::io::Errno::INTR) => continue,
            other => other?,
        };
        let control_is_ready = !watched[1].revents().is_empty();
        while let Some((signal, sent_by_process)) = sys::read_signal(signals.as_fd()) {
            // What a key on the terminal causes reaches the whole foreground group, the child included.
            if signal != libc::SIGCHLD && sent_by_process {
                pass_on(signal);
            }
        }
        if control_is_ready && !read_signals(control, &pass_on) {
            return Ok(None);
        }
    }
}

/// Passes on the signals that the supervisor asks for. False at the end of the socket.
fn read_signals(mut control: &UnixStream, pass_on: impl Fn(i32)) -> bool {
    let mut bytes = [0; 64];
    match control.read(&mut bytes) {
        Ok(0) => false,
        Ok(count) => {
            bytes[..count].iter().for_each(|signal| pass_on(i32::from(*signal)));
            true
        }
        Err(error) => error.kind() == io::ErrorKind::Interrupted,
    }
}

/// Collects every child that has ended; `Some` if `child` was among them.
fn reap(child: Pid) -> Option<Ended> {
    let mut ended = None;
    while let Ok(Some((pid, status))) = wait(WaitOptions::NOHANG) {
        if pid == child && (status.exited() || status.signaled()) {
            ended = Some(Ended { code: status.exit_status(), signal: status.terminating_signal() });
        }
    }
    ended
}

/// Sends a signal by its number; one that isn't a signal, or has nobody to go to, is dropped.
pub(super) fn signal(pid: Pid, number: i32) {
    if let Some(signal) = Signal::from_named_raw(number) {
        let _ = kill_process(pid, signal);
    }
}
