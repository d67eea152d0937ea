//! One thread that waits for several ports.

use ioi_shm::{Bell, Fault, PortReceiver, PortSender};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::time::Timespec;
use std::io;
use std::os::fd::AsFd;
use std::time::Duration;

/// Something on a port that can be waited for: messages, or room.
pub trait Awaitable {
    /// Asks the peer to ring; false if there is no need to wait.
    ///
    /// # Errors
    /// [`Fault`] when the peer broke the ring.
    fn prepare(&mut self) -> Result<bool, Fault>;
    /// What it will ring.
    fn bell(&self) -> &Bell;
}

impl<const SLOTS: usize, const BYTES: usize> Awaitable for PortReceiver<SLOTS, BYTES> {
    fn prepare(&mut self) -> Result<bool, Fault> {
        self.prepare_reactor()
    }
    fn bell(&self) -> &Bell {
        PortReceiver::bell(self)
    }
}

impl<const SLOTS: usize, const BYTES: usize> Awaitable for PortSender<SLOTS, BYTES> {
    fn prepare(&mut self) -> Result<bool, Fault> {
        self.prepare_reactor()
    }
    fn bell(&self) -> &Bell {
        PortSender::bell(self)
    }
}

/// Sleeps until one of them has something, its peer is gone, or `timeout` is over.
///
/// Both ends of a port share one bell, so whoever waits for both names both in one call.
/// Two threads that each wait for one of them take each other's rings off, and sleep
/// until their timeouts; so does a thread that waits here while another waits in a reactor.
///
/// It may wake for nothing, and a broken ring counts as something: the caller looks at
/// each. A peer that lies about being asleep, or rings for fun, costs a look.
///
/// # Errors
/// When the kernel can't poll that many.
pub fn wait_any(ports: &mut [&mut dyn Awaitable], timeout: Duration) -> io::Result<()> {
    // Rings up to now are about what the looks that follow will see. Every bell is silenced
    // before the first look: one that belongs to two ends must not lose the ring that
    // answers the first while the second is prepared.
    for port in ports.iter() {
        port.bell().silence();
    }
    for port in ports.iter_mut() {
        if !port.prepare().unwrap_or(false) {
            return Ok(());
        }
    }
    let mut bells: Vec<PollFd<'_>> =
        ports.iter().map(|port| PollFd::from_borrowed_fd(port.bell().as_fd(), PollFlags::IN)).collect();
    let timeout = Timespec::try_from(timeout).ok();
    match poll(&mut bells, timeout.as_ref()) {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}
