//! A process's end of the cell that its host made: it beats, hears that it is to end, and leaves
//! records for its host.
//!
//! # What a beat shows
//! The task that beats runs on the runtime that serves the process's calls. Where that is
//! a runtime of one thread, whatever holds the thread up holds the beat up as well: a beat
//! shows that the thread has got through all that was ready before. It shows nothing of
//! threads beside it, whose work has deadlines of its own.
//!
//! The host believes none of it: a hostile process can beat as long as it likes and do
//! nothing else. What silence shows, it shows of any process.

use ioi_cell::native::{BoxReader, BoxWriter, Host, OwnHealth, Peer, Tier};
use ioi_cell::{HEALTH_STATE_SERVING, HEALTH_STATE_STARTING};
use ioi_shm::{Bell, DescriptorChannel, Quota, SendError};
use ioi_types::ErrorCode;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::unix::AsyncFd;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

/// How often a process beats.
pub const BEAT_EVERY: Duration = Duration::from_millis(500);
/// The size of the cell.
pub const HEART_TIER: Tier = Tier::Light;
/// Neither side lends the other anything of its arena.
pub const HEART_QUOTA: Quota = Quota { leases_max: 0, bytes_max: 0 };

/// The host has sent its part before the process began.
const JOIN_WITHIN: Duration = Duration::from_secs(5);
/// The instruction to end, in the inbox: an error's number, and why, in UTF-8.
const END: u32 = 1;
/// A report for the user, in the orchestrator's outbox: a `ReportRequest` of `supervisor.proto`.
pub const REPORT: u32 = 1;
/// Bytes of a report that goes that way; a longer one is a call.
pub const REPORT_BYTES_MAX: usize = 4096;
/// Bytes of the reason; more of it is cut off.
const REASON_BYTES_MAX: usize = 1024;
const CODE_BYTES: usize = 4;

/// Why a process is to bring its work to an end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// What its work ends with.
    pub code: ErrorCode,
    /// One plain sentence.
    pub reason: String,
}

/// Asks the process at the other end to bring its work to an end. Never waits.
///
/// # Errors
/// [`SendError`] when it has left so much unread that the reason finds no room; it is told to
/// end all the same.
pub fn ask_to_end(host: &mut Host, end: &End) -> Result<(), SendError> {
    let cut = end.reason.floor_char_boundary(REASON_BYTES_MAX);
    let record = [&end.code.number().to_le_bytes()[..], &end.reason.as_bytes()[..cut]].concat();
    let sent = host.inbox.send(END, &record);
    host.shut_down();
    host.bell.ring();
    sent
}

/// A process that beats for as long as the runtime lives that it was started in.
#[derive(Clone, Debug)]
pub struct Heart {
    state: watch::Sender<u32>,
    end: watch::Receiver<Option<End>>,
    to_host: Arc<ToHost>,
}

/// What every clone of a heart may use.
#[derive(Debug)]
struct ToHost {
    outbox: Mutex<BoxWriter>,
    bell: Bell,
}

impl Heart {
    /// Takes the cell that the host sent over `channel`, and begins to beat; gives the channel back.
    ///
    /// # Errors
    /// When there is no such cell: the process was not started by its host.
    pub fn start(channel: OwnedFd) -> io::Result<(Self, OwnedFd)> {
        let channel = DescriptorChannel::from_fd(channel).map_err(io::Error::other)?;
        let peer = Peer::join(&channel, HEART_TIER, HEART_QUOTA, JOIN_WITHIN).map_err(io::Error::other)?;
        let Peer { health, inbox, outbox, bell, .. } = peer;
        let rung = crate::watch(bell.as_fd().try_clone_to_owned()?)?;
        let to_host = Arc::new(ToHost { outbox: Mutex::new(outbox), bell });
        let state = watch::Sender::new(HEALTH_STATE_STARTING);
        let (ends, end) = watch::channel(None);
        let beating = Beating { health, inbox, to_host: Arc::clone(&to_host), ends };
        tokio::spawn(beating.run(rung, state.clone()));
        Ok((Self { state, end, to_host }, channel.into()))
    }

    /// Leaves a record in the outbox and rings the host. Never waits.
    ///
    /// # Errors
    /// [`SendError`] when the host has left too much unread, the record is longer than one can be, or the
    /// host's end broke the ring.
    pub fn leave(&self, msg_id: u32, record: &[u8]) -> Result<(), SendError> {
        self.to_host.outbox.lock().unwrap_or_else(PoisonError::into_inner).send(msg_id, record)?;
        self.to_host.bell.ring();
        Ok(())
    }

    /// From now on calls are served, and whoever is silent for seconds is at fault.
    pub fn serving(&self) {
        self.state.send_replace(HEALTH_STATE_SERVING);
    }

    /// Answers when the host wants the work to end.
    pub async fn end(&self) -> End {
        let mut end = self.end.clone();
        match end.wait_for(Option::is_some).await.ok().and_then(|end| end.clone()) {
            Some(end) => end,
            // Where the host is gone nobody wants anything any more.
            None => std::future::pending().await,
        }
    }
}

/// What the task that beats has for itself.
struct Beating {
    health: OwnHealth,
    inbox: BoxReader,
    to_host: Arc<ToHost>,
    ends: watch::Sender<Option<End>>,
}

impl Beating {
    async fn run(mut self, rung: AsyncFd<OwnedFd>, state: watch::Sender<u32>) {
        let mut ticks = interval(BEAT_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // It has a sender of its own, so that changes end only with this task.
        let mut states = state.subscribe();
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                _ = states.changed() => {}
                heard = rung.readable() => {
                    if let Ok(mut heard) = heard && self.to_host.bell.silence() {
                        heard.clear_ready();
                    }
                    if self.to_host.bell.is_peer_gone() {
                        return;
                    }
                    self.listen();
                }
            }
            let state = *states.borrow_and_update();
            self.health.beat(state, monotonic_ns());
        }
    }

    /// Takes the instructions that are there. Other ones than those known here are for later versions.
    fn listen(&mut self) {
        let mut into = [0; CODE_BYTES + REASON_BYTES_MAX];
        while let Ok(Some(record)) = self.inbox.try_recv(&mut into) {
            if record.msg_id == END
                && let Some((code, reason)) = record.payload.split_first_chunk::<CODE_BYTES>()
            {
                let code = ErrorCode::from_number(u32::from_le_bytes(*code)).unwrap_or(ErrorCode::Internal);
                self.ends
                    .send_replace(Some(End { code, reason: String::from_utf8_lossy(reason).into_owned() }));
            }
        }
    }
}

fn monotonic_ns() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    let seconds = u64::try_from(now.tv_sec).unwrap_or(0);
    seconds.saturating_mul(1_000_000_000).saturating_add(u64::try_from(now.tv_nsec).unwrap_or(0))
}
