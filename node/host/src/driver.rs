//! Drives the router over ports. One thread; it waits for nobody in particular.
//!
//! What comes faster than its sender may send stays in the sender's ring until it may,
//! so that it is the sender who waits.

use crate::router::{Effect, Input, Router};
use ioi_port::routed::{CapabilityId, Party, ROUTED_BYTES, RoutedPort};
use ioi_port::{Awaitable, wait_any};
use ioi_shm::{ConnectError, DescriptorChannel, Fault, Port};
use std::fmt;
use std::io;
use std::time::{Duration, Instant};

/// Messages that are taken from one party before the next has its turn.
const TURN_MESSAGES: usize = 16;
/// No sleep is longer, so that a peer which doesn't ring is still heard.
const SLEEP_MAX: Duration = Duration::from_millis(50);

/// A router with its ports.
#[derive(Debug)]
pub struct Host {
    router: Router,
    ports: Vec<Option<RoutedPort>>,
    started: Instant,
    effects: Vec<Effect>,
    /// By party: how often it broke its ring.
    faults: Vec<u64>,
}

impl Host {
    /// A host to which nobody is connected.
    #[must_use]
    pub fn new(router: Router) -> Host {
        let count = router.policy().parties().count();
        let ports = std::iter::repeat_with(|| None).take(count).collect();
        Host { router, ports, started: Instant::now(), effects: Vec::new(), faults: vec![0; count] }
    }

    /// Connects with the process at the other end of `channel`, which is `party` from now on.
    ///
    /// Serves nobody meanwhile: a host that has parties already connects in another
    /// thread and hands the port over with [`Host::attach_port`].
    ///
    /// # Errors
    /// [`AttachError`].
    pub fn attach(
        &mut self,
        party: Party,
        channel: &DescriptorChannel,
        timeout: Duration,
    ) -> Result<(), AttachError> {
        let place = self.ports.get(usize::from(party.0)).ok_or(AttachError::Unknown)?;
        if place.is_some() {
            return Err(AttachError::Taken);
        }
        self.attach_port(party, Port::connect(channel, u32::from(party.0), timeout)?)
    }

    /// Takes over a port that is connected with `party`.
    ///
    /// # Errors
    /// [`AttachError::Unknown`], [`AttachError::Taken`].
    pub fn attach_port(&mut self, party: Party, port: RoutedPort) -> Result<(), AttachError> {
        let place = self.ports.get_mut(usize::from(party.0)).ok_or(AttachError::Unknown)?;
        if place.is_some() {
            return Err(AttachError::Taken);
        }
        *place = Some(port);
        self.step(Input::Attached(party));
        Ok(())
    }

    /// Serves everybody once, and sleeps before it when there is nothing to do, at most
    /// `timeout`: what the caller has to do. Connections that ended are closed.
    ///
    /// # Errors
    /// When the kernel can't wait for so many.
    pub fn turn(&mut self, timeout: Duration) -> io::Result<Vec<Effect>> {
        self.sleep(timeout)?;
        self.step(Input::Tick);
        for party in self.router.policy().parties() {
            if self.take_from(party).is_err() {
                self.faults[usize::from(party.0)] += 1;
                self.detach(party);
            }
        }
        // After all have been heard, so that a revocation stops what came with it.
        for party in self.router.policy().parties() {
            if self.give_to(party).is_err() {
                self.faults[usize::from(party.0)] += 1;
                self.detach(party);
            }
        }
        Ok(std::mem::take(&mut self.effects))
    }

    /// Ends a capability, whoever holds it, and all that came of it: nothing flows by it from now on.
    pub fn revoke(&mut self, capability: CapabilityId) {
        self.step(Input::Revoke { capability });
    }

    /// The router, to look at.
    #[must_use]
    pub fn router(&self) -> &Router {
        &self.router
    }

    /// How many are connected.
    #[must_use]
    pub fn attached(&self) -> usize {
        self.ports.iter().flatten().count()
    }

    /// How often a party broke its ring.
    #[must_use]
    pub fn faults(&self, party: Party) -> u64 {
        self.faults.get(usize::from(party.0)).copied().unwrap_or_default()
    }

