//! A port for a thread: it spins while that pays, then sleeps in the kernel, and is woken at once when
//! the peer is gone.

use super::Spin;
use ioi_shm::ring::Header;
use ioi_shm::{PeerWatch, Port, PortReceiver, PortSender, RecvError, SendError, SendTimeoutError};
use std::sync::Arc;
use std::time::Duration;

/// The sending end for a thread that waits for room.
#[derive(Debug)]
pub struct Sender<const SLOTS: usize, const BYTES: usize> {
    port: PortSender<SLOTS, BYTES>,
    spin: Spin,
    _watch: Option<Arc<PeerWatch>>,
}

/// The receiving end for a thread that waits for messages.
#[derive(Debug)]
pub struct Receiver<const SLOTS: usize, const BYTES: usize> {
    port: PortReceiver<SLOTS, BYTES>,
    spin: Spin,
    _watch: Option<Arc<PeerWatch>>,
}

/// Both ends of a port, for the same thread or two.
///
/// They spin if this process may run on more than one core. One that is bound to a core of its own,
/// while its peer has another, says so with [`split_with`].
#[must_use]
pub fn split<const SLOTS: usize, const BYTES: usize>(
    port: Port<SLOTS, BYTES>,
) -> (Sender<SLOTS, BYTES>, Receiver<SLOTS, BYTES>) {
    split_with(port, &Spin::adaptive())
}

/// [`split`] for ends that spin as they are told.
#[must_use]
pub fn split_with<const SLOTS: usize, const BYTES: usize>(
    port: Port<SLOTS, BYTES>,
    spin: &Spin,
) -> (Sender<SLOTS, BYTES>, Receiver<SLOTS, BYTES>) {
    let watch = PeerWatch::of(port.sender.life()).map(Arc::new);
    let sender = Sender { port: port.sender, spin: spin.clone(), _watch: watch.clone() };
    (sender, Receiver { port: port.receiver, spin: spin.clone(), _watch: watch })
}

impl<const SLOTS: usize, const BYTES: usize> Sender<SLOTS, BYTES> {
    /// Sends a message, waiting at most `timeout` for room.
    ///
    /// # Errors
    /// Those of [`PortSender::send_timeout`].
    #[inline]
    pub fn send(&mut self, msg_id: u32, payload: &[u8], timeout: Duration) -> Result<(), SendTimeoutError> {
        let look = |port: &mut PortSender<SLOTS, BYTES>| match port.try_send(msg_id, payload) {
            Err(SendError::Full) => None,
            other => Some(other.map_err(Into::into)),
        };
        self.spin.wait(&mut self.port, look, |port| port.send_timeout(msg_id, payload, timeout))
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
    /// Those of [`PortReceiver::recv_timeout`].
    #[inline]
    pub fn recv(&mut self, into: &mut [u8; BYTES], timeout: Duration) -> Result<Header, RecvError> {
        self.spin.wait(
            &mut (&mut self.port, into),
            |(port, into)| port.try_recv(into).map_err(Into::into).transpose(),
            |(port, into)| port.recv_timeout(into, timeout),
        )
    }

    /// The end as it is, to receive without waiting.
    pub fn port(&mut self) -> &mut PortReceiver<SLOTS, BYTES> {
        &mut self.port
    }
}
