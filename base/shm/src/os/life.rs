//! Whether the peer of a port lives, and how those who sleep for it are told that it doesn't.
//!
//! A peer wakes a sleeper by a futex, and a dead one wakes nobody: what its death changes is
//! its end of the bell, which a futex can't wait for. So a sleeper looks at the bell now and
//! then, and a thread that has nothing else to do may watch the bells of many ports
//! ([`PeerLife::watch`]) and tell their sleepers at once ([`PeerLife::tell`]).

use super::SystemError;
use super::shared::PeerSection;
use super::sleep::{Bell, wait, wake};
use crate::PeerPage;
use crate::page::INDEX;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// A sleeper whose port nobody watches looks so often whether its peer lives: 50 ms.
const GLANCE: Duration = Duration::from_millis(50);
/// One whose port is watched relies on that, but for a watcher that was stopped: 1 s.
const GLANCE_WATCHED: Duration = Duration::from_secs(1);

/// What the ends of a port know of their peer's life.
#[derive(Debug)]
pub struct PeerLife {
    bell: Bell,
    /// The peer's pages, on whose indices the two ends sleep.
    pages: [PeerSection; 2],
    is_gone: AtomicBool,
    is_watched: AtomicBool,
    sleepers: AtomicUsize,
}

impl PeerLife {
    pub(super) fn new(bell: Bell, pages: [PeerSection; 2]) -> PeerLife {
        let (is_gone, is_watched, sleepers) = Default::default();
        PeerLife { bell, pages, is_gone, is_watched, sleepers }
    }

    /// What the peer rings and is rung by.
    #[must_use]
    pub fn bell(&self) -> &Bell {
        &self.bell
    }

    /// Whether the peer has closed its end, as it does when it dies.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        // Acquires what the teller saw: whoever looks at a ring afterwards finds the last of it.
        self.is_gone.load(Ordering::Acquire) || self.bell.is_peer_gone()
    }

    /// From now on somebody waits for the hang-up of this descriptor and calls [`PeerLife::tell`]
    /// then; or nobody does any more.
    pub fn watch(&self, is_watched: bool) {
        self.is_watched.store(is_watched, Ordering::Relaxed);
    }

    /// Whether somebody does.
    #[must_use]
    pub fn is_watched(&self) -> bool {
        self.is_watched.load(Ordering::Relaxed)
    }

    /// Wakes everybody that sleeps for a peer that is gone, and lets nobody sleep for it again.
    ///
    /// False when somebody was about to sleep, so that this has to be called once more, soon. True
    /// for a peer that lives.
    #[must_use = "a sleeper that was missed sleeps for up to a second"]
    pub fn tell(&self) -> bool {
        if !self.is_gone() {
            return true;
        }
        // Either a sleeper is counted here, or it finds the mark after it was counted.
        self.is_gone.store(true, Ordering::SeqCst);
        if self.sleepers.load(Ordering::SeqCst) == 0 {
            return true;
        }
        self.pages.iter().for_each(|page| wake(page.control(INDEX).atomic()));
        false
    }

    /// Sleeps until the index of the peer's page is no longer `seen`.
    pub(super) fn sleep(&self, page: &impl PeerPage, seen: u32, deadline: Instant) -> Result<(), SleepError> {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(SleepError::TimedOut);
        }
        let glance = if self.is_watched() { GLANCE_WATCHED } else { GLANCE };
        let was_woken = {
            let _counted = Counted::new(&self.sleepers);
            if self.is_gone.load(Ordering::SeqCst) {
                return Err(SleepError::Closed);
            }
            wait(page.control(INDEX), seen, left.min(glance))?
        };
        let is_gone = if was_woken { self.is_gone.load(Ordering::Acquire) } else { self.is_gone() };
        if is_gone { Err(SleepError::Closed) } else { Ok(()) }
    }
}

/// Readable, or hung up: for whoever watches.
impl AsFd for PeerLife {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.bell.as_fd()
    }
}

/// One more sleeper, until this is dropped.
struct Counted<'a>(&'a AtomicUsize);

impl<'a> Counted<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Counted(count)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

pub(super) enum SleepError {
    TimedOut,
    Closed,
    System(SystemError),
}

impl From<SystemError> for SleepError {
    fn from(error: SystemError) -> Self {
        Self::System(error)
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::super::{DescriptorChannel, Port};
    use super::*;

    type Small = Port<4, 48>;

    fn pair() -> (Small, Small) {
        let (one, other) = DescriptorChannel::pair().unwrap();
        let second = Duration::from_secs(10);
        let peer = std::thread::spawn(move || Small::connect(&other, 1, second).unwrap());
        (Small::connect(&one, 2, second).unwrap(), peer.join().unwrap())
    }

    #[test]
    fn a_death_is_told_until_nobody_sleeps_and_nobody_falls_asleep_after_it() {
        let (ours, theirs) = pair();
        let life = ours.receiver.life();
        life.watch(true);
        let sleeper = Counted::new(&life.sleepers);
        assert!(life.tell(), "the peer lives: there is nothing to tell");
        assert!(!life.is_gone());
        drop(theirs);
        for _ in 0..3 {
            assert!(!life.tell(), "somebody may have been about to sleep");
        }
        drop(sleeper);
        assert!(life.tell());
        // The index is what was seen, and no wake will come.
        let year = Instant::now() + Duration::from_secs(365 * 24 * 60 * 60);
        let slept = life.sleep(&life.pages[0], 0, year);
        assert!(matches!(slept, Err(SleepError::Closed)));
        assert_eq!(life.sleepers.load(Ordering::SeqCst), 0, "who comes too late is not counted");
    }
}
