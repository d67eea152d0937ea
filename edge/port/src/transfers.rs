//! The receiving end of a descriptor channel, for tasks that wait for one descriptor each.
//!
//! Whoever wants a descriptor chooses its transfer id, names it in the request,
//! and waits here. A descriptor under an id that nobody waits for is closed at
//! once and the channel with it: the sender is at fault.

use ioi_shm::DescriptorChannel;
use ioi_types::TransferId;
use std::collections::HashMap;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::io::unix::AsyncFd;
use tokio::sync::oneshot;

/// How long a transfer id lives.
const LIFETIME: Duration = Duration::from_secs(1);
/// Descriptors waited for at once.
const WAITING_MAX: usize = 1024;

type Waiting = HashMap<[u8; 16], oneshot::Sender<OwnedFd>>;

/// The descriptors that are on their way to this process.
#[derive(Clone)]
pub struct Transfers {
    waiting: Arc<Mutex<Option<Waiting>>>,
}

/// One awaited descriptor.
pub struct Awaited {
    id: TransferId,
    arrives: oneshot::Receiver<OwnedFd>,
    waiting: Arc<Mutex<Option<Waiting>>>,
}

fn lock(waiting: &Mutex<Option<Waiting>>) -> MutexGuard<'_, Option<Waiting>> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Transfers {
    /// Receives on `end` for as long as the process lives.
    ///
    /// # Errors
    /// When `end` is not the end of a descriptor channel.
    pub fn start(end: OwnedFd) -> io::Result<Self> {
        let channel = crate::watch(DescriptorChannel::from_fd(end).map_err(io::Error::other)?)?;
        let waiting = Arc::new(Mutex::new(Some(Waiting::new())));
        tokio::spawn(receive(channel, Arc::clone(&waiting)));
        Ok(Self { waiting })
    }

    /// Chooses an id and begins to wait for its descriptor.
    ///
    /// # Errors
    /// Too many are awaited, the channel is closed, or there are no random bytes.
    pub fn expect(&self) -> io::Result<Awaited> {
        let mut id = [0; 16];
        getrandom::fill(&mut id).map_err(io::Error::other)?;
        let (sender, arrives) = oneshot::channel();
        let mut guard = lock(&self.waiting);
        let waiting = guard.as_mut().ok_or_else(|| io::Error::from(io::ErrorKind::NotConnected))?;
        if waiting.len() >= WAITING_MAX {
            return Err(io::Error::other(format!("{WAITING_MAX} descriptors are awaited already")));
        }
        waiting.insert(id, sender);
        Ok(Awaited { id: TransferId(id), arrives, waiting: Arc::clone(&self.waiting) })
    }
}

impl Awaited {
    /// The id to name in the request.
    #[must_use]
    pub fn id(&self) -> TransferId {
        self.id
    }

    /// The descriptor, once it is there.
    ///
    /// # Errors
    /// `TimedOut` when it does not come in time, `NotConnected` when the channel closed.
    pub async fn arrival(mut self) -> io::Result<OwnedFd> {
        match tokio::time::timeout(LIFETIME, &mut self.arrives).await {
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
        if let Some(waiting) = lock(&self.waiting).as_mut() {
            waiting.remove(&self.id.0);
        }
    }
}

async fn receive(channel: AsyncFd<DescriptorChannel>, waiting: Arc<Mutex<Option<Waiting>>>) {
    while let Some((id, descriptor)) = next(&channel).await {
        let sender = lock(&waiting).as_mut().and_then(|waiting| waiting.remove(&id));
        match sender {
            // An error: whoever waited gave up in this moment; the descriptor is closed.
            Some(sender) => drop(sender.send(descriptor)),
            None => break,
        }
    }
    *lock(&waiting) = None;
}

async fn next(channel: &AsyncFd<DescriptorChannel>) -> Option<([u8; 16], OwnedFd)> {
    loop {
        let mut ready = channel.readable().await.ok()?;
        match channel.get_ref().try_recv() {
            Ok(Some(packet)) => return Some(packet),
            Ok(None) => ready.clear_ready(),
            Err(_) => return None,
        }
    }
}
