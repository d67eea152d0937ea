//! Attempts to become many, and to outlive the run.

use crate::Try;
use std::io::Error;

/// What a survivor would be called.
const SURVIVOR: &std::ffi::CStr = c"ioi-rogue-left";
const FORKS_MAX: u32 = 2_000;

/// Forks; the child sleeps for a minute and ends. Returns its pid.
fn fork_sleeper(named: Option<&std::ffi::CStr>, leave: bool) -> Result<i32, Error> {
    // SAFETY: the child calls only async-signal-safe functions (prctl, setsid,
    // fork, sleep, _exit), so locks held by other threads at the fork don't matter.
    unsafe {
        match libc::fork() {
            -1 => Err(Error::last_os_error()),
            0 => {
                if let Some(name) = named {
                    libc::prctl(libc::PR_SET_NAME, name.as_ptr());
                }
                if leave {
                    libc::setsid();
                    if libc::fork() > 0 {
                        libc::_exit(0);
                    }
                }
                libc::sleep(60);
                libc::_exit(0)
            }
            pid => Ok(pid),
        }
    }
}

pub(crate) fn fork_without_end() -> Try {
    let mut forked = 0;
    let stopped = loop {
        match fork_sleeper(None, false) {
            Ok(_) if forked < FORKS_MAX => forked += 1,
            Ok(_) => break Ok(format!("{forked} processes and no end")),
            Err(error) => break Err(format!("stopped after {forked} processes: {error}")),
        }
    };
    Try::of("forked without end", stopped)
}

pub(crate) fn leave_the_group() -> Try {
    Try::of(
        "left a process of a session of its own behind",
        fork_sleeper(Some(SURVIVOR), true).map(|_| "left"),
    )
}
