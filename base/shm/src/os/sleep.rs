//! Sleeping and waking: the futex of a published index, and the bell of a peer that waits in a reactor.
//!
//! # Why the bell is a socket
//! An eventfd is one open file for both sides, and so is its `O_NONBLOCK` flag: a
//! hostile peer can clear it, fill or drain the counter, and whoever writes or reads
//! next sleeps in the kernel. The ends of a socket pair have flags of their own, and
//! `MSG_DONTWAIT` holds for one call whatever the flags say. A full queue means that
//! the bell was rung already; the other end is closed when its process dies.

use super::{DescriptorChannel, SystemError};
use crate::Word;
use crate::sync::AtomicU32;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, recv, send};
use rustix::thread::futex;
use rustix::time::Timespec;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

/// Sleeps while `word` is `seen`, at most `timeout`; false when the time was up.
///
/// May wake for nothing: the caller looks again. The word may be mapped read-only.
///
/// # Errors
/// [`SystemError`] when the kernel refuses, as it does for memory that is gone.
pub fn wait(word: Word<'_>, seen: u32, timeout: Duration) -> Result<bool, SystemError> {
    let timeout = Timespec {
        tv_sec: i64::try_from(timeout.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: i64::from(timeout.subsec_nanos()),
    };
    match futex::wait(word.atomic(), futex::Flags::empty(), seen, Some(&timeout)) {
        Ok(()) | Err(Errno::AGAIN | Errno::INTR) => Ok(true),
        Err(Errno::TIMEDOUT) => Ok(false),
        Err(errno) => Err(SystemError { call: "futex(FUTEX_WAIT)", errno }),
    }
}

/// Wakes whoever sleeps on `word`, here or in another process.
pub fn wake(word: &AtomicU32) {
    // Fails for no address of ours; and were it to, the sleeper has a deadline.
    futex::wake(word, futex::Flags::empty(), i32::MAX as u32).ok();
}

/// Two sockets: one that the peer rings, one that rings the peer.
#[derive(Debug)]
pub struct Bell {
    ours: OwnedFd,
    theirs: OwnedFd,
}

impl Bell {
    /// `ours` is one end of a pair whose other end the peer has; `theirs` came from the peer.
    pub(crate) fn new(ours: DescriptorChannel, theirs: DescriptorChannel) -> Bell {
        Bell { ours: ours.into(), theirs: theirs.into() }
    }

    /// Rings the peer. Never waits: when its queue is full it was rung before.
    pub fn ring(&self) {
        send(&self.theirs, &[1], SendFlags::DONTWAIT | SendFlags::NOSIGNAL).ok();
    }

    /// Takes one ring off, so that the next one is noticed. Never waits.
    pub fn silence(&self) {
        recv(&self.ours, &mut [0u8; 64], RecvFlags::DONTWAIT).ok();
    }

    /// Whether the peer has closed its end, as it does when it dies.
    #[must_use]
    pub fn is_peer_gone(&self) -> bool {
        let mut ends = [PollFd::new(&self.ours, PollFlags::empty())];
        let polled = poll(&mut ends, Some(&Timespec { tv_sec: 0, tv_nsec: 0 }));
        polled.is_ok() && ends[0].revents().intersects(PollFlags::HUP | PollFlags::ERR)
    }
}

/// Readable when the peer has rung.
impl AsFd for Bell {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.ours.as_fd()
    }
}
