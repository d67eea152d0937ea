//! The side that fills and seals.

use super::{ASK, Ask, BROADCAST_BYTES, BroadcastPort, HERE, Here};
use crate::{Awaitable, wait_any};
use ioi_shm::{ConnectError, DescriptorChannel, Handle, Port, Region, RegionError, SealError, Sealed};
use rustix::net::sockopt::set_socket_send_buffer_size;
use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::os::fd::AsFd;
use std::time::Duration;

/// Descriptors that wait in a channel count against everybody of the same user, so a
/// subscriber that asks and never takes gets the smallest queue that the kernel gives.
const QUEUE_BYTES: usize = 1;

/// Publishes to its subscribers; bounded in all that it keeps for each of them. How many
/// there may be is for its caller to say, who calls [`Publisher::subscribe`].
///
/// ```
/// use ioi_port::broadcast::{Publisher, Start, Subscriber};
/// use ioi_shm::DescriptorChannel;
/// use std::time::Duration;
///
/// let (ours, theirs) = DescriptorChannel::pair()?;
/// let second = Duration::from_secs(1);
/// let reading = std::thread::spawn(move || {
///     let mut subscriber = Subscriber::connect(theirs, Start::Oldest, 4096, second).expect("it is there");
///     let publication = subscriber.next(second).expect("it comes");
///     publication.bytes.to_vec()
/// });
/// let mut publisher = Publisher::new(7, 0, 4, 4096);
/// publisher.subscribe(ours, second)?;
/// publisher.publish(5, |bytes| bytes.copy_from_slice(b"hello"))?;
/// while !reading.is_finished() {
///     publisher.wait(Duration::from_millis(100))?;
///     publisher.serve();
/// }
/// assert_eq!(reading.join().expect("no panic"), b"hello");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Publisher {
    region: u64,
    type_id: u32,
    generation: u32,
    kept: VecDeque<(Handle, Sealed)>,
    kept_max: usize,
    bytes_max: u64,
    subscribers: Vec<Asker>,
    faults: u64,
}

#[derive(Debug)]
struct Asker {
    port: BroadcastPort,
    channel: DescriptorChannel,
    ask: Option<Ask>,
}

impl Publisher {
    /// A publisher of bytes of one type, under the region number `region`. It keeps the
    /// last `kept_max` publications, of at most `bytes_max` bytes each.
    ///
    /// # Panics
    /// When `kept_max` is 0.
    #[must_use]
    pub fn new(region: u64, type_id: u32, kept_max: usize, bytes_max: u64) -> Publisher {
        assert!(kept_max > 0, "a publication has to be kept until it is handed over");
        let (kept, subscribers) = (VecDeque::new(), Vec::new());
        Publisher { region, type_id, generation: 0, kept, kept_max, bytes_max, subscribers, faults: 0 }
    }

    /// Connects with a subscriber, which does the same with its end of the channel.
    ///
    /// # Errors
    /// [`ConnectError`].
    pub fn subscribe(&mut self, channel: DescriptorChannel, timeout: Duration) -> Result<(), ConnectError> {
        let port = Port::connect(&channel, 0, timeout)?;
        // Refused only for a descriptor that is no socket, which this one was found to be.
        set_socket_send_buffer_size(channel.as_fd(), QUEUE_BYTES).ok();
        self.subscribers.push(Asker { port, channel, ask: None });
        Ok(())
    }

    /// Fills `bytes` bytes, seals them, and hands them to all who have asked.
    ///
    /// # Errors
    /// [`PublishError`]; nothing is published then.
    pub fn publish(&mut self, bytes: u64, fill: impl FnOnce(&mut [u8])) -> Result<Handle, PublishError> {
        if bytes > self.bytes_max {
            return Err(PublishError::TooLong { bytes, bytes_max: self.bytes_max });
        }
        let mut region = Region::create(bytes)?;
        fill(&mut region.map_writer()?);
        let sealed = region.seal()?;
        // 0 stands for nothing seen, so it is left out when the count wraps.
        self.generation = self.generation.checked_add(1).unwrap_or(1);
        let (generation, type_id) = (self.generation, self.type_id);
        let handle = Handle { region: self.region, generation, type_id, offset: 0, length: bytes };
        if self.kept.len() == self.kept_max {
            self.kept.pop_front();
        }
        self.kept.push_back((handle, sealed));
        self.serve();
        Ok(handle)
    }

