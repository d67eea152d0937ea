//! Two rings between two processes, one each way, set up over a descriptor channel.
//!
//! # The hand-over
//! Both sides do the same: make a region (its receiver's control words, its sender's,
//! the slots), make a bell, and send a read-only descriptor of the region under
//! `ioi-port-memory\0`, then one end of the bell under `ioi-port-bell\0\0\0`. Then each
//! takes the other's two, checks them, and maps the region. Anything else ends it.
//! Who the peer is rests on the channel; what it can do is fill its own region.

use super::life::{PeerLife, SleepError};
use super::shared::{OwnMemory, OwnSection, PeerMemory, PeerSection};
use super::sleep::{Bell, wake};
use super::{ConnectError, DescriptorChannel, Handover, RangeError, SystemError};
use crate::page::{INDEX, WAKE_AT};
use crate::ring::{Header, Layout, Receiver, Sender};
use crate::sync::Ordering;
use crate::{Fault, OwnPage, PeerPage, SendError, Wake};
use std::fmt;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

const MEMORY_ID: [u8; 16] = *b"ioi-port-memory\0";
const BELL_ID: [u8; 16] = *b"ioi-port-bell\0\0\0";

/// Where the parts of a port's region lie: receiver's words, sender's words, slots.
const RECEIVER: u64 = 0;
const SENDER: u64 = 256;
const SLOTS_START: u64 = 512;
const PAGE_BYTES: u64 = 4096;

/// Beside `wake_at`: how its owner sleeps.
const SLEEPS_IN: usize = WAKE_AT + 1;
const IN_FUTEX: u32 = 0;
const IN_REACTOR: u32 = 1;

/// A longer timeout is one for ever: a year.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Both ends that one process has of a connection: `SLOTS` messages of at most `BYTES` bytes each way.
///
/// The bytes are copied in and out, so the peer may be hostile. There is no order
/// between a port and anything else.
#[derive(Debug)]
pub struct Port<const SLOTS: usize, const BYTES: usize> {
    /// Sends to the peer.
    pub sender: PortSender<SLOTS, BYTES>,
    /// Receives from the peer.
    pub receiver: PortReceiver<SLOTS, BYTES>,
}

/// The sending end.
#[derive(Debug)]
pub struct PortSender<const SLOTS: usize, const BYTES: usize> {
    ring: Sender<SLOTS, BYTES, OwnSection, PeerSection>,
    life: Arc<PeerLife>,
}

/// The receiving end.
#[derive(Debug)]
pub struct PortReceiver<const SLOTS: usize, const BYTES: usize> {
    ring: Receiver<SLOTS, BYTES, OwnSection, PeerSection>,
    life: Arc<PeerLife>,
}

impl<const SLOTS: usize, const BYTES: usize> Port<SLOTS, BYTES> {
    /// Bytes of the region of each side.
    pub const REGION_BYTES: u64 =
        (SLOTS_START + Layout::<SLOTS, BYTES>::DATA_WORDS as u64 * 8).next_multiple_of(PAGE_BYTES);

    /// Connects with the process at the other end of `channel`, which does the same
    /// within `timeout`; all it sends will be stamped with `peer`.
    ///
    /// # Errors
    /// [`ConnectError`] when memory can't be had, or the peer is gone, late or doesn't
    /// keep to the hand-over.
    pub fn connect(
        channel: &DescriptorChannel,
        peer: u32,
        timeout: Duration,
    ) -> Result<Port<SLOTS, BYTES>, ConnectError> {
        let handover = Handover::new(channel, timeout);
        let memory = OwnMemory::create(Self::REGION_BYTES, Self::REGION_BYTES)?;
        let (ours, for_peer) = DescriptorChannel::pair()?;
        handover.send(MEMORY_ID, memory.reader_descriptor()?.as_fd())?;
        handover.send(BELL_ID, for_peer.as_fd())?;
        drop(for_peer);
        let file = handover.expect(MEMORY_ID)?;
        let theirs = DescriptorChannel::from_fd(handover.expect(BELL_ID)?)?;
        let other = PeerMemory::accept(file, Self::REGION_BYTES, Self::REGION_BYTES)?;
        Ok(Self::assemble(&memory, &other, Bell::new(ours, theirs), peer)?)
    }

    fn assemble(memory: &OwnMemory, other: &PeerMemory, bell: Bell, peer: u32) -> Result<Self, RangeError> {
        let slots = SLOTS_START..SLOTS_START + Layout::<SLOTS, BYTES>::DATA_WORDS as u64 * 8;
        let nothing = SENDER..SENDER;
        let pages = [other.page(RECEIVER, nothing.clone())?, other.page(SENDER, nothing.clone())?];
        let life = Arc::new(PeerLife::new(bell, pages));
        let sender = Sender::new(memory.page(SENDER, slots.clone())?, other.page(RECEIVER, nothing.clone())?);
        let receiver = Receiver::new(memory.page(RECEIVER, nothing)?, other.page(SENDER, slots)?, peer);
        Ok(Port {
            sender: PortSender { ring: sender, life: Arc::clone(&life) },
            receiver: PortReceiver { ring: receiver, life },
        })
    }
}

