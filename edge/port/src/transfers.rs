//! The receiving end of a descriptor channel, for tasks that wait for one descriptor each.
//!
//! Whoever wants a descriptor chooses its transfer id, names it in the request,
//! and waits here. A descriptor for somebody who has given up waiting is closed, and that
//! is all: the sender could not know. One under an id that was never chosen, or was used
//! before, is closed and the channel with it: the sender is at fault.

use ioi_shm::{DescriptorChannel, TRANSFER_LIFE};
use ioi_types::TransferId;
use std::collections::{HashMap, VecDeque};
use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::io::unix::AsyncFd;
use tokio::sync::oneshot;

/// Descriptors waited for at once, and ids remembered after somebody gave up.
const WAITING_MAX: usize = 1024;

type Id = [u8; 16];

/// The ids under which a descriptor may still come.
#[derive(Default)]
struct Ids {
    waiting: HashMap<Id, oneshot::Sender<OwnedFd>>,
    /// Nobody waits any more, the oldest first; beyond [`WAITING_MAX`] the oldest are forgotten.
    given_up: VecDeque<Id>,
}

impl Ids {
    fn give_up(&mut self, id: Id) {
        if self.waiting.remove(&id).is_none() {
            return;
        }
        if self.given_up.len() == WAITING_MAX {
            self.given_up.pop_front();
        }
        self.given_up.push_back(id);
    }

    /// Hands a descriptor to whoever waits for it; false for one that nobody asked for.
    fn arrived(&mut self, id: Id, descriptor: OwnedFd) -> bool {
        if let Some(waiting) = self.waiting.remove(&id) {
            // An error: whoever waited gives up in this moment; the descriptor is closed.
            drop(waiting.send(descriptor));
            return true;
        }
        let given_up = self.given_up.iter().position(|other| *other == id);
        given_up.and_then(|at| self.given_up.remove(at)).is_some()
    }
}

/// Shared with every waiter; `None` once the channel has ended.
type Shared = Arc<Mutex<Option<Ids>>>;

/// The descriptors that are on their way to this process.
#[derive(Clone)]
pub struct Transfers {
    ids: Shared,
}

/// One awaited descriptor.
pub struct Awaited {
    id: TransferId,
    arrives: oneshot::Receiver<OwnedFd>,
    ids: Shared,
}

fn lock(ids: &Mutex<Option<Ids>>) -> MutexGuard<'_, Option<Ids>> {
    ids.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Transfers {
    /// Receives on `end` for as long as the process lives.
    ///
    /// # Errors
    /// When `end` is not the end of a descriptor channel.
    pub fn start(end: OwnedFd) -> io::Result<Self> {
        let channel = crate::watch(DescriptorChannel::from_fd(end).map_err(io::Error::other)?)?;
        let ids = Arc::new(Mutex::new(Some(Ids::default())));
        tokio::spawn(receive(channel, Arc::clone(&ids)));
        Ok(Self { ids })
    }

    /// Chooses an id and begins to wait for its descriptor.
    ///
    /// # Errors
    /// Too many are awaited, the channel is closed, or there are no random bytes.
    pub fn expect(&self) -> io::Result<Awaited> {
        let mut id = [0; 16];
        getrandom::fill(&mut id).map_err(io::Error::other)?;
        let (sender, arrives) = oneshot::channel();
        let mut guard = lock(&self.ids);
        let ids = guard.as_mut().ok_or_else(|| io::Error::from(io::ErrorKind::NotConnected))?;
        if ids.waiting.len() >= WAITING_MAX {
            return Err(io::Error::other(format!("{WAITING_MAX} descriptors are awaited already")));
        }
        ids.waiting.insert(id, sender);
        Ok(Awaited { id: TransferId(id), arrives, ids: Arc::clone(&self.ids) })
    }
}

impl Awaited {
    /// The id to name in the request.
    #[must_use]
    pub fn id(&self) -> TransferId {
        self.id
    }

    /// The descriptor, once it is there. To be called when the request was answered.
    ///
    /// How long the answer may take is for the request's own deadline (a process that is
    /// to be started takes longer than a transfer); then a second is left for the descriptor.
    ///
    /// # Errors
    /// `TimedOut` when it does not come in time, `NotConnected` when the channel closed.
    pub async fn arrival(mut self) -> io::Result<OwnedFd> {
        match tokio::time::timeout(TRANSFER_LIFE, &mut self.arrives).await {
            Ok(Ok(descriptor)) => Ok(descriptor),
            Ok(Err(_)) => Err(io::ErrorKind::NotConnected.into()),
            Err(_) => {
                Err(io::Error::new(io::ErrorKind::TimedOut, "the descriptor did not come within a second"))
            }
        }
    }
}

impl Drop for Awaited {
    fn drop(&mut self) {
        if let Some(ids) = lock(&self.ids).as_mut() {
            ids.give_up(self.id.0);
        }
    }
}

async fn receive(channel: AsyncFd<DescriptorChannel>, ids: Shared) {
    while let Some((id, descriptor)) = next(&channel).await {
        if !lock(&ids).as_mut().is_some_and(|ids| ids.arrived(id, descriptor)) {
            break;
        }
    }
    *lock(&ids) = None;
}

async fn next(channel: &AsyncFd<DescriptorChannel>) -> Option<(Id, OwnedFd)> {
    loop {
        let mut ready = channel.readable().await.ok()?;
        match channel.get_ref().try_recv() {
            Ok(Some(packet)) => return Some(packet),
            Ok(None) => ready.clear_ready(),
            Err(_) => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_the_ids_that_were_given_up_only_so_many_are_remembered_the_youngest() {
        let mut ids = Ids::default();
        let id = |number: usize| (number as u128).to_le_bytes();
        for number in 0..=WAITING_MAX {
            ids.waiting.insert(id(number), oneshot::channel().0);
            ids.give_up(id(number));
        }
        assert_eq!((ids.waiting.len(), ids.given_up.len()), (0, WAITING_MAX));
        assert_eq!((ids.given_up[0], ids.given_up[WAITING_MAX - 1]), (id(1), id(WAITING_MAX)));
        ids.give_up(id(WAITING_MAX + 7));
        assert_eq!(ids.given_up.len(), WAITING_MAX, "one that never waited isn't given up");
    }
}
