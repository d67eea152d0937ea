//! One sandboxed process: started, watched, its last words kept.

use crate::binaries::measure;
use ioi_ipc::proto::supervisor as wire;
use ioi_sandbox::{Enforced, Kernel, Layer, Listener, Profile, Sandboxed, SpawnError, Stream, Streams};
use ioi_types::Digest;
use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;
use tokio::sync::watch;

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

impl Exit {
    /// Where nobody could tell how it ended, it was killed.
    pub(crate) const KILLED: Self = Self { code: 137, signal: 9 };
}

impl From<ioi_sandbox::Exit> for Exit {
    fn from(exit: ioi_sandbox::Exit) -> Self {
        Self { code: exit.shell_code(), signal: exit.signal.unwrap_or(0) }
    }
}

type Output = Arc<Mutex<VecDeque<u8>>>;

pub(crate) struct Child {
    pub(crate) process: wire::Process,
    sandboxed: Mutex<Sandboxed>,
    output: Output,
    exit: watch::Receiver<Option<Exit>>,
}

/// What a child is started from.
pub(crate) struct Start<'a> {
    pub(crate) kernel: &'a Kernel,
    pub(crate) init: &'a Path,
    pub(crate) profile: &'a Profile,
    /// What the decision to start it was about, where there was one.
    pub(crate) decided: Option<Digest>,
    pub(crate) descriptors: Vec<(OwnedFd, i32)>,
    /// True for the program of `ioi run`, which keeps the user's terminal.
    pub(crate) inherit_stdio: bool,
    pub(crate) notes: Vec<String>,
    /// For tests only: layers that are switched off. See `ioi_sandbox::spawn_weakened`.
    pub(crate) without: &'a [Layer],
}

fn prepare(step: &'static str) -> impl Fn(io::Error) -> SpawnError {
    move |source| SpawnError::Prepare { step, source }
}

impl Child {
    /// Starts a process; it runs only once everything planned is enforced.
    pub(crate) fn start(start: Start<'_>) -> Result<Arc<Self>, SpawnError> {
        let Start { kernel, init, profile, decided, descriptors, inherit_stdio, notes, without } = start;
        let (digest, measured) =
            measure(&profile.executable).map_err(prepare("reading the program's file"))?;
        if decided.is_some_and(|decided| decided != digest) {
            let changed = io::Error::other("the file changed after its start was decided");
            return Err(prepare("reading the program's file")(changed));
        }
        let profile = &Profile { measured: Some(measured), ..profile.clone() };
        let output = Output::default();
        let streams = if inherit_stdio { Streams::inherit() } else { captured(&output)? };
        let sandboxed = match without {
            [] => ioi_sandbox::spawn(kernel, profile, init, descriptors, streams)?,
            layers => ioi_sandbox::spawn_weakened(kernel, profile, init, descriptors, streams, layers)?,
        };
        let process = describe(profile, digest, sandboxed.enforced(), notes);
        let end = sandboxed
            .as_fd()
            .try_clone_to_owned()
            .and_then(ioi_port::watch)
            .map_err(prepare("watching its end"))?;
        let (exited, exit) = watch::channel(None);
        let child = Arc::new(Self { process, sandboxed: Mutex::new(sandboxed), output, exit });
        let watched = Arc::downgrade(&child);
        tokio::spawn(async move {
            let _ = end.readable().await;
            if let Some(child) = watched.upgrade() {
                let _ = exited.send(Some(child.reap()));
            }
        });
        Ok(child)
    }

    fn sandboxed(&self) -> MutexGuard<'_, Sandboxed> {
        self.sandboxed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The init has ended, so this waits for nothing but its control groups, whose last processes are on their way out.
    fn reap(&self) -> Exit {
        let ended = self.sandboxed().wait();
        ended.map_or(Exit::KILLED, Exit::from)
    }

    /// Answers when the process has ended.
    pub(crate) async fn exited(&self) -> Exit {
        let mut exit = self.exit.clone();
        exit.wait_for(Option::is_some).await.map_or(Exit::KILLED, |exit| exit.unwrap_or(Exit::KILLED))
    }

    /// Its end, for whoever is told of it without keeping the process.
    pub(crate) fn end(&self) -> watch::Receiver<Option<Exit>> {
        self.exit.clone()
    }

    /// Ends the process and everything that it started; none is left on return.
    pub(crate) fn kill(&self) {
        self.sandboxed().kill();
    }

    /// What hears of its opens, where files are mediated.
    pub(crate) fn take_listener(&self) -> Option<Listener> {
        self.sandboxed().take_listener()
    }

    /// Its private `/tmp`, where that is a folder of ours.
    pub(crate) fn private_tmp(&self) -> Option<PathBuf> {
        self.sandboxed().private_tmp().map(Path::to_owned)
    }

    /// Passes a signal on to the process.
    pub(crate) fn signal(&self, number: i32) {
        self.sandboxed().terminate(number);
    }

    /// The end of what it wrote to its standard output and error.
    pub(crate) fn last_words(&self) -> String {
        let output = self.output.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&output.iter().copied().collect::<Vec<_>>()).trim().to_owned()
    }
}

/// Standard output and error go into a bounded buffer; they are never the protocol.
fn captured(output: &Output) -> Result<Streams, SpawnError> {
    let (reader, writer) = io::pipe().map_err(prepare("making a pipe for its output"))?;
    let again = writer.try_clone().map_err(prepare("making a pipe for its output"))?;
    let mut reader = pipe::Receiver::from_owned_fd(reader.into()).map_err(prepare("reading its output"))?;
    let kept = Arc::clone(output);
    tokio::spawn(async move {
        let mut buffer = [0; 4096];
        while let Ok(length @ 1..) = reader.read(&mut buffer).await {
            let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
            kept.extend(&buffer[..length]);
            let over = kept.len().saturating_sub(OUTPUT_KEPT_BYTES);
            kept.drain(..over);
        }
    });
    Ok(Streams {
        stdin: Stream::Null,
        stdout: Stream::Descriptor(writer.into()),
        stderr: Stream::Descriptor(again.into()),
    })
}

/// What a receipt says about a process: what was enforced, not what was planned.
fn describe(profile: &Profile, digest: Digest, enforced: &Enforced, mut notes: Vec<String>) -> wire::Process {
    let property = |given: &ioi_sandbox::Given| wire::Property {
        name: given.property.name().into(),
        layers: given.layers.iter().map(|layer| layer.name().to_owned()).collect(),
    };
    for property in &enforced.advisory {
        notes.push(format!("{property} is advisory: a resource limit slows misuse, no more"));
    }
    for layer in &enforced.weakened {
        notes.push(format!("a test switched the layer {layer} off"));
    }
    if !enforced.exec_seen {
        notes.push("the file was compared with its digest just before it was executed, not as it was".into());
    }
    notes.push(format!("uid {}", enforced.uid));
    wire::Process {
        name: profile.name.clone(),
        executable_digest: digest.to_string(),
        properties: enforced.given.iter().map(property).collect(),
        notes,
        memory_bytes_max: profile.limits.memory_bytes.unwrap_or(0),
        pids_max: profile.limits.pids.unwrap_or(0),
    }
}