    /// Hands on what was asked for, without waiting for anybody, and forgets who is gone.
    pub fn serve(&mut self) {
        let kept = &self.kept;
        let before = self.subscribers.len();
        let mut gone = 0;
        self.subscribers.retain_mut(|asker| match asker.serve(kept) {
            Ok(()) if asker.port.receiver.bell().is_peer_gone() => {
                gone += 1;
                false
            }
            other => other.is_ok(),
        });
        self.faults += (before - self.subscribers.len() - gone) as u64;
    }

    /// Sleeps until a subscriber asks or leaves, at most `timeout`.
    ///
    /// Nobody is waited for that has no room: a subscriber that takes what it asked for
    /// before it asks again always has some, and another one holds up itself.
    ///
    /// # Errors
    /// When there are more subscribers than the kernel can wait for.
    pub fn wait(&mut self, timeout: Duration) -> io::Result<()> {
        let mut ports: Vec<&mut dyn Awaitable> = Vec::with_capacity(self.subscribers.len());
        ports.extend(self.subscribers.iter_mut().map(|asker| &mut asker.port.receiver as &mut dyn Awaitable));
        wait_any(&mut ports, timeout)
    }

    /// How many subscribers there are.
    #[must_use]
    pub fn subscribers(&self) -> usize {
        self.subscribers.len()
    }

    /// Subscribers that were dropped because they broke the protocol.
    #[must_use]
    pub fn faults(&self) -> u64 {
        self.faults
    }
}

/// The subscriber did what none does.
struct AtFault;

impl Asker {
    fn serve(&mut self, kept: &VecDeque<(Handle, Sealed)>) -> Result<(), AtFault> {
        self.listen()?;
        let Some(ask) = self.ask else { return Ok(()) };
        let newer = |handle: &Handle| ask.seen == 0 || is_newer(handle.generation, ask.seen);
        let mut due = kept.iter().filter(|(handle, _)| newer(handle));
        let due = if ask.newest_only { due.next_back() } else { due.next() };
        if let Some((handle, sealed)) = due
            && self.hand_over(ask, handle, sealed)?
        {
            self.ask = None;
        }
        Ok(())
    }

    /// Takes at most one ask in: there is no reason for a second before the first is answered.
    fn listen(&mut self) -> Result<(), AtFault> {
        let mut message = [0; BROADCAST_BYTES];
        let Some(header) = self.port.receiver.try_recv(&mut message).map_err(|_| AtFault)? else {
            return Ok(());
        };
        self.port.receiver.ack();
        let ask = Ask::read(&message[..header.length]).filter(|_| header.msg_id == ASK);
        match (ask, self.ask) {
            (Some(ask), None) => self.ask = Some(ask),
            _ => return Err(AtFault),
        }
        Ok(())
    }

    /// False when the subscriber has no room; it is tried again.
    fn hand_over(&mut self, ask: Ask, handle: &Handle, sealed: &Sealed) -> Result<bool, AtFault> {
        if self.port.sender.room().map_err(|_| AtFault)? == 0 {
            return Ok(false);
        }
        // Without a descriptor of ours to spare it is tried again, too.
        let Ok(descriptor) = sealed.reader_descriptor() else { return Ok(false) };
        if !self.channel.try_send(ask.id, descriptor.as_fd()).unwrap_or(false) {
            return Ok(false);
        }
        let here = Here { id: ask.id, handle: *handle }.to_bytes();
        self.port.sender.try_send(HERE, &here).map_err(|_| AtFault)?;
        Ok(true)
    }
}

/// Later in a count that wraps.
pub(super) fn is_newer(generation: u32, seen: u32) -> bool {
    (1..1 << 31).contains(&generation.wrapping_sub(seen))
}

/// Bytes that were not published.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PublishError {
    /// More than a publication may have.
    TooLong {
        /// How many.
        bytes: u64,
        /// The most there may be.
        bytes_max: u64,
    },
    /// There is no memory for them.
    Region(RegionError),
    /// They can't be sealed.
    Seal(SealError),
}

impl fmt::Display for PublishError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { bytes, bytes_max } => {
                write!(f, "a publication of {bytes} bytes is larger than the {bytes_max} that are allowed")
            }
            Self::Region(error) => error.fmt(f),
            Self::Seal(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for PublishError {}

impl From<RegionError> for PublishError {
    fn from(error: RegionError) -> Self {
        Self::Region(error)
    }
}

impl From<SealError> for PublishError {
    fn from(error: SealError) -> Self {
        Self::Seal(error)
    }
}
