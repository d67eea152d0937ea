//! One thread of this process that tells sleepers at once that their peer is gone.
//!
//! A thread that sleeps on a port can't wait for the peer's hang-up as well. Without this it looks
//! for that every 50 ms; with it, it is woken, and an idle one is not woken for nothing.

use ioi_shm::PeerLife;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::io::Errno;
use rustix::time::Timespec;
use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::thread;

/// A sleeper that was missed, because it was about to sleep, is woken after so long: 0.2 ms.
const AGAIN: Timespec = Timespec { tv_sec: 0, tv_nsec: 200_000 };
/// Hang-ups that are taken off at once.
const EVENTS_MAX: usize = 64;

/// As long as this lives, whoever sleeps on the port hears at once that its peer is gone.
#[derive(Debug)]
pub struct PeerWatch {
    lookout: &'static Lookout,
    number: u64,
    life: Arc<PeerLife>,
}

#[derive(Debug)]
struct Lookout {
    epoll: OwnedFd,
    watched: Mutex<Watched>,
}

#[derive(Debug, Default)]
struct Watched {
    last: u64,
    lives: HashMap<u64, Weak<PeerLife>>,
}

impl Watched {
    /// One that is still watched. Used under the lock alone, so that who has dropped their watch knows
    /// that nothing of the port is held here.
    fn live(&self, number: u64) -> Option<Arc<PeerLife>> {
        self.lives.get(&number)?.upgrade()
    }
}

impl PeerWatch {
    /// Has the peer watched; `None` where threads or descriptors have run out, and sleepers look for
    /// themselves.
    #[must_use]
    pub fn of(life: &Arc<PeerLife>) -> Option<PeerWatch> {
        static LOOKOUT: OnceLock<Option<&Lookout>> = OnceLock::new();
        let lookout = (*LOOKOUT.get_or_init(Lookout::start))?;
        let number = lookout.add(life)?;
        life.watch(true);
        Some(PeerWatch { lookout, number, life: Arc::clone(life) })
    }
}

impl Drop for PeerWatch {
    fn drop(&mut self) {
        self.life.watch(false);
        self.lookout.watched().lives.remove(&self.number);
        // One that has hung up was taken off before.
        epoll::delete(&self.lookout.epoll, &*self.life).ok();
    }
}

impl Lookout {
    /// Starts the thread, which ends with the process.
    fn start() -> Option<&'static Lookout> {
        let epoll = epoll::create(CreateFlags::CLOEXEC).ok()?;
        let lookout: &Lookout = Box::leak(Box::new(Lookout { epoll, watched: Mutex::default() }));
        thread::Builder::new().name("ioi-lookout".into()).spawn(|| lookout.run()).ok()?;
        Some(lookout)
    }

    fn watched(&self) -> MutexGuard<'_, Watched> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, life: &Arc<PeerLife>) -> Option<u64> {
        let mut watched = self.watched();
        watched.last += 1;
        let number = watched.last;
        // The hang-up is told without being asked for; rings are none of its business.
        epoll::add(&self.epoll, &**life, EventData::new_u64(number), EventFlags::empty()).ok()?;
        watched.lives.insert(number, Arc::downgrade(life));
        Some(number)
    }

    fn run(&self) {
        let mut events = Vec::<Event>::with_capacity(EVENTS_MAX);
        // Those of whose sleepers one may have been about to sleep.
        let mut untold: Vec<u64> = Vec::new();
        loop {
            let timeout = (!untold.is_empty()).then_some(&AGAIN);
            match epoll::wait(&self.epoll, rustix::buffer::spare_capacity(&mut events), timeout) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(_) => return self.give_up(),
            }
            let watched = self.watched();
            for event in events.drain(..) {
                let number = event.data.u64();
                if let Some(life) = watched.live(number) {
                    epoll::delete(&self.epoll, &*life).ok();
                    untold.push(number);
                }
            }
            untold.retain(|number| watched.live(*number).is_some_and(|life| !life.tell()));
        }
    }

    /// Sleepers look for themselves again.
    fn give_up(&self) {
        let watched = self.watched();
        watched.lives.values().filter_map(Weak::upgrade).for_each(|life| life.watch(false));
    }
}