impl<const SLOTS: usize, const BYTES: usize> PortSender<SLOTS, BYTES> {
    /// Sends a message if there is room. Never waits.
    ///
    /// # Errors
    /// Those of [`Sender::push`].
    #[inline]
    pub fn try_send(&mut self, msg_id: u32, payload: &[u8]) -> Result<(), SendError> {
        self.ring.push(msg_id, payload)?;
        self.publish();
        Ok(())
    }

    /// Writes a message that goes out with the next [`PortSender::publish`].
    ///
    /// # Errors
    /// Those of [`Sender::push`].
    #[inline]
    pub fn push(&mut self, msg_id: u32, payload: &[u8]) -> Result<(), SendError> {
        self.ring.push(msg_id, payload)
    }

    /// Sends a message of `length` bytes, which `fill` writes where it is sent from, if there is
    /// room. Never waits.
    ///
    /// # Errors
    /// Those of [`Sender::push_with`].
    #[inline]
    pub fn try_send_with(
        &mut self,
        msg_id: u32,
        length: usize,
        fill: impl FnOnce(&mut [u8]),
    ) -> Result<(), SendError> {
        self.ring.push_with(msg_id, length, fill)?;
        self.publish();
        Ok(())
    }

    /// As [`PortSender::push`], of `length` bytes that `fill` writes where they are sent from.
    ///
    /// # Errors
    /// Those of [`Sender::push_with`].
    #[inline]
    pub fn push_with(
        &mut self,
        msg_id: u32,
        length: usize,
        fill: impl FnOnce(&mut [u8]),
    ) -> Result<(), SendError> {
        self.ring.push_with(msg_id, length, fill)
    }

    /// How many messages could be pushed now.
    ///
    /// # Errors
    /// [`Fault`] when the receiver broke the ring.
    pub fn room(&mut self) -> Result<usize, Fault> {
        self.ring.room()
    }

    /// Makes all that was pushed visible at once, and wakes the peer if it sleeps.
    #[inline]
    pub fn publish(&mut self) {
        if self.ring.publish() == Wake::Needed {
            ring_peer(self.ring.own(), self.ring.peer(), self.bell());
        }
    }

    /// Sends a message, sleeping at most `timeout` for room.
    ///
    /// # Errors
    /// [`SendTimeoutError`].
    pub fn send_timeout(
        &mut self,
        msg_id: u32,
        payload: &[u8],
        timeout: Duration,
    ) -> Result<(), SendTimeoutError> {
        let deadline = Instant::now() + timeout.min(LONGEST);
        loop {
            match self.try_send(msg_id, payload) {
                Err(SendError::Full) => self.publish(),
                other => return Ok(other?),
            }
            self.ring.own().control()[SLEEPS_IN].store(IN_FUTEX, Ordering::Relaxed);
            if let Some(seen) = self.ring.prepare_sleep()? {
                self.life.sleep(self.ring.peer(), seen, deadline)?;
            }
        }
    }

    /// Before waiting for room in a reactor: true if there is none, so that the bell
    /// will be rung ([`PortSender::bell`]).
    ///
    /// # Errors
    /// [`Fault`] when the receiver broke the ring.
    pub fn prepare_reactor(&mut self) -> Result<bool, Fault> {
        self.ring.own().control()[SLEEPS_IN].store(IN_REACTOR, Ordering::Relaxed);
        Ok(self.ring.prepare_sleep()?.is_some())
    }

    /// What the peer rings; shared with the receiving end.
    #[must_use]
    pub fn bell(&self) -> &Bell {
        self.life.bell()
    }

    /// Whether the peer lives; shared with the receiving end. Who sleeps here looks every 50 ms,
    /// unless somebody watches it for them.
    #[must_use]
    pub fn life(&self) -> &Arc<PeerLife> {
        &self.life
    }
}

impl<const SLOTS: usize, const BYTES: usize> PortReceiver<SLOTS, BYTES> {
    /// Copies the next message out, if there is one. Never waits.
    ///
    /// # Errors
    /// [`Fault`] when the peer broke the ring.
    #[inline]
    pub fn try_recv(&mut self, into: &mut [u8; BYTES]) -> Result<Option<Header>, Fault> {
        try_recv(&mut self.ring, self.life.bell(), into)
    }

    /// Copies the next message out, sleeping at most `timeout` for it.
    ///
    /// # Errors
    /// [`RecvError`].
    pub fn recv_timeout(&mut self, into: &mut [u8; BYTES], timeout: Duration) -> Result<Header, RecvError> {
        let deadline = Instant::now() + timeout.min(LONGEST);
        recv_until(&mut self.ring, &self.life, into, deadline)
    }

