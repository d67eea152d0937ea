//! A port for tasks of tokio, which sleep in its reactor until the peer rings.
//!
//! # Why no wake is lost
//! One bell serves both ends of a port, and whoever hears it takes its rings off. So
//! each waiting task takes a ticket *before* it asks the peer to ring; a ring that is an
//! answer to that comes later than the ticket. Whichever task takes the ring off calls
//! all tickets after it, and the task looks again. If nobody takes it off, the bell's
//! descriptor stays ready, and the task hears it itself.
//!
//! # Cancellation
//! A message is taken or written in one step that waits for nothing, at the very end. A
//! future that is dropped before has received or sent nothing.

use ioi_shm::ring::Header;
use ioi_shm::{Bell, Fault, Port, PortReceiver, PortSender, RecvError, SendError, SendTimeoutError};
use std::future::Future;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::unix::AsyncFd;
use tokio::sync::Notify;
use tokio::task::coop::consume_budget;
use tokio::time::{Instant, timeout_at};

/// The bell in the reactor, for both ends.
#[derive(Debug)]
struct Ear {
    bell: AsyncFd<OwnedFd>,
    tickets: Notify,
}

impl Ear {
    /// Waits until the bell rings, or another task has heard it since `ticket` was
    /// taken; false when the time is up, also for a peer that rings without end.
    async fn listen(&self, ticket: impl Future<Output = ()>, bell: &Bell, deadline: Instant) -> bool {
        let either = async {
            tokio::select! {
                () = ticket => {}
                heard = self.bell.readable() => {
                    if let Ok(mut heard) = heard && bell.silence() {
                        heard.clear_ready();
                    }
                    self.tickets.notify_waiters();
                }
            }
        };
        timeout_at(deadline, either).await.is_ok() && Instant::now() < deadline
    }
}

/// The sending end for a task that waits for room.
#[derive(Debug)]
pub struct Sender<const SLOTS: usize, const BYTES: usize> {
    port: PortSender<SLOTS, BYTES>,
    ear: Arc<Ear>,
}

/// The receiving end for a task that waits for messages.
#[derive(Debug)]
pub struct Receiver<const SLOTS: usize, const BYTES: usize> {
    port: PortReceiver<SLOTS, BYTES>,
    ear: Arc<Ear>,
}

/// Both ends of a port, for the same task or two, in the runtime that is running.
///
/// # Errors
/// When descriptors run out.
pub fn split<const SLOTS: usize, const BYTES: usize>(
    port: Port<SLOTS, BYTES>,
) -> io::Result<(Sender<SLOTS, BYTES>, Receiver<SLOTS, BYTES>)> {
    let bell = crate::watch(port.receiver.bell().as_fd().try_clone_to_owned()?)?;
    let ear = Arc::new(Ear { bell, tickets: Notify::new() });
    let (sender, receiver) = (port.sender, port.receiver);
    let receiver = Receiver { port: receiver, ear: Arc::clone(&ear) };
    Ok((Sender { port: sender, ear }, receiver))
}

impl<const SLOTS: usize, const BYTES: usize> Sender<SLOTS, BYTES> {
    /// Sends a message, waiting at most `timeout` for room.
    ///
    /// # Errors
    /// [`SendTimeoutError`]; a future that is dropped has sent nothing.
    pub async fn send(
        &mut self,
        msg_id: u32,
        payload: &[u8],
        timeout: Duration,
    ) -> Result<(), SendTimeoutError> {
        let deadline = Instant::now() + timeout.min(crate::LONGEST);
        loop {
            consume_budget().await;
            let ticket = self.ear.tickets.notified();
            match self.port.try_send(msg_id, payload) {
                // What was pushed and not published can't be taken, so waiting for room would be in vain.
                Err(SendError::Full) => self.port.publish(),
                other => return Ok(other?),
            }
            if self.port.bell().is_peer_gone() {
                return Err(SendTimeoutError::Closed);
            }
            if self.port.prepare_reactor()? && !self.ear.listen(ticket, self.port.bell(), deadline).await {
                return Err(SendTimeoutError::TimedOut);
            }
        }
    }

    /// The end as it is, to send without waiting or in batches.
    pub fn port(&mut self) -> &mut PortSender<SLOTS, BYTES> {
        &mut self.port
    }
}

impl<const SLOTS: usize, const BYTES: usize> Receiver<SLOTS, BYTES> {
    /// Copies the next message out, waiting at most `timeout` for it.
    ///
    /// # Errors
    /// [`RecvError`]; a future that is dropped has taken nothing.
    pub async fn recv(&mut self, into: &mut [u8; BYTES], timeout: Duration) -> Result<Header, RecvError> {
        let deadline = Instant::now() + timeout.min(crate::LONGEST);
        loop {
            consume_budget().await;
            let ticket = self.ear.tickets.notified();
            if let Some(header) = self.port.try_recv(into)? {
                return Ok(header);
            }
            // What a peer sent before it died is there by now: one more look.
            if self.port.bell().is_peer_gone() {
                return self.port.try_recv(into)?.ok_or(RecvError::Closed);
            }
            let is_over = match self.port.prepare_reactor()? {
                true => !self.ear.listen(ticket, self.port.bell(), deadline).await,
                // A sender that shows a message and takes it back can't keep this loop going.
                false => Instant::now() >= deadline,
            };
            if is_over {
                return self.port.try_recv(into)?.ok_or(RecvError::TimedOut);
            }
        }
    }

    /// Copies the next message out if there is one.
    ///
    /// # Errors
    /// [`Fault`] when the peer broke the ring.
    pub fn try_recv(&mut self, into: &mut [u8; BYTES]) -> Result<Option<Header>, Fault> {
        self.port.try_recv(into)
    }
}
