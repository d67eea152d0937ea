//! One sandboxed process: started, watched, its last words kept.

use crate::binaries::executable_digest;
use crate::descriptors::Descriptors;
use ioi_ipc::proto::supervisor as wire;
use ioi_sandbox::{Enforced, Kernel, Profile, Sandboxed, SpawnError, Stdio3};
use ioi_types::Digest;
use std::collections::VecDeque;
use std::io::{self, PipeReader, Read};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::unix::AsyncFd;

/// How much of a child's output is kept, from its end.
const OUTPUT_KEPT_BYTES: usize = 8 * 1024;

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exit {
    /// Its exit code; 128 + signal where a signal ended it.
    pub code: i32,
    /// The signal, or 0.
    pub signal: i32,
}

pub(crate) struct Child {
    pub(crate) process: wire::Process,
    sandboxed: Mutex<Option<Sandboxed>>,
    output: Arc<Mutex<VecDeque<u8>>>,
    exit: tokio::sync::watch::Receiver<Option<Exit>>,
}

/// What a child is started from.
pub(crate) struct Start<'a> {
    pub(crate) kernel: &'a Kernel,
    pub(crate) init: &'a Path,
    pub(crate) profile: &'a Profile,
    pub(crate) descriptors: Vec<(OwnedFd, i32)>,
    /// True for the program of `ioi run`, which keeps the user's terminal.
    pub(crate) inherit_stdio: bool,
    pub(crate) notes: Vec<String>,
}

impl Child {
    /// Starts a process; it runs only once everything planned is enforced.
    pub(crate) fn start(start: Start<'_>) -> Result<Arc<Self>, SpawnError> {
        let digest = executable_digest(&start.profile.executable)?;
        let output = Arc::new(Mutex::new(VecDeque::new()));
        let stdio = if start.inherit_stdio { Stdio3::inherit() } else { captured(&output)? };
        let sandboxed = ioi_sandbox::spawn(start.kernel, start.profile, start.init, start.descriptors, stdio)?;
        let process = describe(start.profile, digest, sandboxed.enforced(), start.notes);
        let (exited, exit) = tokio::sync::watch::channel(None);
        let pollable = AsyncFd::new(sandboxed.pollable()?)?;
        let child = Arc::new(Self { process, sandboxed: Mutex::new(Some(sandboxed)), output, exit });
        let watched = Arc::downgrade(&child);
        tokio::spawn(async move {
            let _ = pollable.readable().await;
            let status = watched.upgrade().and_then(|child| child.reap());
            let _ = exited.send(Some(status.unwrap_or(Exit { code: 137, signal: 9 })));
        });
        Ok(child)
    }

    fn reap(&self) -> Option<Exit> {
        let mut sandboxed = self.sandboxed.lock().unwrap_or_else(PoisonError::into_inner);
        let exit = sandboxed.as_mut()?.wait().ok()?;
        Some(Exit { code: exit.code, signal: exit.signal })
    }

    /// Answers when the process has ended.
    pub(crate) async fn exited(&self) -> Exit {
        let mut exit = self.exit.clone();
        match exit.wait_for(Option::is_some).await {
            Ok(exit) => exit.unwrap_or(Exit { code: 137, signal: 9 }),
            Err(_) => Exit { code: 137, signal: 9 },
        }
    }

    /// Ends the process and everything that it started.
    pub(crate) fn kill(&self) {
        drop(self.sandboxed.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    /// The end of what it wrote to its standard output and error.
    pub(crate) fn last_words(&self) -> String {
        let output = self.output.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&output.iter().copied().collect::<Vec<_>>()).trim().to_owned()
    }
}