    /// Gives back all slots that were taken. Done by itself every quarter of a lap and
    /// before sleeping; a polling receiver that falls silent may want it earlier.
    #[inline]
    pub fn ack(&mut self) {
        ack(&mut self.ring, self.life.bell());
    }

    /// Before waiting for a message in a reactor: true if there is none, so that the
    /// bell will be rung ([`PortReceiver::bell`]).
    ///
    /// # Errors
    /// [`Fault`] when the peer broke the ring.
    pub fn prepare_reactor(&mut self) -> Result<bool, Fault> {
        self.ack();
        self.ring.own().control()[SLEEPS_IN].store(IN_REACTOR, Ordering::Relaxed);
        Ok(self.ring.prepare_sleep()?.is_some())
    }

    /// What the peer rings; shared with the sending end.
    #[must_use]
    pub fn bell(&self) -> &Bell {
        self.life.bell()
    }

    /// Whether the peer lives, as [`PortSender::life`].
    #[must_use]
    pub fn life(&self) -> &Arc<PeerLife> {
        &self.life
    }
}

#[inline]
fn try_recv<const SLOTS: usize, const BYTES: usize, O: OwnPage, P: PeerPage>(
    ring: &mut Receiver<SLOTS, BYTES, O, P>,
    bell: &Bell,
    into: &mut [u8; BYTES],
) -> Result<Option<Header>, Fault> {
    let received = ring.try_recv(into)?;
    if ring.ack_is_due() {
        ack(ring, bell);
    }
    Ok(received)
}

#[inline]
fn ack<const SLOTS: usize, const BYTES: usize, O: OwnPage, P: PeerPage>(
    ring: &mut Receiver<SLOTS, BYTES, O, P>,
    bell: &Bell,
) {
    if ring.ack() == Wake::Needed {
        ring_peer(ring.own(), ring.peer(), bell);
    }
}

fn recv_until<const SLOTS: usize, const BYTES: usize, O: OwnPage, P: PeerPage>(
    ring: &mut Receiver<SLOTS, BYTES, O, P>,
    life: &PeerLife,
    into: &mut [u8; BYTES],
    deadline: Instant,
) -> Result<Header, RecvError> {
    loop {
        if let Some(header) = try_recv(ring, life.bell(), into)? {
            return Ok(header);
        }
        ack(ring, life.bell());
        ring.own().control()[SLEEPS_IN].store(IN_FUTEX, Ordering::Relaxed);
        let slept = match ring.prepare_sleep()? {
            Some(seen) => life.sleep(ring.peer(), seen, deadline),
            // A sender that shows a message and takes it back can't keep this loop going.
            None if Instant::now() >= deadline => Err(SleepError::TimedOut),
            None => Ok(()),
        };
        match slept {
            Ok(()) => {}
            // What it committed in its last moments counts, whether it rang or not.
            Err(error @ (SleepError::Closed | SleepError::TimedOut)) => {
                return try_recv(ring, life.bell(), into)?.ok_or(error.into());
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Wakes the peer in the way that its page asks for. A lie there is the liar's loss.
#[cold]
fn ring_peer(own: &impl OwnPage, peer: &impl PeerPage, bell: &Bell) {
    if peer.control(SLEEPS_IN).load(Ordering::Relaxed) == IN_REACTOR {
        bell.ring();
    } else {
        wake(&own.control()[INDEX]);
    }
}

/// No message was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RecvError {
    /// None came in time.
    TimedOut,
    /// The peer is gone, and everything that it sent was received.
    Closed,
    /// The peer broke the ring.
    Poisoned(Fault),
    /// A system call failed.
    System(SystemError),
}

/// A message was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendTimeoutError {
    /// The peer made no room in time.
    TimedOut,
    /// The peer is gone.
    Closed,
    /// It can't be sent at all.
    Send(SendError),
    /// A system call failed.
    System(SystemError),
}

impl fmt::Display for RecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TimedOut => f.write_str("no message came in time"),
            Self::Closed => f.write_str("the peer is gone"),
            Self::Poisoned(fault) => write!(f, "the peer broke the ring: {fault}"),
            Self::System(error) => error.fmt(f),
        }
    }
}

