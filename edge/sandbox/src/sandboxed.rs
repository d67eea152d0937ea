//! A running sandbox, seen from the supervisor.

use crate::cgroup::Group;
use crate::plan::{Given, Plan, Tier};
use crate::tmp::PrivateTmp;
use crate::wire::{self, Ended};
use crate::{Layer, Listener, Property, orphans};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use serde::{Deserialize, Serialize};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Child;
use std::time::Duration;

/// How long an init may take to kill all its descendants before it is killed itself.
const KILL_TIMEOUT: Duration = Duration::from_secs(4);

/// What was in force when the program was executed, as the process itself reported just before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enforced {
    /// With or without namespaces.
    pub tier: Tier,
    /// The properties that hold, each with its layers.
    pub given: Vec<Given>,
    /// Limits that were asked for and only slow misuse.
    pub advisory: Vec<Property>,
    /// Layers that a test switched off; empty in every real run.
    pub weakened: Vec<Layer>,
    /// The Landlock ABI in force, or 0.
    pub landlock_abi: u32,
    /// The program's uid, as seen outside.
    pub uid: u32,
    /// The program's gid, as seen outside.
    pub gid: u32,
    /// The program was held at its exec and seen to be the measured file; else it was compared just before.
    pub exec_seen: bool,
    /// The program shares the caller's terminal and process group: a key like Ctrl-C reaches it by itself.
    pub terminal: bool,
}

impl Enforced {
    pub(crate) fn of(plan: &Plan, uid: u32, gid: u32) -> Self {
        Self {
            tier: plan.tier,
            given: plan.given.clone(),
            advisory: plan.advisory.clone(),
            weakened: plan.weakened.clone(),
            landlock_abi: plan.landlock_abi,
            uid,
            gid,
            exec_seen: false,
            terminal: plan.terminal,
        }
    }

    /// The layers that give a property; none if it doesn't hold.
    pub fn layers_of(&self, property: Property) -> &[Layer] {
        self.given.iter().find(|g| g.property == property).map_or(&[], |g| &g.layers)
    }
}

/// How a sandboxed program ended. All its processes are gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exit {
    /// The code that it returned, unless a signal ended it.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
}

impl Exit {
    /// The code as a shell shows it: 128 + the signal's number if one ended it.
    pub fn shell_code(self) -> i32 {
        self.code.unwrap_or_else(|| 128 + self.signal.unwrap_or(libc::SIGKILL))
    }
}

/// A program in its sandbox. Dropping it kills every process of it.
#[derive(Debug)]
pub struct Sandboxed {
    child: Child,
    pidfd: OwnedFd,
    control: UnixStream,
    group: Group,
    tmp: Option<PrivateTmp>,
    listener: Option<Listener>,
    enforced: Option<Enforced>,
    /// The init's own child, of which we become the parent if the init is killed.
    first: Option<Pid>,
    exit: Option<Exit>,
}

impl Sandboxed {
    pub(crate) fn new(
        mut child: Child,
        control: UnixStream,
        group: Group,
        tmp: Option<PrivateTmp>,
    ) -> io::Result<Self> {
        let pid = Pid::from_child(&child);
        match pidfd_open(pid, PidfdFlags::empty()) {
            Ok(pidfd) => {
                let (listener, enforced, first, exit) = (None, None, None, None);
                Ok(Self { child, pidfd, control, group, tmp, listener, enforced, first, exit })
            }
            Err(error) => {
                let _ = child.kill();
                let _ = child.wait();
                Err(error.into())
            }
        }
    }

    pub(crate) fn control(&self) -> &UnixStream {
        &self.control
    }

    pub(crate) fn set_enforced(&mut self, enforced: Enforced) {
        self.enforced = Some(enforced);
    }

    pub(crate) fn set_first(&mut self, pid: i32) {
        self.first = Pid::from_raw(pid);
    }

    pub(crate) fn set_listener(&mut self, listener: Listener) {
        self.listener = Some(listener);
    }

    /// Takes what hears of the program's opens, where the profile has mediated trees. Until it is served, the
    /// program waits at its first open; once it is dropped, every open fails.
    pub fn take_listener(&mut self) -> Option<Listener> {
        self.listener.take()
    }

    /// The directory that is its `/tmp` outside a mount namespace.
    pub fn private_tmp(&self) -> Option<&Path> {
        self.tmp.as_ref().map(PrivateTmp::path)
    }

    /// The pid of the init above the program.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What was really in force when the program was executed.
    pub fn enforced(&self) -> &Enforced {
        self.enforced.as_ref().expect("set before spawn returns")
    }

    /// Sends a signal (its number, say 15) to the program. A program that has ended gets none.
    pub fn terminate(&self, signal: i32) {
        if let Ok(byte) = u8::try_from(signal) {
            let _ = (&self.control).write_all(&[byte]);
        }
    }

    /// Kills every process of the sandbox, and returns when none is left.
    pub fn kill(&mut self) -> Exit {
        if let Some(exit) = self.exit {
            return exit;
        }
        let _ = self.control.shutdown(std::net::Shutdown::Write);
        if !matches!(readable(self.pidfd.as_fd(), Some(KILL_TIMEOUT)), Ok(true)) {
            let _ = pidfd_send_signal(&self.pidfd, Signal::KILL);
        }
        self.finish()
    }

    /// How it ended, if it has.
    ///
    /// # Errors
    /// Only if the kernel can't say.
    pub fn try_wait(&mut self) -> io::Result<Option<Exit>> {
        if self.exit.is_none() && !readable(self.pidfd.as_fd(), Some(Duration::ZERO))? {
            return Ok(None);
        }
        Ok(Some(self.finish()))
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// Only if the kernel can't say.
    pub fn wait(&mut self) -> io::Result<Exit> {
        readable(self.pidfd.as_fd(), None)?;
        Ok(self.finish())
    }

    /// Collects the init and whatever it left. It leaves something only if it was killed itself.
    fn finish(&mut self) -> Exit {
        if let Some(exit) = self.exit {
            return exit;
        }
        let _ = self.child.wait();
        let exit = self.last_words().unwrap_or_else(|| {
            orphans::kill_inherited(self.first);
            Exit { code: None, signal: Some(libc::SIGKILL) }
        });
        self.group.remove();
        self.tmp = None;
        *self.exit.insert(exit)
    }

    /// What the init wrote before it ended.
    fn last_words(&mut self) -> Option<Exit> {
        let mut text = Vec::new();
        self.control.set_nonblocking(true).ok()?;
        // A survivor can't hold the other end, but if one did we wouldn't wait for it.
        let _ = (&self.control).take(4096).read_to_end(&mut text);
        let ended = wire::lines::<Ended>(&text).ok()?.pop()?;
        Some(Exit { code: ended.code, signal: ended.signal })
    }
}

/// A pidfd of the init: readable when every process of the sandbox is gone.
impl AsFd for Sandboxed {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }
}

impl Drop for Sandboxed {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Waits until a descriptor is readable or at its end. False if the time is up.
pub(crate) fn readable(fd: BorrowedFd<'_>, timeout: Option<Duration>) -> io::Result<bool> {
    let limit = timeout.map(|t| Timespec { tv_sec: t.as_secs() as i64, tv_nsec: t.subsec_nanos().into() });
    loop {
        match poll(&mut [PollFd::new(&fd, PollFlags::IN)], limit.as_ref()) {
            Ok(count) => return Ok(count > 0),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}
