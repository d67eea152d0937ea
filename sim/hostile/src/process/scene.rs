//! The victim's side of a row: its peer, its patience, and what it has when it is over.

use super::{Row, Small};
use ioi_shm::{ConnectError, DescriptorChannel};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Nobody waits longer than this beyond a deadline of his own.
pub const GRACE: Duration = Duration::from_millis(100);

/// Long enough that only a peer that never acts meets it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A victim and the process that is hostile to it.
#[derive(Debug)]
pub struct Scene {
    /// The victim's end.
    pub channel: DescriptorChannel,
    peer: Child,
}

impl Scene {
    /// Starts the peer of a row; `program` is this crate's.
    ///
    /// # Panics
    /// When no process or socket can be had.
    #[must_use]
    pub fn start(row: &Row, program: &str) -> Scene {
        let (channel, theirs) = DescriptorChannel::pair().expect("a socket pair");
        let mut command = Command::new(program);
        command.args(["peer", row.name]).stdin(Stdio::from(OwnedFd::from(theirs)));
        Scene { channel, peer: command.spawn().expect("the hostile process starts") }
    }

    /// The peer is killed, as a parent may, and waited for.
    pub fn kill(&mut self) {
        self.peer.kill().ok();
        self.peer.wait().ok();
    }

    pub(crate) fn peer_pid(&self) -> u32 {
        self.peer.id()
    }

    pub(crate) fn connect(&self) -> Result<Small, ConnectError> {
        Small::connect(&self.channel, 1, PATIENCE)
    }

    pub(crate) fn connected(&self) -> Small {
        self.connect().expect("the hand-over is honest here")
    }

    /// The hand-over must end with an error that `is_it` knows.
    pub(crate) fn refused(&mut self, is_it: fn(&ConnectError) -> bool) {
        match self.connect() {
            Err(error) if is_it(&error) => {}
            other => panic!("met {:?}", other.map(|_| "a port").map_err(|error| error.to_string())),
        }
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Time that this thread was blocked in `act`, without the time it waited for a processor.
pub(crate) fn blocked<T>(act: impl FnOnce() -> T) -> (T, Duration) {
    let (began, queued) = (Instant::now(), queued());
    let outcome = act();
    (outcome, began.elapsed().saturating_sub(self::queued().saturating_sub(queued)))
}

/// `act` waits for its deadline of `limit`, and not for longer.
pub(crate) fn within<T>(limit: Duration, act: impl FnOnce() -> T) -> T {
    let (outcome, time) = blocked(act);
    assert!(time <= limit + GRACE, "blocked for {time:?} with a deadline of {limit:?}");
    outcome
}

/// How long this thread could run and was not let, so far.
fn queued() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = text.split_whitespace().nth(1).and_then(|field| field.parse().ok());
    Duration::from_nanos(nanos.unwrap_or_default())
}

/// What a process has open and mapped, so that nothing is left behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    /// Its descriptors.
    pub descriptors: usize,
    /// Mappings of memory files.
    pub memory_files: usize,
    /// Shared memory that it maps, in KiB.
    pub shared_kib: u64,
}

impl Left {
    /// This process's, now.
    ///
    /// # Panics
    /// Without `/proc`.
    #[must_use]
    pub fn now() -> Left {
        let descriptors = std::fs::read_dir("/proc/self/fd").expect("/proc").count();
        let maps = std::fs::read_to_string("/proc/self/maps").expect("/proc");
        let status = std::fs::read_to_string("/proc/self/status").expect("/proc");
        let shared = status.lines().find_map(|line| line.strip_prefix("RssShmem:"));
        let shared_kib = shared.and_then(|rest| rest.split_whitespace().next()?.parse().ok());
        Left {
            descriptors,
            memory_files: maps.lines().filter(|line| line.contains("/memfd:")).count(),
            shared_kib: shared_kib.expect("RssShmem"),
        }
    }
}