impl fmt::Display for SendTimeoutError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TimedOut => f.write_str("the peer made no room in time"),
            Self::Closed => f.write_str("the peer is gone"),
            Self::Send(error) => error.fmt(f),
            Self::System(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for RecvError {}
impl std::error::Error for SendTimeoutError {}

impl From<Fault> for RecvError {
    fn from(fault: Fault) -> Self {
        Self::Poisoned(fault)
    }
}

impl From<SleepError> for RecvError {
    fn from(error: SleepError) -> Self {
        match error {
            SleepError::TimedOut => Self::TimedOut,
            SleepError::Closed => Self::Closed,
            SleepError::System(error) => Self::System(error),
        }
    }
}

impl From<Fault> for SendTimeoutError {
    fn from(fault: Fault) -> Self {
        Self::Send(fault.into())
    }
}

impl From<SendError> for SendTimeoutError {
    fn from(error: SendError) -> Self {
        Self::Send(error)
    }
}

impl From<SleepError> for SendTimeoutError {
    fn from(error: SleepError) -> Self {
        match error {
            SleepError::TimedOut => Self::TimedOut,
            SleepError::Closed => Self::Closed,
            SleepError::System(error) => Self::System(error),
        }
    }
}

/// So that a reactor can wait for the peer.
impl<const SLOTS: usize, const BYTES: usize> AsFd for PortReceiver<SLOTS, BYTES> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.life.as_fd()
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::super::ChannelError;
    use super::*;

    type Small = Port<4, 48>;

    fn pair() -> (Small, Small) {
        let (one, other) = DescriptorChannel::pair().unwrap();
        let second = std::time::Duration::from_secs(10);
        let peer = std::thread::spawn(move || Small::connect(&other, 1, second).unwrap());
        (Small::connect(&one, 2, second).unwrap(), peer.join().unwrap())
    }

    #[test]
    fn what_a_peer_committed_before_it_died_is_received_although_it_never_rang() {
        let (mut ours, mut theirs) = pair();
        ours.sender.try_send(1, b"first").unwrap();
        let receiver = std::thread::spawn(move || {
            let mut bytes = [0; 48];
            let mut next = || theirs.receiver.recv_timeout(&mut bytes, Duration::from_secs(10));
            (next().unwrap().msg_id, next().map(|header| header.msg_id), next().map(|header| header.msg_id))
        });
        while ours.sender.ring.peer().control(WAKE_AT).load(Ordering::SeqCst) != 1 {
            std::thread::yield_now();
        }
        // The receiver is about to sleep or sleeps. Message 2 is committed, and then the sender is no more.
        let slot = &ours.sender.ring.own().data()[Layout::<4, 48>::SLOT_WORDS..];
        slot[1].store(2, Ordering::Relaxed);
        slot[0].store(2 | 1 << 48, Ordering::Release);
        drop(ours);
        assert_eq!(receiver.join().unwrap(), (1, Ok(2), Err(RecvError::Closed)));
    }

    /// A sender's page whose first slot shows a message at every second look, and for good
    /// only after a million of them.
    #[derive(Debug)]
    struct Flickering {
        page: crate::LocalPage,
        looks: std::cell::Cell<u32>,
    }

    impl PeerPage for Flickering {
        fn control(&self, index: usize) -> crate::Word<'_> {
            PeerPage::control(&self.page, index)
        }
        fn data(&self) -> crate::Words<'_> {
            let look = self.looks.replace(self.looks.get() + 1);
            let is_shown = look.is_multiple_of(2) || look > 1_000_000;
            OwnPage::data(&self.page)[0].store(u64::from(is_shown) * (1 | 1 << 48), Ordering::Relaxed);
            PeerPage::data(&self.page)
        }
    }

    #[test]
    fn a_message_that_is_shown_and_taken_back_without_end_delays_no_deadline() {
        let page = crate::LocalPage::new(Layout::<4, 48>::DATA_WORDS);
        let peer = Flickering { page, looks: 0.into() };
        let mut ring = Receiver::<4, 48, _, _>::new(crate::LocalPage::new(0), peer, 1);
        let (port, _peer) = pair();
        let received = recv_until(&mut ring, port.sender.life(), &mut [0; 48], Instant::now());
        assert_eq!(received, Err(RecvError::TimedOut));
    }

    #[test]
    fn a_peer_that_takes_its_time_at_each_step_is_late_all_the_same() {
        let (ours, theirs) = DescriptorChannel::pair().unwrap();
        let timeout = Duration::from_millis(400);
        let peer = std::thread::spawn(move || {
            let memory = OwnMemory::create(Small::REGION_BYTES, Small::REGION_BYTES).unwrap();
            std::thread::sleep(timeout * 3 / 4);
            theirs.send(MEMORY_ID, memory.reader_descriptor().unwrap().as_fd()).unwrap();
            std::thread::sleep(timeout * 3 / 4);
            let (bell, _other) = DescriptorChannel::pair().unwrap();
            // It may find the channel closed by now.
            theirs.send(BELL_ID, bell.as_fd()).ok();
        });
        let connected = Small::connect(&ours, 1, timeout);
        assert_eq!(connected.err(), Some(ConnectError::Channel(ChannelError::TimedOut)));
        peer.join().unwrap();
    }
}
