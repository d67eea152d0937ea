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

/// More rings than a queue holds are not taken off at once.
const RINGS_MAX: usize = 64;

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
    #[must_use]
    pub fn new(ours: DescriptorChannel, theirs: DescriptorChannel) -> Bell {
        Bell { ours: ours.into(), theirs: theirs.into() }
    }

    /// Rings the peer. Never waits: when its queue is full it was rung before.
    pub fn ring(&self) {
        send(&self.theirs, &[1], SendFlags::DONTWAIT | SendFlags::NOSIGNAL).ok();
    }

    /// Takes the rings off, so that the next one is noticed; true when none is left.
    ///
    /// Never waits, and gives up on a peer that rings faster than it listens. An
    /// edge-triggered reactor has to look again then: a queue that stays full would
    /// swallow the next ring.
    pub fn silence(&self) -> bool {
        let take = |_| recv(&self.ours, &mut [0u8; 64], RecvFlags::DONTWAIT);
        !(0..RINGS_MAX).map(take).all(|taken| taken.is_ok_and(|(bytes, _)| bytes > 0))
    }

    /// Whether the peer has closed its end, as it does when it dies.
    ///
    /// One that has only shut it down for writing is gone as well: it can ring no more, and what it has left
    /// is readable for ever, so that whoever waits for a ring would never sleep again.
    #[must_use]
    pub fn is_peer_gone(&self) -> bool {
        let mut ends = [PollFd::new(&self.ours, PollFlags::RDHUP)];
        let polled = poll(&mut ends, Some(&Timespec { tv_sec: 0, tv_nsec: 0 }));
        let gone = PollFlags::HUP | PollFlags::ERR | PollFlags::RDHUP;
        polled.is_ok() && ends[0].revents().intersects(gone)
    }
}

/// Readable when the peer has rung.
impl AsFd for Bell {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.ours.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bell_rung_by_a_flooder_is_silent_after_a_bounded_number_of_tries() {
        let (ours, peer) = DescriptorChannel::pair().unwrap();
        let (theirs, _kept) = DescriptorChannel::pair().unwrap();
        let bell = Bell::new(ours, theirs);
        let mut rings = 0;
        while send(&peer, &[1], SendFlags::DONTWAIT).is_ok() {
            rings += 1;
        }
        assert!(rings > 1, "the queue holds more than one ring");
        let silences = (1..100).find(|_| bell.silence()).unwrap();
        assert_eq!(silences, rings / RINGS_MAX + 1, "all {rings} rings are taken off, {RINGS_MAX} at a time");
        send(&peer, &[1], SendFlags::DONTWAIT).expect("the next ring is heard");
    }

    #[test]
    fn a_peer_that_shuts_its_end_down_either_way_or_closes_it_is_gone_and_one_that_only_listens_no_more_is_not()
     {
        use rustix::net::{Shutdown, shutdown};
        for (how, is_gone) in [
            (None, false),
            (Some(Shutdown::Read), false),
            (Some(Shutdown::Write), true),
            (Some(Shutdown::Both), true),
        ] {
            let (ours, peer) = DescriptorChannel::pair().unwrap();
            let (theirs, _kept) = DescriptorChannel::pair().unwrap();
            let bell = Bell::new(ours, theirs);
            send(&peer, &[1], SendFlags::DONTWAIT).unwrap();
            if let Some(how) = how {
                shutdown(&peer, how).unwrap();
            }
            assert_eq!(bell.is_peer_gone(), is_gone, "{how:?}");
            drop(peer);
            assert!(bell.is_peer_gone());
        }
    }
}
