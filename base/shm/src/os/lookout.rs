//! One thread of this process that tells sleepers at once that their peer is gone.
//!
//! A thread that sleeps on a port can't wait for the peer's hang-up as well. Without this it looks
//! for that every 50 ms; with it, it is woken, and an idle one is not woken for nothing.

use super::PeerLife;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::io::Errno;
use rustix::time::Timespec;
use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::Duration;

/// A sleeper that was missed, because it was about to sleep, is woken after so long, and after
/// twice as long each time that it was missed again: 0.1 to 50 ms.
const AGAIN: Duration = Duration::from_micros(100);
const AGAIN_MAX: Duration = Duration::from_millis(50);
/// Hang-ups that are taken off at once.
const EVENTS_MAX: usize = 64;

/// As long as this lives, whoever sleeps on the port hears at once that its peer is gone.
#[derive(Debug)]
pub struct PeerWatch {
    lookout: Arc<Lookout>,
    number: u64,
    life: Arc<PeerLife>,
}

#[derive(Debug)]
struct Lookout {
    epoll: OwnedFd,
    /// A child that was forked shares the descriptor and has no thread.
    process: u32,
    watched: Mutex<Watched>,
}

#[derive(Debug, Default)]
struct Watched {
    last: u64,
    lives: HashMap<u64, Weak<PeerLife>>,
    /// The thread has ended.
    is_over: bool,
}

impl Watched {
    /// One that is still watched. Used under the lock alone, so that who has dropped their watch knows
    /// that nothing of the port is held here.
    fn live(&self, number: u64) -> Option<Arc<PeerLife>> {
        self.lives.get(&number)?.upgrade()
    }
}

impl PeerWatch {
    /// Has the peer watched.
    ///
    /// `None` where sleepers have to look for themselves: threads or descriptors have run out, this
    /// process was forked off the one that watches, or the port is watched already.
    #[must_use]
    pub fn of(life: &Arc<PeerLife>) -> Option<PeerWatch> {
        static LOOKOUT: Mutex<Option<Arc<Lookout>>> = Mutex::new(None);
        let lookout = {
            let mut lookout = LOOKOUT.lock().unwrap_or_else(PoisonError::into_inner);
            if lookout.is_none() {
                *lookout = Lookout::start();
            }
            lookout.clone()?
        };
        let number = lookout.add(life)?;
        Some(PeerWatch { lookout, number, life: Arc::clone(life) })
    }
}

impl Drop for PeerWatch {
    fn drop(&mut self) {
        if !self.lookout.is_ours() {
            return;
        }
        self.life.watch(false);
        self.lookout.watched().lives.remove(&self.number);
        // One that has hung up was taken off before.
        epoll::delete(&self.lookout.epoll, &*self.life).ok();
    }
}

impl Lookout {
    /// Starts the thread, which ends with the process.
    fn start() -> Option<Arc<Lookout>> {
        let epoll = epoll::create(CreateFlags::CLOEXEC).ok()?;
        let lookout = Arc::new(Lookout { epoll, process: std::process::id(), watched: Mutex::default() });
        let on_watch = Arc::clone(&lookout);
        thread::Builder::new().name("ioi-lookout".into()).spawn(move || on_watch.run()).ok()?;
        Some(lookout)
    }

    fn is_ours(&self) -> bool {
        self.process == std::process::id()
    }

    fn watched(&self) -> MutexGuard<'_, Watched> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, life: &Arc<PeerLife>) -> Option<u64> {
        let mut watched = self.watched();
        if watched.is_over || !self.is_ours() {
            return None;
        }
        watched.last += 1;
        let number = watched.last;
        // A hang-up, and half of one, is told once; rings are none of its business.
        let flags = EventFlags::RDHUP | EventFlags::ONESHOT;
        epoll::add(&self.epoll, &**life, EventData::new_u64(number), flags).ok()?;
        watched.lives.insert(number, Arc::downgrade(life));
        life.watch(true);
        Some(number)
    }

    fn run(&self) {
        let mut events = Vec::<Event>::with_capacity(EVENTS_MAX);
        // Those of whose sleepers one may have been about to sleep.
        let mut untold: Vec<u64> = Vec::new();
        let mut again = AGAIN;
        loop {
            let timeout = (!untold.is_empty()).then(|| nanoseconds(again));
            match epoll::wait(&self.epoll, rustix::buffer::spare_capacity(&mut events), timeout.as_ref()) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(_) => return self.give_up(),
            }
            again = if events.is_empty() { AGAIN_MAX.min(again * 2) } else { AGAIN };
            untold.extend(events.drain(..).map(|event| event.data.u64()));
            let watched = self.watched();
            untold.retain(|number| watched.live(*number).is_some_and(|life| !life.tell()));
        }
    }

    /// Sleepers look for themselves again.
    fn give_up(&self) {
        let mut watched = self.watched();
        watched.is_over = true;
        watched.lives.values().filter_map(Weak::upgrade).for_each(|life| life.watch(false));
    }
}

fn nanoseconds(time: Duration) -> Timespec {
    Timespec { tv_sec: 0, tv_nsec: time.subsec_nanos().into() }
}