    /// Ends a party's connection. What it sent and the host has taken is still delivered, but leases
    /// no longer once it is connected again.
    pub fn detach(&mut self, party: Party) {
        if self.ports.get_mut(usize::from(party.0)).is_some_and(|port| port.take().is_some()) {
            self.step(Input::Detached(party));
        }
    }

    fn step(&mut self, input: Input<'_>) {
        self.router.step(input, self.started.elapsed(), &mut self.effects);
    }

    fn sleep(&mut self, timeout: Duration) -> io::Result<()> {
        let until_expiry = self.router.next_expiry().map(|at| at.saturating_sub(self.started.elapsed()));
        let mut timeout = timeout.min(SLEEP_MAX).min(until_expiry.unwrap_or(Duration::MAX));
        let mut ports: Vec<&mut dyn Awaitable> = Vec::with_capacity(2 * self.ports.len());
        for (party, port) in self.router.policy().parties().zip(&mut self.ports) {
            let Some(port) = port else { continue };
            match throttle(&self.router, party, self.started.elapsed()) {
                Some(wait) => timeout = timeout.min(wait),
                None => ports.push(&mut port.receiver),
            }
            if self.router.waits_for(party) {
                ports.push(&mut port.sender);
            }
        }
        wait_any(&mut ports, timeout)
    }

    /// Takes some of what a party has sent; a dead one is detached when all of it was taken.
    fn take_from(&mut self, party: Party) -> Result<(), Fault> {
        let mut message = [0; ROUTED_BYTES];
        for _ in 0..TURN_MESSAGES {
            let Some(port) = &mut self.ports[usize::from(party.0)] else { return Ok(()) };
            let must_wait = throttle(&self.router, party, self.started.elapsed()).is_some();
            if must_wait && !port.receiver.bell().is_peer_gone() {
                return Ok(());
            }
            let mut header = port.receiver.try_recv(&mut message)?;
            if header.is_none() {
                port.receiver.ack();
                if !port.receiver.bell().is_peer_gone() {
                    return Ok(());
                }
                // It may have sent something between the look and its end.
                header = port.receiver.try_recv(&mut message)?;
            }
            let Some(header) = header else {
                self.detach(party);
                return Ok(());
            };
            self.step(Input::Sent { by: party, msg_id: header.msg_id, message: &message[..header.length] });
        }
        Ok(())
    }

    fn give_to(&mut self, party: Party) -> Result<(), Fault> {
        let Some(port) = &mut self.ports[usize::from(party.0)] else { return Ok(()) };
        let messages = port.sender.room()?;
        if messages == 0 || !self.router.waits_for(party) {
            return Ok(());
        }
        let from = self.effects.len();
        self.step(Input::Room { of: party, messages });
        let Some(port) = &mut self.ports[usize::from(party.0)] else { return Ok(()) };
        let puts = self.effects.split_off(from);
        for put in &puts {
            if let Effect::Put { msg_id, message, .. } = put
                && port.sender.push(*msg_id, message).is_err()
            {
                // There was room, and the message fits: only a broken ring refuses it.
                return port.sender.room().map(drop);
            }
        }
        port.sender.publish();
        Ok(())
    }
}

/// How long a party's messages stay in its ring. Who may never send is refused at once,
/// so that it learns why.
fn throttle(router: &Router, party: Party, now: Duration) -> Option<Duration> {
    let wait = router.wait_of(party, now);
    (!wait.is_zero() && wait < Duration::MAX).then_some(wait)
}

/// A party that was not connected.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AttachError {
    /// It is no party of the policy.
    Unknown,
    /// It is connected already.
    Taken,
    /// The process doesn't connect.
    Connect(ConnectError),
}

impl fmt::Display for AttachError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.write_str("the policy has no such party"),
            Self::Taken => f.write_str("the party is connected already"),
            Self::Connect(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for AttachError {}

impl From<ConnectError> for AttachError {
    fn from(error: ConnectError) -> Self {
        Self::Connect(error)
    }
}
